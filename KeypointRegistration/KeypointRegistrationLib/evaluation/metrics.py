"""Numbers that say how good an alignment is, given labels or the true motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from ..geometry.sampling import Grid, sample
from ..geometry.transforms import affine, apply, invert, nearest_rotation, rotation_angle
from ..geometry.volume import Volume

#: Regions smaller than this in either scan are left out of means over regions: at 2 mm their overlap is mostly chance.
LARGER_REGION = 4000.0  # mm³

#: A rigid alignment fails where the corners of the brain box are further off than this (mm).
RIGID_FAILURE = 5.0


@dataclass(frozen=True)
class Scores:
    """How good one alignment is.  What does not apply to a pair, or was not reached, is None.

    Attributes:
        dice: mean over the larger regions.
        hd95_mm: 95 % Hausdorff distance between surfaces, mean over the larger regions.
        corner_mm: mean displacement of the corners of the fixed brain box.
        rotation_deg: geodesic angle off the true rotation.
        centroid_mm: off the truth at the brain's centroid.
        equitrack_euler_deg, equitrack_shift_voxels: EquiTrack's two errors (see ``equitrack_errors``).
    """

    dice: float | None = None
    hd95_mm: float | None = None
    corner_mm: float | None = None
    rotation_deg: float | None = None
    centroid_mm: float | None = None
    equitrack_euler_deg: float | None = None
    equitrack_shift_voxels: float | None = None


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


def box_corners(volume: Volume) -> NDArray[np.float64]:
    """RAS corners (mm), shape (8, 3), of the box along the voxel axes around all voxels above zero: the brain box."""
    kji = np.argwhere(volume.voxels > 0)
    low, high = kji.min(axis=0)[::-1], kji.max(axis=0)[::-1]
    ijk = [[i, j, k] for k in (low[2], high[2]) for j in (low[1], high[1]) for i in (low[0], high[0])]
    return apply(volume.ijk_to_ras, ijk)


def centroid(volume: Volume) -> NDArray[np.float64]:
    """RAS position (mm), shape (3,), of the middle of all voxels above zero."""
    return apply(volume.ijk_to_ras, np.argwhere(volume.voxels > 0)[:, ::-1].mean(axis=0)[None])[0]


def corner_displacement(moving_to_fixed: ArrayLike, truth: ArrayLike, corners: ArrayLike) -> float:
    """Mean distance in mm, over fixed-space ``corners`` (N, 3), between where alignment and truth put the same anatomy."""
    return float(np.linalg.norm(_excess_at(moving_to_fixed, truth, corners), axis=1).mean())


def rotation_error(moving_to_fixed: ArrayLike, truth: ArrayLike) -> float:
    """Geodesic angle in degrees between the rotations of alignment and truth."""
    return rotation_angle(np.asarray(moving_to_fixed, dtype=float) @ invert(truth))


def translation_error(moving_to_fixed: ArrayLike, truth: ArrayLike, place: ArrayLike) -> float:
    """Distance in mm between where alignment and truth put the anatomy that belongs at the fixed-space ``place``."""
    return float(np.linalg.norm(_excess_at(moving_to_fixed, truth, np.atleast_2d(place))))


def equitrack_errors(moving_to_fixed: ArrayLike, truth: ArrayLike, grid: Grid) -> tuple[float, float]:
    """The two errors that EquiTrack (Billot et al. 2024) reports, of a rigid alignment, on the fixed scan's ``grid``.

    Returns:
        the mean absolute difference in degrees of the three Euler angles (about the grid's I, J and K axes, in that order),
        and the mean absolute difference in voxels of the three translations, rotations being about the grid's centre.
    """
    (angles, shift), (true_angles, true_shift) = (_euler_and_shift(matrix, grid) for matrix in (moving_to_fixed, truth))
    turned = (angles - true_angles + 180) % 360 - 180
    return float(np.abs(turned).mean()), float(np.abs(shift - true_shift).mean())


def _euler_and_shift(matrix: ArrayLike, grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    directions = affine(grid.ijk_to_ras[:3, :3] / grid.spacing, np.zeros(3))
    middle = apply(grid.ijk_to_ras, [(np.array(grid.shape[::-1]) - 1) / 2])
    along_axes = invert(directions) @ np.asarray(matrix, dtype=float) @ directions
    shift = apply(invert(directions), apply(matrix, middle)) - apply(invert(directions), middle)
    rotation = Rotation.from_matrix(nearest_rotation(along_axes[:3, :3]))
    return rotation.as_euler("XYZ", degrees=True), shift[0] / grid.spacing


def _excess_at(moving_to_fixed: ArrayLike, truth: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    excess = np.asarray(moving_to_fixed, dtype=float) @ invert(truth)
    return apply(excess, points) - np.asarray(points, dtype=float)
