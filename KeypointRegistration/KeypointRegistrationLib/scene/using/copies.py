"""What is made of an alignment for use elsewhere: the moving scan on the fixed grid, and the inverse transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...geometry.transforms import invert
from ..nodes import batch, put_under
from ..results.placement import aligned_ijk_to_world, motion, present
from ..volumes import local_ijk_to_ras, parent_to_world, volume_from_node
from .companions import is_above
from .products import add_product, products, remember_alignment
from .reslice import Interpolation, array_shape, resliced

if TYPE_CHECKING:
    from ..results.handle import SceneRegistration

_INVERSE = "KeypointRegistration.Inverse"


def resampled_copy(
    result: SceneRegistration,
    volume: slicer.vtkMRMLScalarVolumeNode | None = None,
    interpolation: Interpolation | None = None,
    background: float | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """A new volume: the aligned moving scan at the voxels of the fixed one, in its own number type.

    It does not matter which transforms the two volumes are under, nor whether the alignment is applied at the moment.  The
    new volume has the fixed volume's matrix and parent, and goes with the registration when that is undone.

    Args:
        result: whose alignment.
        volume: another volume of the moving scan, which moves like it; None for the moving volume itself.
        interpolation: None for nearest where the volume is a label map and linear otherwise.
        background: value where the volume does not reach; None for 0 in label maps and the smallest value otherwise.

    Raises:
        InputError: if a volume is gone, has no voxels, or is where it cannot be resampled from.
    """
    fixed, moving, _ = present(result)
    source = moving if volume is None else volume
    if source is fixed:
        raise InputError(f"{fixed.GetName()} is the fixed volume: it has the fixed grid already.")
    target = volume_from_node(fixed)
    volume_from_node(source)  # refuses what has no voxels, or several values per voxel
    is_labels = source.IsA("vtkMRMLLabelMapVolumeNode")
    if interpolation is None:
        interpolation = Interpolation.NEAREST if is_labels else Interpolation.LINEAR
    if background is None and is_labels:
        background = 0.0
    to_voxels = invert(_aligned_matrix(result, source)) @ target.ijk_to_ras
    values = resliced(source, to_voxels, array_shape(fixed), interpolation, background)
    scene = fixed.GetScene()
    with batch(scene):
        name = scene.GenerateUniqueName(f"{source.GetName()} on {fixed.GetName()}")
        copy = scene.AddNewNodeByClass(source.GetClassName(), name)
        slicer.util.updateVolumeFromArray(copy, values)
        copy.CopyOrientation(fixed)
        copy.CreateDefaultDisplayNodes()
        if source.GetDisplayNode() is not None:
            copy.GetDisplayNode().CopyContent(source.GetDisplayNode())
        copy.SetDescription(f"Aligned to {fixed.GetName()}, {interpolation.value} interpolation.")
        put_under(copy, fixed.GetParentTransformNode())
        remember_alignment(result, copy)
        add_product(result, copy)
    return copy


def inverse_transform(result: SceneRegistration) -> slicer.vtkMRMLTransformNode:
    """The transform node that maps fixed → moving: the fixed volume, put under it, comes to lie on the moving scan.

    It is made on the first call; later calls bring it up to date with the alignment.  Like the alignment's own transform
    it respects the parents of its volume: it is under the fixed volume's parent W, and its own matrix is W⁻¹·R⁻¹·W.

    Raises:
        InputError: if a node is gone or under a non-linear transform.
    """
    fixed, moving, _ = present(result)
    inverse = next((node for node in products(result) if node.GetAttribute(_INVERSE)), None)
    scene = fixed.GetScene()
    backwards = invert(motion(result))
    with batch(scene):
        if inverse is None:
            outer = parent_to_world(fixed)
            name = scene.GenerateUniqueName(f"{fixed.GetName()} → {moving.GetName()} (inverse)")
            inverse = scene.AddNewNodeByClass("vtkMRMLTransformNode", name)
            inverse.SetAttribute(_INVERSE, "yes")
            inverse.SetAttribute("KeypointRegistration.Direction", "fixed to moving")
            inverse.SetDescription("Maps fixed to moving RAS: the inverse of the alignment.")
            inverse.SetNodeReferenceID(inverse.GetMovingNodeReferenceRole(), fixed.GetID())
            inverse.SetNodeReferenceID(inverse.GetFixedNodeReferenceRole(), moving.GetID())
            put_under(inverse, fixed.GetParentTransformNode())
            add_product(result, inverse)
        outer = parent_to_world(inverse)
        inverse.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(invert(outer) @ backwards @ outer))
        remember_alignment(result, inverse)
    return inverse


def _aligned_matrix(result: SceneRegistration, volume: slicer.vtkMRMLVolumeNode) -> NDArray[np.float64]:
    """4×4 from voxel indices of a volume of the moving scan to world RAS mm, as it is when aligned."""
    if volume is result.moving_volume:
        return aligned_ijk_to_world(result)
    here = parent_to_world(volume) @ local_ijk_to_ras(volume)
    moves_already = result.transform is not None and is_above(result.transform, volume)
    return here if moves_already else motion(result) @ here
