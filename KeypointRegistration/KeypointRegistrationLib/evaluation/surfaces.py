"""How far apart the surfaces of labelled structures lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from ..geometry.transforms import apply
from ..geometry.volume import Volume

_PERCENTILE = 95


def surface_points(labels: Volume) -> dict[int, NDArray[np.float64]]:
    """RAS positions (mm), (N, 3), of the surface voxels of each label: those with a neighbour, of six, of another label."""
    voxels = labels.voxels.astype(np.int32)
    padded = np.pad(voxels, 1)
    surface = np.zeros(voxels.shape, dtype=bool)
    for axis in range(3):
        for step in (-1, 1):
            surface |= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] != voxels
    surface &= voxels > 0
    positions = apply(labels.ijk_to_ras, np.argwhere(surface)[:, ::-1])
    values = voxels[surface]
    order = np.argsort(values, kind="stable")
    found, starts = np.unique(values[order], return_index=True)
    return dict(zip(found.tolist(), np.split(positions[order], starts[1:]), strict=True))


def hausdorff_95(fixed: NDArray, moving: NDArray, moving_to_fixed: ArrayLike) -> float:
    """The 95 % Hausdorff distance in mm between two surfaces of points (N, 3) and (M, 3) in their own RAS mm.

    For either surface the distance that 95 % of its points stay below from the nearest point of the other; the larger of
    the two.  Points keep their true places: nothing is resampled.
    """
    moved = apply(moving_to_fixed, moving)
    one_way, other_way = KDTree(moved).query(fixed)[0], KDTree(fixed).query(moved)[0]
    return float(max(np.percentile(one_way, _PERCENTILE), np.percentile(other_way, _PERCENTILE)))
