"""The moving scan on the fixed scan's grid, in its own number type."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry.volume import Volume
from .voxels import voxels_of

_SLAB_VOXELS = 1 << 24


def resampled(fixed: Volume, moving: Volume, moving_to_fixed: NDArray[np.float64]) -> Volume:
    """``moving`` after 4×4 ``moving_to_fixed`` (RAS), linearly interpolated at the voxels of ``fixed``.

    Where the moving scan does not reach, the result has its smallest value: background.  ITK works on bare voxel indices
    here, so that any grid will do, sheared ones too.  It is given some slices at a time, because interpolated values are
    rounded to whole numbers here: ITK would cut their fractions off.
    """
    voxels = moving.voxels.astype(np.uint8) if moving.voxels.dtype == bool else moving.voxels
    voxels = voxels.astype(np.float32) if voxels.dtype == np.float16 else voxels
    index_map = np.linalg.inv(moving_to_fixed @ moving.ijk_to_ras) @ fixed.ijk_to_ras
    image = sitk.GetImageFromArray(voxels)
    background = float(voxels.min())
    values = np.empty(fixed.shape, dtype=voxels.dtype)
    step = max(1, _SLAB_VOXELS // (fixed.shape[1] * fixed.shape[2]))
    for start in range(0, fixed.shape[0], step):
        slab = values[start : start + step]
        found = _interpolated(image, index_map, start, slab.shape, background)
        slab[:] = found if slab.dtype.kind == "f" else np.rint(found)
    return Volume(values, fixed.ijk_to_ras, f"{moving.name} on {fixed.name}")


def _interpolated(
    image: sitk.Image, index_map: NDArray[np.float64], start: int, shape: tuple[int, ...], background: float
) -> NDArray:
    """Values at the slices from ``start`` of a grid whose voxel indices ``index_map`` takes to those of ``image``."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(index_map[:3, :3].ravel().tolist())
    transform.SetTranslation((index_map[:3, 3] + index_map[:3, 2] * start).tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([int(n) for n in shape[::-1]])
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetOutputPixelType(sitk.sitkFloat64 if image.GetSizeOfPixelComponent() > 2 else sitk.sitkFloat32)
    resampler.SetDefaultPixelValue(background)
    return voxels_of(resampler.Execute(image))
