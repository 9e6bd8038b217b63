"""Nodes made from a registration later on: its record refers to them, and they go when it goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import slicer

from .. import hierarchy
from ..nodes import remove_node
from ..results.placement import motion

if TYPE_CHECKING:
    from ..results.handle import SceneRegistration

_PRODUCT = "product"  # role of the record's references
_MADE_OF = "KeypointRegistration.MadeOf"  # the alignment that a product was made of, on the product


def add_product(result: SceneRegistration, node: slicer.vtkMRMLNode) -> None:
    """Put a node into the registration's folder, to be removed with the registration."""
    if result.record is not None:
        result.record.AddNodeReferenceID(_PRODUCT, node.GetID())
        hierarchy.add_member(node.GetScene(), node, result.record)


def products(result: SceneRegistration) -> list[slicer.vtkMRMLNode]:
    """What has been made and is still in the scene."""
    if result.record is None:
        return []
    nodes = (
        result.record.GetNthNodeReference(_PRODUCT, n) for n in range(result.record.GetNumberOfNodeReferences(_PRODUCT))
    )
    return [node for node in nodes if node is not None]


def remove_product(result: SceneRegistration, node: slicer.vtkMRMLNode) -> None:
    """Take one product out of the scene."""
    record = result.record
    if record is not None:
        for n in reversed(range(record.GetNumberOfNodeReferences(_PRODUCT))):
            if record.GetNthNodeReferenceID(_PRODUCT, n) == node.GetID():
                record.RemoveNthNodeReferenceID(_PRODUCT, n)
    remove_node(node.GetScene(), node)


def remember_alignment(result: SceneRegistration, node: slicer.vtkMRMLNode) -> None:
    """Note on a product which alignment it was made of."""
    node.SetAttribute(_MADE_OF, json.dumps(motion(result).tolist()))


def outdated(result: SceneRegistration) -> list[slicer.vtkMRMLNode]:
    """The products that were made of an earlier state of the alignment."""
    made_of = {node: node.GetAttribute(_MADE_OF) for node in products(result)}
    now = motion(result)
    return [node for node, text in made_of.items() if text and not np.allclose(json.loads(text), now, atol=1e-6)]
