"""How alike two scans look at a given pose, whatever their contrasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.sampling import Grid, coverage, inside_mask, sample
from ..geometry.volume import Volume
from .region import head_region
from .working_copy import coarsened

_BINS = 32
_PERCENTILES = (0.5, 99.5)
_FEWEST_VOXELS = 100


def normalised_mutual_information(
    fixed: Volume,
    moving: Volume,
    moving_to_fixed: ArrayLike,
    mask: NDArray[np.bool_] | None = None,
    *,
    spacing: float = 4.0,
) -> float:
    """Normalised mutual information (H(F) + H(M)) / H(F, M): 1 for unrelated values, up to 2 for equal ones.

    Studholme et al. (1999), over the fixed voxels, averaged to about ``spacing`` mm, that both scans cover and ``mask``
    (fixed shape ``(K, J, I)``; default: the head in the fixed scan) includes.  1 where the scans barely overlap.
    """
    coarse = coarsened(fixed, spacing)
    grid = Grid.of(coarse)
    region = head_region(coarse) if mask is None else inside_mask(Volume(mask, fixed.ijk_to_ras), grid)
    region = region & coverage(moving.moved(moving_to_fixed), grid)
    if region.sum() < _FEWEST_VOXELS:
        return 1.0
    values = _binned(coarse.voxels[region]), _binned(sample(moving, grid, moving_to_fixed)[region])
    joint = np.bincount(values[0] * _BINS + values[1], minlength=_BINS**2).reshape(_BINS, _BINS) / region.sum()
    joint_entropy = _entropy(joint)
    if joint_entropy == 0:
        return 1.0
    return float((_entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0))) / joint_entropy)


def _binned(values: NDArray) -> NDArray[np.intp]:
    low, high = np.percentile(values, _PERCENTILES)
    scaled = (values - low) / max(high - low, 1e-12) * _BINS
    return np.clip(scaled, 0, _BINS - 1).astype(np.intp)


def _entropy(probabilities: NDArray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum())
