"""Scans freed of what is bright for the coil's sake: every voxel seen against what surrounds it, near by or further off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..geometry.sampling import averaged
from ..geometry.volume import Volume

#: mm around anatomy that its local contrast depends on.
SURROUNDINGS = 40.0

_WINDOW = 12.0  # mm, Gaussian σ: wider than a fold of the cortex, narrower than the sensitivity of a coil
_COARSE = 0.3  # of σ, at most: voxels on which so wide a window can be laid
_FLOOR = 0.05  # of the range of values: noise where there is nothing is not to look like anatomy
_EVENED = 0.35  # Gaussian σ as a share of the anatomy's radius, for what coils alone make of it
_LEAST_SHARE = 0.01  # of a window that has to lie in the anatomy
_DARKEST = 0.1  # of the range of values: what is darker around is not made brighter
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
    if mask is None:
        mean, square = _around(values, sigma), _around(values**2, sigma)
    else:
        share = np.maximum(_around(mask.astype(np.float32), sigma), 1e-6)
        mean, square = _around(values * mask, sigma) / share, _around(values**2 * mask, sigma) / share
    deviation = np.sqrt(np.maximum(square - mean**2, 0) + (_FLOOR * (high - low)) ** 2 + 1e-12)
    evened = (values - mean) / deviation
    return Volume(evened if mask is None else evened * mask, volume.ijk_to_ras, volume.name)


def evenly_bright(volume: Volume, anatomy: NDArray[np.bool_], mask: NDArray[np.bool_] | None = None) -> Volume:
    """The scan with each voxel's value relative to the mean brightness of the anatomy around it.

    The mean is Gaussian-weighted, σ being about 30 mm in an adult's head.  What coils make bright is evened out, most of
    it, and tissues keep their brightness among each other, which tells more than local contrast does where the contrasts
    of two scans differ.

    Args:
        volume, mask: as for ``locally_normalised``.
        anatomy: where it matters, ``(K, J, I)``, and where means are taken.
    """
    values = volume.voxels.astype(np.float32)
    counts = anatomy if mask is None else anatomy & mask
    low, high = np.percentile(values[counts] if counts.any() else values, _PERCENTILES)
    np.clip(values, low, high, out=values)
    values -= low
    sigma = _EVENED * _radius(volume, anatomy) / volume.spacing[::-1]
    blocks = _blocks(sigma)
    share = averaged(Volume(counts.astype(np.float32), np.eye(4)), blocks).voxels
    coarse = averaged(Volume(values, np.eye(4)), blocks)
    sigma = sigma / coarse.spacing[::-1]
    weight = np.maximum(_smooth(share, sigma), _LEAST_SHARE)
    around = _smooth(coarse.voxels * share, sigma) / weight + max(_DARKEST * (high - low), 1e-12)
    values /= _interpolated(around, coarse.spacing[::-1], values.shape)
    return Volume(values if mask is None else values * mask, volume.ijk_to_ras, volume.name)


def _radius(volume: Volume, anatomy: NDArray[np.bool_]) -> float:
    """Of a ball, mm, as large as the anatomy; or as the scan, where there is none."""
    extent = (anatomy.sum() if anatomy.any() else anatomy.size) * volume.voxel_volume
    return float(np.cbrt(extent * 3 / (4 * np.pi)))


def _around(field: NDArray[np.float32], sigma: NDArray[np.float64]) -> NDArray[np.float32]:
    """The Gaussian-weighted mean around each voxel of a ``field``, ``sigma`` (3,) voxels wide along each axis."""
    coarse = averaged(Volume(field, np.eye(4)), _blocks(sigma))
    blocks = coarse.spacing[::-1]
    return _interpolated(_smooth(coarse.voxels, sigma / blocks), blocks, field.shape)


def _blocks(sigma: NDArray[np.float64]) -> tuple[int, ...]:
    """How many voxels along each axis one may stand for, where a window is ``sigma`` (3,) voxels wide."""
    return tuple(np.maximum(1, np.floor(_COARSE * sigma)).astype(int).tolist())


def _smooth(field: NDArray[np.float32], sigma: NDArray[np.float64]) -> NDArray[np.float32]:
    return ndimage.gaussian_filter(field, sigma, mode="nearest", truncate=3.0)


def _interpolated(coarse: NDArray[np.float32], blocks: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A field of ``shape`` between the averages ``coarse`` of its ``blocks`` (3,) of voxels."""
    if (blocks == 1).all():
        return coarse
    k, j, i = (_interpolation(n, m, block) for n, m, block in zip(shape, coarse.shape, blocks, strict=True))
    return np.einsum("ck,bj,ai,kji->cba", k, j, i, coarse, optimize=True)


def _interpolation(size: int, blocks: int, block: float) -> NDArray[np.float32]:
    """The matrix ``(size, blocks)`` that interpolates voxels linearly from averages of each ``block`` of them."""
    places = np.clip((np.arange(size) + 0.5) / block - 0.5, 0, blocks - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(blocks))).astype(np.float32)
