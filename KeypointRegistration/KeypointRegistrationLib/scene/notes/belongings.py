"""Nodes that can go together, unless somebody has changed or used them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import slicer

from ..nodes import batch, remove_node
from ..results import handle
from ..results.handle import SceneRegistration
from ..using.products import products
from ..volumes import local_ijk_to_ras, volume_from_node

#: Attribute of a scan: what it was when it was loaded.  Nodes know that themselves only until the scene is loaded again.
_AS_LOADED = "KeypointRegistration.AsLoaded"

#: What may refer to a node without making use of it: views, lists of what is chosen, displays.
_ONLOOKERS = (
    "vtkMRMLSliceCompositeNode",
    "vtkMRMLAbstractViewNode",
    "vtkMRMLSelectionNode",
    "vtkMRMLScriptedModuleNode",
    "vtkMRMLSubjectHierarchyNode",
    "vtkMRMLDisplayNode",
)
_GIVEN = (handle.FIXED_VOLUME, handle.MOVING_VOLUME, handle.ORIGINAL_PARENT)


def remember_as_loaded(scan: slicer.vtkMRMLScalarVolumeNode) -> None:
    """From now on, changes of voxels or position are changes by a person.

    Raises:
        InputError: if it is no scan with voxels.
    """
    voxels = np.ascontiguousarray(volume_from_node(scan).voxels)
    content = {"voxels": zlib.crc32(voxels.data), "ijk_to_ras": local_ijk_to_ras(scan).tolist()}
    scan.SetAttribute(_AS_LOADED, json.dumps(content))


def remove_unless_used(
    scene: slicer.vtkMRMLScene, scans: Sequence[slicer.vtkMRMLScalarVolumeNode], results: Sequence[SceneRegistration]
) -> bool:
    """Remove scans and registrations of them, all or none.

    They stay if a person has changed or used them: voxels or position of a scan, something made of a registration, or any
    other node that refers to one of them, as a segmentation does to its scan.

    Returns:
        Whether they were removed.
    """
    ours = {node.GetID() for node in scans} | {node.GetID() for result in results for node in _made(result)}
    changed = any(_is_changed(scan) or _is_placed(scan, ours) for scan in scans)
    if changed or any(products(result) for result in results) or _is_used_by_others(scene, ours):
        return False
    with batch(scene):
        for result in reversed(results):
            result.remove()
        for scan in scans:
            remove_node(scene, scan)
    return True


def _made(result: SceneRegistration) -> Iterable[slicer.vtkMRMLNode]:
    """The record, and whatever it refers to but has not been given."""
    record = result.record
    if record is None:
        return
    yield record
    for role in (record.GetNthNodeReferenceRole(n) for n in range(record.GetNumberOfNodeReferenceRoles())):
        if role not in _GIVEN:
            nodes = (record.GetNthNodeReference(role, n) for n in range(record.GetNumberOfNodeReferences(role)))
            yield from (node for node in nodes if node is not None)


def _is_changed(scan: slicer.vtkMRMLScalarVolumeNode) -> bool:
    text = scan.GetAttribute(_AS_LOADED)
    if text is None or scan.GetImageData() is None:
        return False
    content = json.loads(text)
    voxels = np.ascontiguousarray(slicer.util.arrayFromVolume(scan))
    same_place = np.allclose(local_ijk_to_ras(scan), content["ijk_to_ras"], atol=1e-4)
    return not same_place or zlib.crc32(voxels.data) != content["voxels"]


def _is_placed(scan: slicer.vtkMRMLVolumeNode, ours: set[str]) -> bool:
    """Whether a person has put the scan under a transform."""
    parent = scan.GetParentTransformNode()
    return parent is not None and parent.GetID() not in ours


def _is_used_by_others(scene: slicer.vtkMRMLScene, ours: set[str]) -> bool:
    for n in range(scene.GetNumberOfNodeReferences()):
        user = scene.GetNthReferencingNode(n)
        is_ours = user is None or user.GetID() in ours or any(user.IsA(kind) for kind in _ONLOOKERS)
        if scene.GetNthReferencedID(n) in ours and not is_ours:
            return True
    return False
