"""A volume's voxels on another grid, read straight from the node's memory."""

from __future__ import annotations

from enum import Enum

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy


class Interpolation(Enum):
    """How values between voxels are found."""

    LINEAR = "linear"
    NEAREST = "nearest"


def resliced(
    volume: slicer.vtkMRMLScalarVolumeNode,
    grid_to_voxels: NDArray[np.float64],
    shape: tuple[int, int, int],
    interpolation: Interpolation = Interpolation.LINEAR,
    background: float | None = None,
) -> NDArray:
    """The values of a volume at the points of a grid, ``[K, J, I]`` in the volume's own number type.

    Args:
        volume: with one value per voxel; its image is neither copied nor changed.
        grid_to_voxels: 4×4 from (i, j, k, 1) of the grid to voxel indices of the volume.
        shape: (K, J, I) of the grid.
        interpolation: linear values of whole-number volumes are rounded.
        background: value outside the volume; None for its smallest value.
    """
    image = volume.GetImageData()
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(image)
    reslice.SetResliceAxes(slicer.util.vtkMatrixFromArray(grid_to_voxels))
    reslice.SetOutputDimensionality(3)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputExtent(0, shape[2] - 1, 0, shape[1] - 1, 0, shape[0] - 1)
    reslice.SetBackgroundLevel(image.GetScalarRange()[0] if background is None else background)
    reslice.SetBorder(False)
    if interpolation is Interpolation.LINEAR:
        reslice.SetInterpolationModeToLinear()
    else:
        reslice.SetInterpolationModeToNearestNeighbor()
    reslice.Update()
    return vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars()).reshape(shape)


def array_shape(volume: slicer.vtkMRMLVolumeNode) -> tuple[int, int, int]:
    """(K, J, I) of a volume's voxels."""
    i, j, k = volume.GetImageData().GetDimensions()
    return k, j, i
