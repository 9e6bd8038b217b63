"""How well two scans are aligned: overlap of labels, and distance from a known motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.sampling import Grid, sample
from ..geometry.transforms import apply, invert, rotation_angle
from ..geometry.volume import Volume


def mean_dice(fixed: Volume, moving: Volume, moving_to_fixed: ArrayLike, smallest: float) -> float:
    """Mean Dice overlap of the labels that fill at least ``smallest`` mm³ of the fixed label map.

    The moving labels are sampled on the fixed grid by nearest neighbour after 4×4 ``moving_to_fixed`` (RAS).
    """
    target = fixed.voxels.astype(np.int64)
    moved = sample(moving, Grid.of(fixed), moving_to_fixed, order=0).astype(np.int64)
    size = int(max(target.max(), moved.max())) + 1
    in_fixed, in_moved = np.bincount(target.ravel(), minlength=size), np.bincount(moved.ravel(), minlength=size)
    in_both = np.bincount(target[target == moved], minlength=size)
    large = in_fixed * fixed.voxel_volume >= smallest
    large[0] = False
    return float(np.mean(2 * in_both[large] / (in_fixed[large] + in_moved[large])))


@dataclass(frozen=True)
class MotionError:
    """Difference of a found from a true motion.

    Attributes:
        corner_mm: mean displacement of the corners of the anatomy's box.
        rotation_deg: geodesic angle.
        translation_mm: displacement of the anatomy's centre.
    """

    corner_mm: float
    rotation_deg: float
    translation_mm: float


def motion_error(found: ArrayLike, truth: ArrayLike, corners: NDArray) -> MotionError:
    """Error of 4×4 ``found`` against ``truth`` (both moving → fixed) at ``corners`` (8, 3), fixed RAS mm."""
    difference = np.asarray(found, dtype=float) @ invert(truth)
    distances = np.linalg.norm(apply(difference, corners) - corners, axis=1)
    centre = corners.mean(axis=0, keepdims=True)
    shift = np.linalg.norm(apply(difference, centre) - centre)
    return MotionError(float(distances.mean()), rotation_angle(difference), float(shift))


def box_corners(mask: Volume) -> NDArray[np.float64]:
    """RAS positions (mm), (8, 3), of the corners of the voxel box around all that is not zero."""
    kji = np.argwhere(mask.voxels > 0)
    low, high = kji.min(axis=0)[::-1], kji.max(axis=0)[::-1]
    ijk = np.array([[i, j, k] for i in (low[0], high[0]) for j in (low[1], high[1]) for k in (low[2], high[2])])
    return apply(mask.ijk_to_ras, ijk)
