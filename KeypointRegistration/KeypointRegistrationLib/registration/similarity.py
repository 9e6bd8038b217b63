"""How alike two scans look at a given pose, whatever their contrasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.sampling import Grid, coverage, inside_mask, sample
from ..geometry.volume import Volume
from .local_contrast import SURROUNDINGS, locally_normalised
from .region import SURFACE, head_region, region_around
from .working_copy import coarsened, cropped

_SPACING = 4.0  # mm
_BINS = 32
_PERCENTILES = (0.5, 99.5)
_FEWEST_VOXELS = 100


def normalised_mutual_information(
    fixed: Volume,
    moving: Volume,
    moving_to_fixed: ArrayLike,
    mask: NDArray[np.bool_] | None = None,
    *,
    spacing: float = _SPACING,
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
    values = binned(coarse.voxels[region], _BINS), binned(sample(moving, grid, moving_to_fixed)[region], _BINS)
    return alike(*values, _BINS)


def likeness(fixed: Volume, moving: Volume, moving_to_fixed: ArrayLike, anatomy: NDArray | None) -> float:
    """How alike two scans are at a pose: ``normalised_mutual_information`` over the head or, given ``anatomy``, around it.

    ``anatomy``, points (N, 3) in fixed RAS mm, is given for scans of one person.  Their local contrast is compared, which
    stays the same when a head turns under the coils, and nothing of what lies further out.
    """
    if anatomy is None:
        return normalised_mutual_information(fixed, moving, moving_to_fixed)
    coarse = coarsened(cropped(fixed, anatomy, SURROUNDINGS), _SPACING)
    grid = Grid.of(coarse)
    region = region_around(anatomy, SURFACE, grid)
    known = coverage(moving.moved(moving_to_fixed), grid)
    placed = Volume(sample(moving, grid, moving_to_fixed), grid.ijk_to_ras, moving.name)
    one, other = locally_normalised(coarse, region), locally_normalised(placed, region & known, known)
    return normalised_mutual_information(one, other, np.eye(4), region & known)


def binned(values: NDArray, bins: int) -> NDArray[np.intp]:
    """Number of each value's bin, of ``bins`` equal ones between percentiles; the outermost take the few values beyond."""
    low, high = np.percentile(values, _PERCENTILES)
    scaled = (values - low) / max(high - low, 1e-12) * bins
    return np.clip(scaled, 0, bins - 1).astype(np.intp)


def alike(first: NDArray[np.intp], second: NDArray[np.intp], bins: int) -> float:
    """Normalised mutual information of two sets (n,) of bin numbers below ``bins``; 1 where neither varies."""
    joint = np.bincount(first * bins + second, minlength=bins**2).reshape(bins, bins) / len(first)
    joint_entropy = _entropy(joint)
    if joint_entropy == 0:
        return 1.0
    return float((_entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0))) / joint_entropy)


def _entropy(probabilities: NDArray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log(positive)).sum())
