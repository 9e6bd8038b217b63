"""Volume nodes to plain volumes and back, in world RAS: parent transforms are part of where a scan is."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..geometry.errors import InputError
from ..geometry.volume import Volume


def volume_from_node(node: slicer.vtkMRMLVolumeNode) -> Volume:
    """The scan of a volume node, where the scene shows it.

    The IJK→RAS matrix is the node's own one, followed by all its (linear) parent transforms: RAS is the scene's world.
    The voxels are a view of the node's memory, not a copy: never write to them.

    Raises:
        InputError: if the node is no scalar volume with voxels, or if a parent transform is non-linear or singular.
    """
    name = node.GetName() or node.GetID()
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"{name} is not a scalar volume ({node.GetNodeTagName()}). Choose a scan with one value per voxel.")
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
        raise InputError(f"{name} has no voxels. Load its image, or choose another volume.")
    shape = image.GetDimensions()[::-1]
    components = image.GetNumberOfScalarComponents()
    voxels = vtk_to_numpy(image.GetPointData().GetScalars())
    voxels = voxels.reshape(shape if components == 1 else (*shape, components))
    return Volume(voxels, parent_to_world(node) @ local_ijk_to_ras(node), name)


def local_ijk_to_ras(node: slicer.vtkMRMLVolumeNode) -> NDArray[np.float64]:
    """4×4 matrix from the node's voxel indices (i, j, k, 1) to its own RAS mm, before any parent transform."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def parent_to_world(node: slicer.vtkMRMLTransformableNode) -> NDArray[np.float64]:
    """4×4 matrix from the RAS of the node's own coordinates to world RAS: all parent transforms, composed.

    Raises:
        InputError: if a parent is non-linear or the composition cannot be inverted.
    """
    parent = node.GetParentTransformNode()
    return np.eye(4) if parent is None else transform_to_world(parent, node.GetName())


def transform_to_world(parent: slicer.vtkMRMLTransformNode, name: str) -> NDArray[np.float64]:
    """4×4 matrix from the RAS below a transform node to world RAS, for something called ``name`` that is there.

    Raises:
        InputError: if one of the transforms is non-linear or their composition cannot be inverted.
    """
    if not parent.IsTransformToWorldLinear():
        raise InputError(
            f"{name} is under the non-linear transform {_first_non_linear(parent).GetName()}. "
            "Harden that transform on the volume, or take the volume out of it."
        )
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    composed = slicer.util.arrayFromVTKMatrix(matrix)
    if not np.isfinite(composed).all() or abs(np.linalg.det(composed[:3, :3])) < 1e-9:
        raise InputError(
            f"{name} is under the transform {parent.GetName()}, which flattens space (its matrix is singular). "
            "Correct the transform, or take the volume out of it."
        )
    return composed


def _first_non_linear(transform: slicer.vtkMRMLTransformNode) -> slicer.vtkMRMLTransformNode:
    """The innermost non-linear transform of a chain that has one."""
    while transform.IsLinear() and transform.GetParentTransformNode() is not None:
        transform = transform.GetParentTransformNode()
    return transform


def add_volume(scene: slicer.vtkMRMLScene, volume: Volume) -> slicer.vtkMRMLScalarVolumeNode:
    """A new scalar volume node with the voxels (copied) and world position of ``volume``, shown in grey.

    Number types that Slicer cannot store are widened: bool, half precision and 64-bit integers.
    """
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(volume.name))
    slicer.util.updateVolumeFromArray(node, volume.voxels.astype(_storable_type(volume.voxels.dtype), copy=False))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
    node.CreateDefaultDisplayNodes()
    return node


def _storable_type(dtype: np.dtype) -> np.dtype:
    widened = {"b1": "u1", "f2": "f4", "f16": "f8", "i8": "f8", "u8": "f8"}
    return np.dtype(widened.get(dtype.str[1:], dtype.str[1:]))
