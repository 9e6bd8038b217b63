"""Numbers that say how good an alignment is, given labels or the true pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.sampling import Grid, sample
from ..geometry.transforms import apply, invert, rotation_angle
from ..geometry.volume import Volume

#: Regions smaller than this in either scan are left out of mean Dice: at 2 mm their overlap is mostly chance.
LARGER_REGION = 4000.0  # mm³


@dataclass(frozen=True)
class Scores:
    """How good one alignment is.  What does not apply to a pair, or was not reached, is None.

    Attributes:
        dice: mean over the larger regions.
        corner_mm: mean displacement of the corners of the fixed brain box.
        rotation_deg, translation_mm: off the truth, the latter at the middle of that box.
    """

    dice: float | None = None
    corner_mm: float | None = None
    rotation_deg: float | None = None
    translation_mm: float | None = None


def dice_per_label(fixed_labels: Volume, moving_labels: Volume, moving_to_fixed: ArrayLike) -> dict[int, float]:
    """Dice overlap of every label that both maps hold, after the moving one was brought onto the fixed grid (nearest)."""
    fixed = fixed_labels.voxels.astype(np.int64).ravel()
    moved = sample(moving_labels, Grid.of(fixed_labels), moving_to_fixed, order=0).astype(np.int64).ravel()
    count = int(max(fixed.max(), moved.max(), moving_labels.voxels.max())) + 1
    in_fixed, in_moved, in_both = (np.bincount(values, minlength=count) for values in (fixed, moved, fixed[fixed == moved]))
    present = np.bincount(moving_labels.voxels.astype(np.int64).ravel(), minlength=count) > 0
    labels = np.flatnonzero((in_fixed > 0) & present)
    return {int(label): float(2 * in_both[label] / (in_fixed[label] + in_moved[label])) for label in labels if label > 0}


def larger_regions(*label_maps: Volume) -> list[int]:
    """Labels whose region has at least ``LARGER_REGION`` mm³ in every map."""
    common: set[int] | None = None
    for labels in label_maps:
        sizes = np.bincount(labels.voxels.astype(np.int64).ravel()) * labels.voxel_volume
        large = set(np.flatnonzero(sizes >= LARGER_REGION).tolist()) - {0}
        common = large if common is None else common & large
    return sorted(common or ())


def mean_dice(fixed_labels: Volume, moving_labels: Volume, moving_to_fixed: ArrayLike) -> float:
    """Mean Dice over the larger regions of both maps."""
    dice = dice_per_label(fixed_labels, moving_labels, moving_to_fixed)
    return float(np.mean([dice[label] for label in larger_regions(fixed_labels, moving_labels)]))


def box_corners(volume: Volume) -> NDArray[np.float64]:
    """RAS corners (mm), shape (8, 3), of the box along the voxel axes around all voxels above zero: the brain box."""
    kji = np.argwhere(volume.voxels > 0)
    low, high = kji.min(axis=0)[::-1], kji.max(axis=0)[::-1]
    ijk = [[i, j, k] for k in (low[2], high[2]) for j in (low[1], high[1]) for i in (low[0], high[0])]
    return apply(volume.ijk_to_ras, ijk)


def corner_displacement(moving_to_fixed: ArrayLike, truth: ArrayLike, corners: ArrayLike) -> float:
    """Mean distance in mm, over fixed-space ``corners`` (N, 3), between where alignment and truth put the same anatomy."""
    return float(np.linalg.norm(_excess_at(moving_to_fixed, truth, corners), axis=1).mean())


def rotation_error(moving_to_fixed: ArrayLike, truth: ArrayLike) -> float:
    """Geodesic angle in degrees between the rotations of alignment and truth."""
    return rotation_angle(np.asarray(moving_to_fixed, dtype=float) @ invert(truth))


def translation_error(moving_to_fixed: ArrayLike, truth: ArrayLike, centroid: ArrayLike) -> float:
    """Distance in mm between where alignment and truth put the anatomy that belongs at the fixed-space ``centroid``."""
    return float(np.linalg.norm(_excess_at(moving_to_fixed, truth, np.atleast_2d(centroid))))


def _excess_at(moving_to_fixed: ArrayLike, truth: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    excess = np.asarray(moving_to_fixed, dtype=float) @ invert(truth)
    return apply(excess, points) - np.asarray(points, dtype=float)
