"""Whether two sets of keypoints look like those of one person or of two.

No affine aligns two people exactly, and what remains does not average out over keypoints: it belongs to the predicted
error everywhere.  The residuals alone do not show it, because a network puts keypoints where anatomy usually is.  What
they do show is how much better an affine aligns the keypoints than a rigid motion: by how much the heads differ in size
and shape.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.alignment import DegenerateError, extents, fit
from ..geometry.transforms import TransformType, apply

#: Root-mean-square difference in size and shape, relative to the extent of the keypoints: scans of one person stay below
#: the first (their scales differ by a percent, contrasts by a little more), those of two people above the second.  Our own
#: definition; measured on pairs of real scans, one person's across contrasts and different people's.
_ONE_PERSON, _TWO_PEOPLE = 0.015, 0.03


def unlikeness(fixed: NDArray, moving: NDArray, weights: NDArray) -> float | None:
    """How far paired positions (N, 3) in mm look like those of two people: 0 (one) to 1 (two).

    ``weights`` (N,) are positive.  None where the pairs are too few or too flat to tell.
    """
    count = len(fixed)
    spare = {kind: 3 * count - kind.parameters for kind in (TransformType.RIGID, TransformType.AFFINE)}
    if min(spare.values()) <= 0:
        return None
    try:
        left = {kind: _mean_square(kind, fixed, moving, weights) * 3 * count / free for kind, free in spare.items()}
    except DegenerateError:
        return None
    gained = max(0.0, left[TransformType.RIGID] - left[TransformType.AFFINE])
    difference = np.sqrt(gained / np.square(extents(fixed, weights)).sum())
    return float(np.clip((difference - _ONE_PERSON) / (_TWO_PEOPLE - _ONE_PERSON), 0.0, 1.0))


def _mean_square(kind: TransformType, fixed: NDArray, moving: NDArray, weights: NDArray) -> float:
    """Weighted mean squared distance in mm² after the best alignment of a kind."""
    squares = ((apply(fit(kind, moving, fixed, weights), moving) - fixed) ** 2).sum(axis=1)
    return float(np.average(squares, weights=weights))
