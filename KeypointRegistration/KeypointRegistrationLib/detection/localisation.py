"""Where the head is in a scan, before any network has looked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..geometry.errors import InputError
from ..geometry.sampling import Grid, averaged, inside_mask
from ..geometry.volume import Volume

_COARSE_SPACING = 6.0  # mm


def head_centre(volume: Volume, mask: Volume | None = None) -> NDArray[np.float64]:
    """RAS position (mm), shape (3,), of the middle of the largest bright object in the scan, or in its ``mask``.

    Raises:
        InputError: if the mask is empty, holds values that are not numbers, or misses the scan.
    """
    blocks = tuple(
        int(max(1, min(n // 8, round(_COARSE_SPACING / s)))) for n, s in zip(volume.shape, volume.spacing[::-1], strict=True)
    )
    coarse = averaged(volume, blocks)
    values = coarse.voxels.astype(np.float32)
    if mask is not None:
        _check_mask(mask)
        inside = inside_mask(mask, Grid.of(coarse))
        if not inside.any():
            raise InputError(
                f"The mask {mask.name} does not cover any of {volume.name}. Choose the mask drawn on that scan."
            )
        return _centroid(inside, coarse)
    bright = values > otsu_threshold(values)
    objects, count = ndimage.label(bright)
    if count > 1:
        bright = objects == 1 + np.argmax(np.bincount(objects.flat)[1:])
    return _centroid(bright, coarse)


def otsu_threshold(values: NDArray) -> float:
    """The value that splits ``values`` into two classes with the least variance within (Otsu 1979), by 256 bins.

    Values far beyond nearly all others are cut first: a few hot voxels must not decide where the head is.
    """
    low, high = np.percentile(values, (0.1, 99.9))
    counts, edges = np.histogram(np.clip(values, 2 * low - high, 2 * high - low), bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(float)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(middles[np.nanargmax(between[:-1])])


def _check_mask(mask: Volume) -> None:
    slabs = mask.slabs()
    if any(slab.dtype.kind == "f" and np.isnan(slab).any() for slab in slabs):
        raise InputError(f"The mask {mask.name} contains values that are not numbers. Replace them, for example with 0.")
    if not any(slab.any() for slab in slabs):
        raise InputError(f"The mask {mask.name} is empty: every voxel is 0. Draw in it, or choose another mask.")


def _centroid(inside: NDArray, volume: Volume) -> NDArray[np.float64]:
    ijk = np.argwhere(inside).mean(axis=0)[::-1]
    return volume.ijk_to_ras[:3, :3] @ ijk + volume.ijk_to_ras[:3, 3]
