"""A registration into the scene."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import numpy as np
import slicer
import vtk

from ... import __version__
from ...geometry.errors import InputError
from ...registration.correction import Correction
from ...registration.options import RegistrationOptions
from ...registration.result import Registration
from .. import hierarchy
from ..drawing.heatmap_store import keep_heatmaps
from ..nodes import batch, put_under
from ..notes.names import show_names
from ..volumes import local_ijk_to_ras, parent_to_world
from . import handle, record
from .description import describe_transform
from .handle import SceneRegistration
from .points import FIXED_STYLE, MOVING_STYLE, add_point_list


def add_registration(
    scene: slicer.vtkMRMLScene,
    fixed_node: slicer.vtkMRMLScalarVolumeNode,
    moving_node: slicer.vtkMRMLScalarVolumeNode,
    registration: Registration,
    options: RegistrationOptions | None = None,
    identifier: str | None = None,
    masks: Mapping[str, slicer.vtkMRMLVolumeNode | None] | None = None,
) -> SceneRegistration:
    """Show a result in the scene: the moving volume aligned, both point lists, a folder with everything, provenance.

    A new transform T is put between the moving volume and its parent P, so that nothing else under P moves.  With W the
    4×4 of P to the world and R the result's ``moving_to_fixed`` (world RAS), T holds W⁻¹·R·W: the volume, which was at W,
    is then at W·T = R·W.  The moving point list holds W⁻¹ times its world positions and is under T as well, so that it is on
    the same anatomy of the moving volume before and after; the fixed list is under the fixed volume's parent.

    Args:
        scene: of both nodes.
        fixed_node, moving_node: as they were when ``volume_from_node`` took the scans that were registered.
        registration: the result, in world RAS mm.
        options: what was asked for, for the record.
        identifier: of a registration that was in the scene before and comes back; None for a new one.
        masks: where it was looked in the ``fixed`` and in the ``moving`` scan, for the record.

    Raises:
        InputError: if both nodes are the same one, or one is under a transform that is non-linear or singular.  The scene
            is then unchanged.
    """
    if fixed_node is moving_node:
        raise InputError(f"{fixed_node.GetName()} is both the fixed and the moving volume. Choose two different volumes.")
    fixed_to_world, moving_to_world = parent_to_world(fixed_node), parent_to_world(moving_node)
    original_parent = moving_node.GetParentTransformNode()
    title = f"{moving_node.GetName()} → {fixed_node.GetName()} ({registration.transform_type.value})"
    with batch(scene):
        transform = _add_transform(scene, title, fixed_node, moving_node, registration)
        matrix = np.linalg.inv(moving_to_world) @ registration.moving_to_fixed @ moving_to_world
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        fixed_points = add_point_list(
            scene,
            f"{fixed_node.GetName()} keypoints (fixed)",
            registration.fixed_keypoints,
            registration,
            FIXED_STYLE,
            np.linalg.inv(fixed_to_world),
        )
        moving_points = add_point_list(
            scene,
            f"{moving_node.GetName()} keypoints (moving)",
            registration.moving_keypoints,
            registration,
            MOVING_STYLE,
            np.linalg.inv(moving_to_world),
        )
        record_node = _add_record(
            scene,
            title,
            _provenance(fixed_node, moving_node, options, masks or {}),
            registration,
            identifier or str(uuid.uuid4()),
        )
        references = {
            handle.TRANSFORM: transform,
            handle.FIXED_POINTS: fixed_points,
            handle.MOVING_POINTS: moving_points,
            handle.FIXED_VOLUME: fixed_node,
            handle.MOVING_VOLUME: moving_node,
            handle.ORIGINAL_PARENT: original_parent,
        }
        for role, node in references.items():
            record_node.SetNodeReferenceID(role, node.GetID() if node else None)
        put_under(transform, original_parent)
        put_under(fixed_points, fixed_node.GetParentTransformNode())
        put_under(moving_points, transform)
        put_under(moving_node, transform)
        made = (transform, fixed_points, moving_points, record_node)
        hierarchy.add_folder(scene, title, record_node.GetAttribute(handle.IDENTIFIER), moving_node, made)
        added = SceneRegistration(record_node)
        keep_heatmaps(added, registration)
        show_names(added)
    return added


def _add_transform(
    scene: slicer.vtkMRMLScene,
    title: str,
    fixed_node: slicer.vtkMRMLVolumeNode,
    moving_node: slicer.vtkMRMLVolumeNode,
    registration: Registration,
) -> slicer.vtkMRMLTransformNode:
    """A transform node with Slicer's own moving and fixed roles, which says what it holds."""
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode", scene.GenerateUniqueName(title))
    transform.SetNodeReferenceID(transform.GetMovingNodeReferenceRole(), moving_node.GetID())
    transform.SetNodeReferenceID(transform.GetFixedNodeReferenceRole(), fixed_node.GetID())
    describe_transform(transform, registration)
    transform.SetDescription("Maps moving to fixed RAS. Details are in the text node of the same folder.")
    return transform


def _add_record(
    scene: slicer.vtkMRMLScene, title: str, provenance: dict[str, Any], registration: Registration, identifier: str
) -> slicer.vtkMRMLTextNode:
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", scene.GenerateUniqueName(f"{title} record"))
    node.SetAttribute(handle.IDENTIFIER, identifier)
    node.SetForceCreateStorageNode(slicer.vtkMRMLTextNode.CreateStorageNodeAlways)
    content = record.Record(provenance, registration, Correction.none(registration), registration)
    node.SetText(record.to_text(content))
    return node


def _provenance(
    fixed_node: slicer.vtkMRMLVolumeNode,
    moving_node: slicer.vtkMRMLVolumeNode,
    options: RegistrationOptions | None,
    masks: Mapping[str, slicer.vtkMRMLVolumeNode | None],
) -> dict[str, Any]:
    return {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "software": {
            "KeypointRegistration": __version__,
            "MRML scene": slicer.vtkMRMLScene().GetVersion(),
            "VTK": vtk.vtkVersion.GetVTKVersion(),
            "numpy": np.__version__,
        },
        "options": options,
        "fixed": _scan(fixed_node),
        "moving": _scan(moving_node),
        "masks": {side: {"id": node.GetID(), "name": node.GetName()} for side, node in masks.items() if node is not None},
    }


def _scan(node: slicer.vtkMRMLVolumeNode) -> dict[str, Any]:
    """What identifies a scan and where it was: its own matrix and that of its parents at the time."""
    parent = node.GetParentTransformNode()
    return {
        "id": node.GetID(),
        "name": node.GetName(),
        "size": node.GetImageData().GetDimensions(),
        "ijk_to_ras": local_ijk_to_ras(node),
        "parent": {"id": parent.GetID(), "name": parent.GetName()} if parent else None,
        "parent_to_world": parent_to_world(node),
    }
