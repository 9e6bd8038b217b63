"""Small copies of scans to compute on: cropped to the head, block-averaged, free of extreme values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.sampling import averaged
from ..geometry.transforms import affine, apply
from ..geometry.volume import Volume

#: Percentiles that bound the values of a working copy, so that a few hot voxels do not squeeze the histogram.
_PERCENTILES = (0.1, 99.9)


def cropped(volume: Volume, points: NDArray, margin: float) -> Volume:
    """The part of the scan (a view, nothing is copied) within ``margin`` mm of the box, along its axes, of RAS ``points``.

    The whole scan where that part would be thinner than two voxels.
    """
    ijk = apply(volume.ras_to_ijk, points)
    reach = margin * np.linalg.norm(volume.ras_to_ijk[:3, :3], axis=1)
    last = np.array(volume.shape[::-1])
    low = np.clip(np.floor(ijk.min(axis=0) - reach), 0, last).astype(int)
    high = np.clip(np.ceil(ijk.max(axis=0) + reach) + 1, 0, last).astype(int)
    if (high - low < 2).any():
        return volume
    voxels = volume.voxels[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    return Volume(voxels, volume.ijk_to_ras @ affine(np.eye(3), low), volume.name)


def coarsened(volume: Volume, spacing: float) -> Volume:
    """The scan with whole blocks of voxels averaged to about ``spacing`` mm along each axis; never finer than it was."""
    blocks = tuple(int(max(1, round(spacing / step))) for step in volume.spacing[::-1])
    return averaged(volume, blocks)


def working_copy(volume: Volume, spacing: float) -> Volume:
    """The scan at about ``spacing`` mm as 32-bit numbers, without its most extreme values."""
    small = coarsened(volume, spacing)
    voxels = small.voxels.astype(np.float32)
    low, high = np.percentile(voxels, _PERCENTILES)
    if high > low:
        voxels = np.clip(voxels, low, high)
    return Volume(voxels, small.ijk_to_ras, volume.name)
