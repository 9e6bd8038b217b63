"""Whether two scans of one person look more alike in another pose: keypoints that agree can all be wrong.

A small round head seen the wrong way round can give keypoints that agree with each other in both scans.  Intensities of one
person tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.transforms import TransformType, apply, invert
from ..geometry.volume import Volume
from .matching import APART, Matcher, apart
from .refinement import refine
from .region import SURFACE
from .similarity import likeness

_FINALISTS = 2
_BETTER = 1.03  # times as alike: less is the same pose
_CLEARLY = 1.15  # times as good a match as any pose turned another way
_GOOD = 0.5  # match, at least: what is out of view matches something else by 0.4


@dataclass(frozen=True, eq=False)
class Rival:
    """A rigid pose at which two scans look more alike than at the one they were compared with.

    Attributes:
        moving_to_fixed: 4×4 RAS.
        clear: whether the scans look much alike there, and at no other pose nearly as much.
    """

    moving_to_fixed: NDArray[np.float64]
    clear: bool


def rival_pose(
    fixed: Volume,
    moving: Volume,
    moving_to_fixed: NDArray[np.float64],
    anatomy: NDArray[np.float64],
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
) -> Rival | None:
    """A pose at which the scans look more alike than at ``moving_to_fixed`` (4×4 RAS), or None.

    All rotations are looked at, and shifts of a few centimetres.  ``anatomy`` (N, 3), fixed RAS mm, are points all over what
    should fit, such as the fixed keypoints.
    """
    about = apply(invert(moving_to_fixed), anatomy.mean(axis=0)[None])[0]
    matcher = Matcher(fixed, moving, anatomy, about, fixed_mask, moving_mask)
    best, *others = matcher.matches(_FINALISTS)
    pose = settled(fixed, moving, best.pose, anatomy, fixed_mask, moving_mask)
    reached, found = (likeness(fixed, moving, matrix, anatomy) - 1 for matrix in (moving_to_fixed, pose))
    if found < _BETTER * reached:
        return None
    far = [other.score for other in others]
    if not agree(pose, moving_to_fixed):
        far.append(matcher.score(moving_to_fixed))
    return Rival(pose, matcher.score(pose) > max([_GOOD, *(_CLEARLY * score for score in far)]))


def settled(
    fixed: Volume,
    moving: Volume,
    pose: NDArray[np.float64],
    anatomy: NDArray[np.float64],
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
) -> NDArray[np.float64]:
    """A rigid ``pose``, 4×4 moving → fixed RAS, refined by intensities alone, whatever keypoints say."""
    refinement = refine(
        fixed, moving, pose, TransformType.RIGID, None, fixed_mask, moving_mask, focus=anatomy, margin=SURFACE, locally=True
    )
    return refinement.matrix


def agree(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two poses, 4×4, are turned so little from each other that refinement may lead from one to the other."""
    return apart(first, second) <= APART
