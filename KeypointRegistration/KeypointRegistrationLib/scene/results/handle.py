"""The handle on a registration in the scene: its nodes, how to find them again, before and after, and undo."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ...registration.correction import Correction
from ...registration.result import Registration
from .. import hierarchy
from ..drawing.overlays import take_away
from ..nodes import batch, own_matrix, put_under, remove_node
from ..using import companions, uses
from . import record
from .description import describe_transform
from .placement import hardened_numbering

#: Attribute of the record node; its value identifies the registration, also in the folder.
IDENTIFIER = "KeypointRegistration.Identifier"

#: Attribute of the record of a registration that was made on top of another one, which has been undone since.
_OUTER = "KeypointRegistration.OuterToWorld"

# What the record node refers to, by role.
TRANSFORM = "transform"
FIXED_POINTS = "fixedKeypoints"
MOVING_POINTS = "movingKeypoints"
FIXED_VOLUME = "fixedVolume"
MOVING_VOLUME = "movingVolume"
ORIGINAL_PARENT = "originalParent"
FIXED_HEATMAP = "fixedHeatmap"
MOVING_HEATMAP = "movingHeatmap"
KEPT_FIXED_HEATMAPS = "keptFixedHeatmaps"
KEPT_MOVING_HEATMAPS = "keptMovingHeatmaps"
KEYPOINT_COLOURS = "keypointColours"
FIXED_ELLIPSOIDS = "fixedEllipsoids"
MOVING_ELLIPSOIDS = "movingEllipsoids"
FIXED_MARKS = "fixedMarks"
MOVING_MARKS = "movingMarks"
ARROWS = "residualArrows"
ERROR_MAP = "errorMap"
ERROR_LEGEND = "errorLegend"

_LASTING = (TRANSFORM, FIXED_POINTS, MOVING_POINTS)
_SHOWN = (FIXED_HEATMAP, MOVING_HEATMAP, KEPT_FIXED_HEATMAPS, KEPT_MOVING_HEATMAPS, KEYPOINT_COLOURS, FIXED_ELLIPSOIDS,
          MOVING_ELLIPSOIDS, FIXED_MARKS, MOVING_MARKS, ARROWS, ERROR_MAP, ERROR_LEGEND)  # fmt: skip
_MADE = _LASTING + _SHOWN
_GIVEN = (FIXED_VOLUME, MOVING_VOLUME, ORIGINAL_PARENT)
_FOLLOWERS = (MOVING_VOLUME, MOVING_POINTS, MOVING_HEATMAP, MOVING_ELLIPSOIDS, MOVING_MARKS)  # what sits under the transform


class SceneRegistration:
    """Handle on one registration in a scene.  Made by ``add_registration`` and ``find_registrations``.

    Everything it needs is in the scene, so that it comes back from a file.  A node that the user has deleted is None here.
    The nodes are held weakly: the handle keeps nothing alive and never mistakes a later node for its own.

    The moving volume, its point list and its heatmap sit under ``transform``, which sits under the moving volume's original
    parent: wherever the user then moves the scan, its keypoints follow.  The fixed list and heatmap likewise sit under the
    fixed volume's parent.
    """

    def __init__(self, record_node: slicer.vtkMRMLTextNode) -> None:
        self._scene = record_node.GetScene()
        self.identifier: str = record_node.GetAttribute(IDENTIFIER)
        self._text: str = record_node.GetText()
        self._content = record.from_text(self._text)
        self._nodes: dict[str, vtk.vtkWeakReference] = {}
        self._hold("record", record_node)
        for role in _MADE + _GIVEN:
            self._hold(role, record_node.GetNodeReference(role))

    @property
    def scene(self) -> slicer.vtkMRMLScene:
        """The scene it is in."""
        return self._scene

    @property
    def record(self) -> slicer.vtkMRMLTextNode | None:
        """Text node with the provenance and the whole result as JSON."""
        return self._node("record")

    @property
    def transform(self) -> slicer.vtkMRMLTransformNode | None:
        """The one transform.  Its own matrix is W⁻¹·R·W: R is moving_to_fixed, W the moving volume's original parents."""
        return self._node(TRANSFORM)

    @property
    def fixed_points(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """Keypoints of the fixed scan."""
        return self._node(FIXED_POINTS)

    @property
    def moving_points(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """Keypoints of the moving scan: they move with it."""
        return self._node(MOVING_POINTS)

    @property
    def fixed_volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The scan that stays."""
        return self._node(FIXED_VOLUME)

    @property
    def moving_volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The scan that is aligned."""
        return self._node(MOVING_VOLUME)

    @property
    def original_parent(self) -> slicer.vtkMRMLTransformNode | None:
        """What the moving volume was under before, if anything."""
        return self._node(ORIGINAL_PARENT)

    @property
    def fixed_heatmap(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The heatmap of the fixed scan that is shown at the moment."""
        return self._node(FIXED_HEATMAP)

    @property
    def moving_heatmap(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The heatmap of the moving scan that is shown at the moment."""
        return self._node(MOVING_HEATMAP)

    @property
    def folder(self) -> int:
        """The subject-hierarchy item that holds the nodes, 0 if there is none any more."""
        made = (self._node(role) for role in ("record", *_MADE))
        return hierarchy.folder_item(self._scene, self.identifier, [node for node in made if node])

    @property
    def provenance(self) -> dict[str, Any]:
        """What was registered with what: scans, their matrices, options, versions."""
        return self._content.provenance

    @property
    def original(self) -> Registration:
        """The network's answer, without its heatmaps."""
        return self._content.original

    @property
    def correction(self) -> Correction:
        """What a person has changed of it."""
        return self._content.correction

    @property
    def registration(self) -> Registration:
        """The result as it is now: the network's answer with the person's correction."""
        return self._content.registration

    def correct(self, correction: Correction, registration: Registration, *, lasting: bool = True) -> None:
        """Take over a correction of the network's answer and what came of it: the moving volume follows.

        With ``lasting`` it is written into the record, which is saved with the scene; without, as while a point is being
        dragged, that is left for later.
        """
        self._content = replace(self._content, correction=correction, registration=registration)
        if self.transform is not None:
            to_world = np.array(self.provenance["moving"]["parent_to_world"])
            matrix = np.linalg.inv(self._outer_to_world) @ registration.moving_to_fixed @ to_world
            self.transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
            describe_transform(self.transform, registration)
        if lasting and self.record is not None:
            self._text = record.to_text(self._content)
            self.record.SetText(self._text)

    @property
    def is_current(self) -> bool:
        """Whether the record says what this handle does, and no other handle has corrected the registration since."""
        return self.record is None or self.record.GetText() == self._text

    @property
    def is_replaced(self) -> bool:
        """Whether the record is that of other scans by now: of another frame of a series, which the same nodes show."""
        if self.record is None or self.is_current:
            return False
        shown = registration_of(self.record)
        return shown is None or shown.provenance != self.provenance

    @property
    def applied(self) -> bool:
        """Whether the moving volume is aligned at the moment (after) or where it was (before)."""
        volume, transform = self.moving_volume, self.transform
        return volume is not None and transform is not None and volume.GetParentTransformNode() is transform

    @applied.setter
    def applied(self, aligned: bool) -> None:
        """Move the volume and what belongs to it under the transform, or back under the original parent.

        Nodes that the user has put elsewhere stay there.  A scan is aligned by one registration at a time: another one that
        began at the same place gives it free.
        """
        if self.transform is None:
            return
        before, after = self.original_parent, self.transform
        if aligned and not self.applied:
            for rival in find_registrations(self._scene):
                if rival.moving_volume is self.moving_volume and rival.applied and rival.original_parent is before:
                    rival.applied = False
        with batch(self._scene):
            for role in _FOLLOWERS:
                node = self._node(role)
                if node is not None and node.GetParentTransformNode() in (before, after):
                    put_under(node, after if aligned else before)
            companions.follow(self, aligned)

    def adopted(self, role: str) -> Any:
        """The node that was adopted in a role, or None if there is none (any more)."""
        return self._node(role)

    def adopt(self, role: str, node: slicer.vtkMRMLNode | None) -> None:
        """Make ``node`` (None: no node) one that the registration has made, and that ``remove`` removes."""
        self._hold(role, node)
        if self.record is not None:
            self.record.SetNodeReferenceID(role, node.GetID() if node else None)

    def remove(self) -> None:
        """Undo: take everything that was added out of the scene and put the moving volume back where it was.

        This holds also if the user has edited, moved, hardened or deleted some of the nodes meanwhile.  What the user has
        put under the transform or into the folder stays in the scene.  A later registration that was made of the aligned
        volume keeps its result: the volume stays where that one has put it.
        """
        with batch(self._scene):
            uses.withdraw(self)
            self._release_transform()
            self._restore_moving_volume()
            folder = self.folder
            shown, lasting = ([self._node(role) for role in roles] for roles in (_SHOWN, (*_LASTING, "record")))
            for node in shown:
                if node is not None:
                    take_away(node)
            for node in lasting:
                if node is not None:
                    remove_node(self._scene, node)
            hierarchy.remove_folder(self._scene, folder)

    def _release_transform(self) -> None:
        """Nothing but the moving volume may depend on the transform when it goes."""
        transform = self.transform
        if transform is None:
            return
        later = [other for other in find_registrations(self._scene) if other.original_parent is transform]
        for other in later:
            if other.transform is not None and other.transform.GetParentTransformNode() is transform:
                combined = own_matrix(transform) @ own_matrix(other.transform)
                other.transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(combined))
                put_under(other.transform, self.original_parent)
                if other.record is not None:
                    other.record.SetAttribute(_OUTER, json.dumps(self._outer_to_world.tolist()))
            other.adopt(ORIGINAL_PARENT, self.original_parent)
        for node in slicer.util.getNodesByClass("vtkMRMLTransformableNode", self._scene):
            if node.GetParentTransformNode() is transform and node is not self.moving_volume:
                put_under(node, transform.GetParentTransformNode())

    @property
    def _outer_to_world(self) -> NDArray[np.float64]:
        """4×4 of what the transform was put under, at the time: the moving volume's parents, but for those undone since."""
        text = self.record.GetAttribute(_OUTER) if self.record is not None else None
        return np.array(json.loads(text) if text else self.provenance["moving"]["parent_to_world"])

    def _restore_moving_volume(self) -> None:
        volume = self.moving_volume
        if volume is None:
            return
        numbering = hardened_numbering(self)
        if numbering is not None:
            original = np.array(self.provenance["moving"]["ijk_to_ras"]) @ numbering
            volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(original))
        if numbering is not None or volume.GetParentTransformNode() is self.transform:  # both None: the user deleted it
            put_under(volume, self.original_parent)

    def _hold(self, role: str, node: slicer.vtkMRMLNode | None) -> None:
        self._nodes[role] = vtk.vtkWeakReference()
        self._nodes[role].Set(node)

    def _node(self, role: str) -> Any:
        """The node in a role now.  The record knows best; the handle remembers in case the user has deleted the record."""
        node = self._nodes[role].Get()
        if role != "record" and self.record is not None:
            node = self.record.GetNodeReference(role)
        return node if node is not None and self._scene.IsNodePresent(node) else None


def find_registrations(scene: slicer.vtkMRMLScene) -> list[SceneRegistration]:
    """All registrations in a scene, in the order they were added; also those read from a file.

    One whose record the user has damaged, or a later version has written, is left out: its nodes are then nodes like any.
    """
    handles = (registration_of(node) for node in slicer.util.getNodesByClass("vtkMRMLTextNode", scene))
    return [handle for handle in handles if handle is not None]


def set_aside(fixed: slicer.vtkMRMLVolumeNode, moving: slicer.vtkMRMLVolumeNode) -> SceneRegistration | None:
    """Put the moving volume back where it was before an earlier registration to the same fixed volume has aligned it.

    A pair that is registered again begins where it began: else a rigid alignment would come on top of an affine one.

    Returns:
        That registration, to be applied again if nothing comes of the new one; None if there was none.
    """
    for result in reversed(find_registrations(moving.GetScene())):
        if result.applied and result.moving_volume is moving and result.fixed_volume is fixed:
            result.applied = False
            return result
    return None


def registration_of(record_node: slicer.vtkMRMLTextNode) -> SceneRegistration | None:
    """The registration that a text node is the record of; None if it is none, or cannot be read."""
    if not record_node.GetAttribute(IDENTIFIER):
        return None
    try:
        return SceneRegistration(record_node)
    except ValueError:
        return None
