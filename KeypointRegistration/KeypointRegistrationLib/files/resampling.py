"""The moving scan on the fixed scan's grid, in its own number type."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry.volume import Volume
from .voxels import voxels_of


def resampled(fixed: Volume, moving: Volume, moving_to_fixed: NDArray[np.float64]) -> Volume:
    """``moving`` after 4×4 ``moving_to_fixed`` (RAS), linearly interpolated at the voxels of ``fixed``.

    Where the moving scan does not reach, the result has its smallest value: background.  ITK works on bare voxel indices
    here, so that any grid will do, sheared ones too.
    """
    voxels = moving.voxels.astype(np.uint8) if moving.voxels.dtype == bool else moving.voxels
    voxels = voxels.astype(np.float32) if voxels.dtype == np.float16 else voxels
    index_map = np.linalg.inv(moving_to_fixed @ moving.ijk_to_ras) @ fixed.ijk_to_ras
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(index_map[:3, :3].ravel().tolist())
    transform.SetTranslation(index_map[:3, 3].tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([int(n) for n in fixed.shape[::-1]])
    resampler.SetTransform(transform)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetDefaultPixelValue(float(voxels.min()))
    image = resampler.Execute(sitk.GetImageFromArray(voxels))
    return Volume(voxels_of(image), fixed.ijk_to_ras, f"{moving.name} on {fixed.name}")
