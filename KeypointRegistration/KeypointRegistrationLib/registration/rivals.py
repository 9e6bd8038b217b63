"""Whether two scans of one person look more alike turned quite another way: keypoints that agree can all be wrong.

A small round head seen the wrong way round can give keypoints that agree with each other in both scans.  Intensities of one
person tell: all rotations are looked at coarsely, and the most promising are refined.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..geometry.transforms import TransformType, affine, apply, invert, rotation_angle
from ..geometry.volume import Volume
from .refinement import refine
from .region import head_region
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
    likeness = _Likeness(coarsened(fixed, _SPACING), coarsened(moving, _SPACING))
    turns = Rotation.random(_ROTATIONS, random_state=0).as_matrix()
    poses = [_about(pivot, turn) @ moving_to_fixed for turn in turns]
    far = [pose for pose in poses if not agree(pose, moving_to_fixed)]
    scores = [likeness(pose) for pose in far]
    reached = likeness(moving_to_fixed)
    best: NDArray[np.float64] | None = None
    for start in _finalists([pose for _, pose in sorted(zip(scores, far, strict=True), key=lambda scored: -scored[0])]):
        if likeness(start) < _PROMISING * reached:
            break
        refined = refine(fixed, moving, start, TransformType.RIGID, None, fixed_mask, moving_mask, focus=anatomy).matrix
        if not agree(refined, moving_to_fixed) and likeness(refined) > reached:
            best, reached = refined, likeness(refined)
    return best


def agree(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two poses, 4×4, are not rivals: refinement leads from one to the other."""
    return rotation_angle(first @ invert(second)) <= _APART


class _Likeness:
    """How alike two coarse scans look at a pose: normalised mutual information − 1, quick enough for hundreds of poses."""

    def __init__(self, fixed: Volume, moving: Volume) -> None:
        kji = np.argwhere(head_region(fixed))
        kji = kji[:: 1 + len(kji) // _MOST_POINTS]
        self._points = apply(fixed.ijk_to_ras, kji[:, ::-1])
        self._fixed_bins = _binned(fixed.voxels[tuple(kji.T)])
        self._moving_bins = _binned(moving.voxels).reshape(moving.shape)
        self._to_voxels = moving.ras_to_ijk

    def __call__(self, moving_to_fixed: NDArray[np.float64]) -> float:
        index = np.round(apply(self._to_voxels @ invert(moving_to_fixed), self._points)).astype(int)[:, ::-1]
        inside = ((index >= 0) & (index < self._moving_bins.shape)).all(axis=1)
        if inside.sum() < _FEWEST_POINTS:
            return 0.0
        moving_bins = self._moving_bins[tuple(index[inside].T)]
        joint = np.bincount(self._fixed_bins[inside] * _BINS + moving_bins, minlength=_BINS**2).reshape(_BINS, _BINS)
        joint = joint / joint.sum()
        return _entropy(joint.sum(axis=0)) / _entropy(joint) + _entropy(joint.sum(axis=1)) / _entropy(joint) - 1


def _binned(values: NDArray) -> NDArray[np.intp]:
    low, high = np.percentile(values, (0.5, 99.5))
    return np.clip((values.ravel() - low) / max(high - low, 1e-12) * _BINS, 0, _BINS - 1).astype(np.intp)


def _entropy(probabilities: NDArray) -> float:
    positive = probabilities[probabilities > 0]
    return max(float(-(positive * np.log(positive)).sum()), 1e-12)


def _finalists(ranked: list[NDArray]) -> list[NDArray]:
    """The first few of the poses, best first, that are not within reach of refinement from a better one."""
    chosen: list[NDArray] = []
    for pose in ranked:
        if not any(agree(pose, other) for other in chosen):
            chosen.append(pose)
        if len(chosen) == _FINALISTS:
            break
    return chosen


def _about(pivot: NDArray, turn: NDArray) -> NDArray[np.float64]:
    return affine(turn, pivot - turn @ pivot)
