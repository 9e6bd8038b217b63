"""The handle on a tracked series in the scene: what was found of each frame, and where the scene keeps it.

A track is one registration (``results.handle``) of the volume that plays the sequence to a copy of the reference.  Its four
nodes (transform, both point lists, record) are played along: each is what the browser's present item of a sequence says.
Playing shows the head at rest, and the frame at which the browser stands is a registration like any other, to be looked at
and corrected with the same tools.  What is changed of it the browser keeps in the sequences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ...detection.bundle import Card
from ...geometry.errors import InputError
from ...registration.correction import Correction
from ...registration.plain import array_from, keypoints_from, number_from, plain
from ...registration.result import Registration
from ...registration.tracking.frame_pair import corrected_motion, frame_registration
from ...registration.tracking.frames import FrameMotion, FrameStatus, Reference, Track
from ...registration.tracking.motion_table import MotionRow, motion_rows
from ...registration.tracking.plain import motion_from, plain_motion
from ..results import handle, record
from ..results.description import describe_transform
from ..results.handle import SceneRegistration
from ..results.paired_points import PairedPoints
from ..volumes import local_ijk_to_ras, volume_from_node
from . import parts
from .table import show_rows

_SAME_PLACE = 0.01  # mm: files keep fewer digits than memory
_FRAME = "frame"  # in a record: the motion of the frame, but its keypoints, which are in the registration


class SceneTrack:
    """Handle on one tracked series.  Made by ``adding.add_track`` and ``find_tracks``; all it knows is in the scene.

    Attributes:
        node: the hidden text node that stands for it.
    """

    def __init__(self, node: slicer.vtkMRMLTextNode) -> None:
        """Raises ValueError if the node does not say what a track needs."""
        self.node = node
        self._entry: dict[str, Any] = json.loads(node.GetText() or "")
        if not isinstance(self._entry, dict) or not {"reference", "provenance", "options"} <= set(self._entry):
            raise ValueError("not a track")
        self._motions: dict[int, FrameMotion] | None = None

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def identifier(self) -> str:
        """Of its registration."""
        return self.node.GetAttribute(parts.TRACK)

    @property
    def is_there(self) -> bool:
        """Whether the scene still has what the track is kept in."""
        return self.node.GetScene() is not None and all(self._sequence(role) is not None for role in parts.SEQUENCES)

    @property
    def browser(self) -> slicer.vtkMRMLSequenceBrowserNode | None:
        """Plays it."""
        return parts.browser_with(self._sequence(parts.RECORDS)) if self.node.GetScene() is not None else None

    @property
    def transform(self) -> slicer.vtkMRMLTransformNode | None:
        """What the volume is under, so that the head is shown at rest."""
        browser, transforms = self.browser, self._sequence(parts.TRANSFORMS)
        return None if browser is None else browser.GetProxyNode(transforms)

    @property
    def frames(self) -> int:
        """How many frames the series has, tracked or not."""
        sequence = self._sequence(parts.RECORDS)
        return 0 if sequence is None else sequence.GetNumberOfDataNodes()

    @property
    def options(self) -> Mapping[str, Any]:
        """What was asked for, in plain values."""
        return self._entry["options"]

    @property
    def reference(self) -> Reference:
        """What the frames are aligned to.

        Raises:
            InputError: if the copy of the reference is no longer in the scene.
        """
        entry, node = self._entry["reference"], self.node.GetNodeReference(parts.REFERENCE)
        if node is None:
            raise InputError("The copy of the reference was deleted. Track the frames again.")
        return Reference(
            scan=volume_from_node(node),
            index=entry["index"],
            keypoints=keypoints_from(entry["keypoints"]),
            centre=array_from(entry["centre"]),
            radius=number_from(entry["radius"]),
        )

    @property
    def motions(self) -> Mapping[int, FrameMotion]:
        """What was found of the frames that were tracked, by their index; read from the scene when first asked for."""
        if self._motions is None:
            found = {index: self._read(index) for index in range(self.frames)}
            self._motions = {index: motion for index, motion in found.items() if motion is not None}
        return self._motions

    @property
    def rows(self) -> tuple[MotionRow, ...]:
        """The motion of the frames that were tracked, in the order of time."""
        frames = tuple(self.motions[index] for index in sorted(self.motions))
        return motion_rows(Track(self.node.GetName(), self.reference, frames))

    @property
    def registration(self) -> SceneRegistration | None:
        """The frame at which the browser stands; None if it was not tracked, or shows nothing that could be aligned."""
        browser, records = self.browser, self._sequence(parts.RECORDS)
        shown = None if browser is None else browser.GetProxyNode(records)
        return None if shown is None else handle.registration_of(shown)

    @property
    def corrected(self) -> dict[int, FrameMotion]:
        """The frames that a person has corrected."""
        return {index: motion for index, motion in self.motions.items() if motion.corrected}

    def is_aligned_to(self, reference: Reference) -> bool:
        """Whether this is what the frames are aligned to."""
        entry = self._entry["reference"]
        positions = keypoints_from(entry["keypoints"]).positions
        known = entry["index"] == reference.index and positions.shape == reference.keypoints.positions.shape
        return known and bool(np.allclose(positions, reference.keypoints.positions, atol=_SAME_PLACE, equal_nan=True))

    # -- what becomes of it --------------------------------------------------------------------------------------------

    def take_up(self, index: int) -> None:
        """Take from the scene what was found of one frame: a person may have corrected it."""
        others = {other: motion for other, motion in self.motions.items() if other != index}
        motion = self._read(index)
        self._motions = others if motion is None else {**others, index: motion}

    def put(self, motion: FrameMotion, card: Card) -> None:
        """Take over what was found of a frame, by the model of ``card``."""
        index = motion.index
        found = None
        if motion.status is not FrameStatus.UNUSABLE:
            keypoints = keypoints_from(self._entry["reference"]["keypoints"])
            found = frame_registration(keypoints, motion, card, self.options["device"], self._last_before(index))
        self._motions = {**self.motions, index: motion}
        self._write_transform(index, self._last_before(index) if found is None else found.moving_to_fixed, found)
        for role, side in ((parts.FIXED_POINTS, "fixed"), (parts.MOVING_POINTS, "moving")):
            self._write_points(index, role, side, found)
        self._write_record(index, motion, found)

    def show(self) -> None:
        """Bring the table, and with it the plots, up to date."""
        table = self.node.GetNodeReference(parts.TABLE)
        if table is not None and self.node.GetNodeReference(parts.REFERENCE) is not None:
            show_rows(table, self.rows)

    def go_to(self, index: int) -> None:
        """Let the browser show a frame."""
        if self.browser is not None and 0 <= index < self.frames:
            self.browser.SetSelectedItemNumber(index)

    def remove(self) -> None:
        """Undo: the volume is where it was, and nothing of the track is left in the scene."""
        registration = self.registration
        if registration is not None:
            registration.remove()
        elif self.node.GetScene() is not None:
            self._go_to_a_registration()
            registration = self.registration
            if registration is None:
                parts.remove_track(self.node)
            else:
                registration.remove()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _sequence(self, role: str) -> slicer.vtkMRMLSequenceNode | None:
        return self.node.GetNodeReference(role)

    def _read(self, index: int) -> FrameMotion | None:
        records = self._sequence(parts.RECORDS)
        return None if records is None else _motion_of(records.GetNthDataNode(index).GetText() or "")

    def _go_to_a_registration(self) -> None:
        """A frame without a registration does not say what to remove."""
        found = [index for index, motion in self.motions.items() if motion.status is not FrameStatus.UNUSABLE]
        if found:
            self.go_to(found[0])

    def _last_before(self, index: int) -> NDArray[np.float64]:
        """4×4 moving → fixed of the last frame before ``index`` in which the head was found: where it is shown meanwhile."""
        for earlier in range(index - 1, -1, -1):
            motion = self.motions.get(earlier)
            if motion is not None and motion.moving_to_fixed is not None:
                return motion.moving_to_fixed
        return np.eye(4)

    def _write(self, role: str, index: int, node: slicer.vtkMRMLNode) -> None:
        sequence, volumes = self._sequence(role), self._sequence(parts.VOLUMES)
        if sequence is not None and volumes is not None:
            sequence.SetDataNodeAtValue(node, volumes.GetNthIndexValue(index))

    def _write_transform(self, index: int, matrix: NDArray[np.float64], found: Registration | None) -> None:
        to_world = array_from(self._entry["provenance"]["moving"]["parent_to_world"])
        node = slicer.vtkMRMLTransformNode()
        own = np.linalg.inv(to_world) @ matrix @ to_world
        node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(own))
        if found is not None:
            describe_transform(node, found)
        self._write(parts.TRANSFORMS, index, node)

    def _write_points(self, index: int, role: str, side: str, found: Registration | None) -> None:
        sequence = self._sequence(role)
        if sequence is None:
            return
        node = slicer.vtkMRMLMarkupsFiducialNode()
        node.CopyContent(sequence.GetNthDataNode(index))
        if found is None:
            for k in range(node.GetNumberOfControlPoints()):
                node.SetNthControlPointPositionMissing(k)
        else:
            to_world = array_from(self._entry["provenance"][side]["parent_to_world"])
            keypoints = found.fixed_keypoints if side == "fixed" else found.moving_keypoints
            PairedPoints(node, to_world).write(keypoints, found)
        self._write(role, index, node)

    def _write_record(self, index: int, motion: FrameMotion, found: Registration | None) -> None:
        frame = plain_motion(motion if found is None else replace(motion, keypoints=None))
        node = slicer.vtkMRMLTextNode()
        if found is None:
            node.SetText(json.dumps({_FRAME: frame}, ensure_ascii=False))
        else:
            volumes = self._sequence(parts.VOLUMES)
            moving = dict(self._entry["provenance"]["moving"])
            if volumes is not None:
                moving["ijk_to_ras"] = local_ijk_to_ras(volumes.GetNthDataNode(index))
            provenance = {**self._entry["provenance"], "moving": moving, _FRAME: frame}
            node.SetText(record.to_text(record.Record(provenance, found, Correction.none(found), found)))
            node.SetAttribute(handle.IDENTIFIER, self.identifier)
        self._write(parts.RECORDS, index, node)


def track_entry(reference: Reference, registration: SceneRegistration, options: object) -> str:
    """The text of the node that stands for a track."""
    shown = {
        "index": reference.index,
        "keypoints": reference.keypoints,
        "centre": reference.centre,
        "radius": reference.radius,
    }
    entry = {"reference": shown, "provenance": registration.provenance, "options": options}
    return json.dumps(plain(entry), ensure_ascii=False, allow_nan=False)


def find_tracks(scene: slicer.vtkMRMLScene) -> list[SceneTrack]:
    """All tracks in a scene, the earliest first; also those read from a file."""
    found = []
    for node in parts.track_nodes(scene):
        try:
            track = SceneTrack(node)
        except ValueError:  # the user has damaged it, or a later version has written it
            continue
        if track.is_there:
            found.append(track)
    return found


def track_of(browser: slicer.vtkMRMLSequenceBrowserNode | None) -> SceneTrack | None:
    """The latest track that a browser plays, or None."""
    if browser is None:
        return None
    return next((track for track in reversed(find_tracks(browser.GetScene())) if track.browser is browser), None)


def _motion_of(text: str) -> FrameMotion | None:
    """The motion that a record holds, as a person may have corrected it; None for a frame that was not tracked."""
    try:
        entry = json.loads(text)
        frame = entry[_FRAME]
    except (ValueError, KeyError, TypeError):
        return None
    if "registration" not in entry:
        return motion_from(frame)
    content = record.from_text(text)
    motion = replace(motion_from(frame), keypoints=content.original.moving_keypoints)
    if content.correction == Correction.none(content.original):
        return motion
    return corrected_motion(motion, content.registration)
