"""Whether two scans of one person look more alike turned quite another way: keypoints that agree can all be wrong.

A small round head seen the wrong way round can give keypoints that agree with each other in both scans.  Intensities of one
person tell: all rotations are looked at coarsely, and the most promising are refined.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..geometry.sampling import Grid
from ..geometry.transforms import TransformType, affine, apply, invert, rotation_angle
from ..geometry.volume import Volume
from .refinement import refine
from .region import SURFACE, region_around
from .similarity import alike, binned
from .working_copy import coarsened

_ROTATIONS = 1000  # at random, the same at every call: none is further than about 20° from one of them
_SPACING = 5.0  # mm
_APART = 20.0  # degrees: a rival is at least this far from the alignment
_FINALISTS = 5
_BINS = 16
_FEWEST_POINTS = 100
_MOST_POINTS = 4000
_PROMISING = 0.3  # of how alike the alignment makes the scans: less is not worth refining


def rival_pose(
    fixed: Volume,
    moving: Volume,
    moving_to_fixed: NDArray[np.float64],
    anatomy: NDArray[np.float64],
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
) -> NDArray[np.float64] | None:
    """The rigid pose, 4×4 moving → fixed RAS, far from ``moving_to_fixed`` that makes the scans look more alike, or None.

    ``anatomy`` (N, 3), fixed RAS mm, are points all over what should fit, such as the fixed keypoints: every pose that is
    looked at keeps their middle in place.
    """
    pivot = anatomy.mean(axis=0)
    likeness = _Likeness(coarsened(fixed, _SPACING), coarsened(moving, _SPACING), anatomy)
    turns = Rotation.random(_ROTATIONS, random_state=0).as_matrix()
    poses = [_about(pivot, turn) @ moving_to_fixed for turn in turns]
    far = [(likeness(pose), pose) for pose in poses if not agree(pose, moving_to_fixed)]
    reached = likeness(moving_to_fixed)
    best: NDArray[np.float64] | None = None
    for score, start in _finalists(far):
        if score < _PROMISING * reached:
            break
        refined = refine(fixed, moving, start, TransformType.RIGID, None, fixed_mask, moving_mask, focus=anatomy).matrix
        found = likeness(refined)
        if found > reached and not agree(refined, moving_to_fixed):
            best, reached = refined, found
    return best


def agree(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two poses, 4×4, are not rivals: refinement leads from one to the other."""
    return rotation_angle(first @ invert(second)) <= _APART


class _Likeness:
    """How alike two coarse scans look at a pose: normalised mutual information − 1, quick enough for hundreds of poses."""

    def __init__(self, fixed: Volume, moving: Volume, anatomy: NDArray) -> None:
        kji = np.argwhere(region_around(anatomy, SURFACE, Grid.of(fixed)))
        kji = kji[:: 1 + len(kji) // _MOST_POINTS]
        self._points = apply(fixed.ijk_to_ras, kji[:, ::-1])
        self._fixed_bins = binned(fixed.voxels[tuple(kji.T)], _BINS)
        self._moving_bins = binned(moving.voxels, _BINS)
        self._to_voxels = moving.ras_to_ijk

    def __call__(self, moving_to_fixed: NDArray[np.float64]) -> float:
        index = np.round(apply(self._to_voxels @ invert(moving_to_fixed), self._points)).astype(int)[:, ::-1]
        inside = ((index >= 0) & (index < self._moving_bins.shape)).all(axis=1)
        if inside.sum() < _FEWEST_POINTS:
            return 0.0
        return alike(self._fixed_bins[inside], self._moving_bins[tuple(index[inside].T)], _BINS) - 1


def _finalists(scored: list[tuple[float, NDArray]]) -> list[tuple[float, NDArray]]:
    """The first few poses, highest score first, that are not within reach of refinement from a better one."""
    chosen: list[tuple[float, NDArray]] = []
    for score, pose in sorted(scored, key=lambda item: -item[0]):
        if not any(agree(pose, better) for _, better in chosen):
            chosen.append((score, pose))
        if len(chosen) == _FINALISTS:
            break
    return chosen


def _about(pivot: NDArray, turn: NDArray) -> NDArray[np.float64]:
    return affine(turn, pivot - turn @ pivot)
