"""Scans freed of what is bright for the coil's sake: every voxel seen against its surroundings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..geometry.volume import Volume

#: mm around anatomy that its local contrast depends on.
SURROUNDINGS = 40.0

_WINDOW = 12.0  # mm, Gaussian σ: wider than a fold of the cortex, narrower than the sensitivity of a coil
_FLOOR = 0.05  # of the range of values: noise where there is nothing is not to look like anatomy
_PERCENTILES = (1.0, 99.0)


def locally_normalised(volume: Volume, anatomy: NDArray[np.bool_], mask: NDArray[np.bool_] | None = None) -> Volume:
    """The scan with each voxel's value as its distance from the mean around it, in standard deviations around it.

    Means and deviations are Gaussian-weighted, 12 mm wide.  A slow change of brightness over the scan, as the sensitivity
    of coils makes it, is gone; so is the brightness of fat next to a head.

    Args:
        volume: a scan.
        anatomy: where it matters, the scan's shape ``(K, J, I)``; values beyond those there are cut first.
        mask: where the scan counts; the result is 0 elsewhere, as if nothing stood out.
    """
    values = volume.voxels.astype(np.float32)
    low, high = np.percentile(values[anatomy] if anatomy.any() else values, _PERCENTILES)
    values = np.clip(values, low, high) - low
    sigma = _WINDOW / volume.spacing[::-1]

    def around(field: NDArray) -> NDArray:
        return ndimage.gaussian_filter(field, sigma, mode="nearest", truncate=3.0)

    if mask is None:
        mean, square = around(values), around(values**2)
    else:
        share = np.maximum(around(mask.astype(np.float32)), 1e-6)
        mean, square = around(values * mask) / share, around(values**2 * mask) / share
    deviation = np.sqrt(np.maximum(square - mean**2, 0) + (_FLOOR * (high - low)) ** 2 + 1e-12)
    evened = (values - mean) / deviation
    return Volume(evened if mask is None else evened * mask, volume.ijk_to_ras, volume.name)
