"""Further nodes that move like the moving volume: segmentations, models, markups, other volumes of the same scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from ...geometry.errors import InputError
from ...geometry.transforms import invert
from ..nodes import batch, put_under
from ..results.placement import present
from ..volumes import parent_to_world
from .products import add_product, products, remove_product

if TYPE_CHECKING:
    from ..results.handle import SceneRegistration

# What a carried node remembers: whose companion it is, where it was, and what carries it.
_CARRIED_BY = "KeypointRegistration.CarriedBy"
_PARENT_BEFORE = "KeypointRegistration.parentBefore"
_CARRIER = "KeypointRegistration.carrier"


def companions(result: SceneRegistration) -> list[slicer.vtkMRMLTransformableNode]:
    """The nodes that ``carry`` has put under the alignment."""
    carriers = (None, result.transform, *products(result))  # None: the user has deleted it
    nodes = slicer.util.getNodesByClass("vtkMRMLTransformableNode", result.scene)
    ours = [node for node in nodes if node.GetAttribute(_CARRIED_BY) == result.identifier]
    return [node for node in ours if node.GetNodeReference(_CARRIER) in carriers]  # a scene may have been read twice


def carry(result: SceneRegistration, node: slicer.vtkMRMLTransformableNode) -> None:
    """Make a node move as the moving volume does: where it was at W, it comes to R·W with the alignment R.

    A node with the moving volume's own original parent goes directly under the transform.  Any other gets a transform node
    of its own in between, which keeps it at W, so that it follows every correction.  ``put_back`` and the undo of the
    registration take both away again.

    Raises:
        InputError: if it cannot: it belongs to the registration itself, moves already, or is under a non-linear transform.
    """
    _, moving, transform = present(result)
    _check(result, node)
    before = node.GetParentTransformNode()
    with batch(result.scene):
        carrier = transform
        if before is not result.original_parent:
            matrix = invert(parent_to_world(transform)) @ parent_to_world(node)
            name = result.scene.GenerateUniqueName(f"{node.GetName()} beside {moving.GetName()}")
            carrier = result.scene.AddNewNodeByClass("vtkMRMLTransformNode", name)
            carrier.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
            put_under(carrier, transform)
            add_product(result, carrier)
        node.SetAttribute(_CARRIED_BY, result.identifier)
        node.SetNodeReferenceID(_PARENT_BEFORE, before.GetID() if before else None)
        node.SetNodeReferenceID(_CARRIER, carrier.GetID())
        if result.applied:
            put_under(node, carrier)


def put_back(result: SceneRegistration, node: slicer.vtkMRMLTransformableNode) -> None:
    """Undo ``carry``.  A node that the user has put elsewhere since stays there."""
    if node.GetAttribute(_CARRIED_BY) != result.identifier:
        return
    carrier = node.GetNodeReference(_CARRIER)
    with batch(result.scene):
        if node.GetParentTransformNode() is carrier:  # both None: the user has deleted the carrier
            put_under(node, node.GetNodeReference(_PARENT_BEFORE))
        node.RemoveAttribute(_CARRIED_BY)
        node.RemoveNodeReferenceIDs(_PARENT_BEFORE)
        node.RemoveNodeReferenceIDs(_CARRIER)
        if carrier is not None and carrier is not result.transform:
            remove_product(result, carrier)


def follow(result: SceneRegistration, aligned: bool) -> None:
    """Put the companions under the alignment, or where they were, as the moving volume is.  Those put elsewhere stay."""
    for node in companions(result):
        before, carrier = node.GetNodeReference(_PARENT_BEFORE), node.GetNodeReference(_CARRIER)
        if node.GetParentTransformNode() in (before, carrier):
            put_under(node, carrier if aligned else before)


def is_above(upper: slicer.vtkMRMLNode, node: slicer.vtkMRMLTransformableNode | None) -> bool:
    """Whether ``upper`` is the node or one of its parents."""
    while node is not None and node is not upper:
        node = node.GetParentTransformNode()
    return node is not None


def _check(result: SceneRegistration, node: slicer.vtkMRMLTransformableNode) -> None:
    fixed, _, transform = present(result)
    name = node.GetName()
    if node in (fixed, result.fixed_points, result.fixed_heatmap):
        raise InputError(f"{name} belongs to the fixed scan, which stays where it is.")
    if node in (result.moving_volume, result.moving_points, result.moving_heatmap) or is_above(transform, node):
        raise InputError(f"{name} moves with this registration already.")
    if node.GetAttribute(_CARRIED_BY):
        raise InputError(f"{name} moves with another registration. Take it out of that one first.")
    if is_above(node, transform):
        raise InputError(f"{name} is above the alignment's transform, and cannot be put under it.")
    parent_to_world(node)
