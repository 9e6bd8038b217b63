"""The handle on a tracked series in the scene: what was found of each frame, and where the scene keeps it.

A track is one registration (``results.handle``) of the volume that plays the sequence to a copy of the reference.  Its four
nodes (transform, both point lists, record) are played along: each is what the browser's present item of a sequence says.
Playing shows the head at rest, and the frame at which the browser stands is a registration like any other, to be looked at
and corrected with the same tools.  What is changed of it the browser keeps in the sequences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ...detection.bundle import Card
from ...geometry.errors import InputError
from ...registration.plain import array_from, keypoints_from, number_from
from ...registration.result import ModelIdentity
from ...registration.tracking.frame_pair import frame_registration
from ...registration.tracking.frames import FrameMotion, FrameStatus, Reference, Track
from ...registration.tracking.motion_table import MotionRow, motion_rows
from ...registration.tracking.smoothing import smoothed as smoothed_motion
from ..nodes import put_under
from ..results import handle
from ..results.handle import SceneRegistration
from ..volumes import local_ijk_to_ras, volume_from_node
from . import parts
from .items import motion_of, points_item, record_item, transform_item
from .table import show_rows

_SAME_PLACE = 0.1  # mm: files keep fewer digits than memory, and devices round in other ways

#: Attribute of the node that stands for a track, where its smoothed motion is wanted.
_SMOOTHED = "KeypointRegistration.Smoothed"


class SceneTrack:
    """Handle on one tracked series.  Made by ``adding.add_track`` and ``finding.find_tracks``; all it knows is in the scene.

    Attributes:
        node: the hidden text node that stands for it.
    """

    def __init__(self, node: slicer.vtkMRMLTextNode) -> None:
        """Raises ValueError if the node does not say what a track needs."""
        self.node = node
        self._entry: dict[str, Any] = json.loads(node.GetText() or "")
        if not isinstance(self._entry, dict) or not {"reference", "provenance", "options", "model"} <= set(self._entry):
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
        """What the volume is put under, so that the head is shown at rest."""
        browser, transforms = self.browser, self._sequence(parts.TRANSFORMS)
        return None if browser is None else browser.GetProxyNode(transforms)

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """What plays the series; None if nothing does any more."""
        browser, volumes = self.browser, self._sequence(parts.VOLUMES)
        return None if browser is None or volumes is None else browser.GetProxyNode(volumes)

    @property
    def applied(self) -> bool:
        """Whether the volume is shown with the head at rest (after) or where it was (before)."""
        volume, transform = self.volume, self.transform
        return volume is not None and transform is not None and volume.GetParentTransformNode() is transform

    @applied.setter
    def applied(self, aligned: bool) -> None:
        """As a registration's."""
        browser, volume, transform = self.browser, self.volume, self.transform
        if aligned == self.applied or browser is None or transform is None:
            return
        shown = browser.GetSelectedItemNumber()
        self._go_to_a_registration()
        registration = self.registration
        if registration is None:
            put_under(volume, transform if aligned else transform.GetParentTransformNode())
        else:
            registration.applied = aligned
        self.go_to(shown)

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
    def model(self) -> ModelIdentity:
        """Which weights have found the keypoints."""
        return ModelIdentity(**self._entry["model"])

    @property
    def to_world(self) -> NDArray[np.float64]:
        """4×4 of the transforms that the series was under when it was tracked."""
        return array_from(self._entry["provenance"]["moving"]["parent_to_world"])

    @property
    def has_reference(self) -> bool:
        """Whether the copy of what the frames are aligned to is still in the scene."""
        return self.node.GetNodeReference(parts.REFERENCE) is not None

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
            other_head=None if entry.get("other_head") is None else array_from(entry["other_head"]),  # earlier ones lack it
        )

    @property
    def motions(self) -> Mapping[int, FrameMotion]:
        """What was found of the frames that were tracked, by their index; read from the scene when first asked for."""
        if self._motions is None:
            found = {index: self._read(index) for index in range(self.frames)}
            self._motions = {index: motion for index, motion in found.items() if motion is not None}
        return self._motions

    @property
    def track(self) -> Track:
        """The frames that were tracked, in the order of time, as they are now.

        Raises:
            InputError: if the copy of the reference is no longer in the scene.
        """
        name = self._entry["provenance"]["moving"]["name"]
        return Track(name, self.reference, tuple(self.motions[index] for index in sorted(self.motions)))

    @property
    def rows(self) -> tuple[MotionRow, ...]:
        """The motion of those frames.  Raises InputError as ``track``."""
        return motion_rows(self.track)

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
        """Take over what was found of a frame, by the model of ``card``.

        Raises:
            InputError: if a sequence of the track, or the frame itself, is no longer there.
        """
        index, guess, provenance = motion.index, self._last_before(motion.index), self._entry["provenance"]
        found = None
        if motion.status is not FrameStatus.UNUSABLE:
            keypoints = keypoints_from(self._entry["reference"]["keypoints"])
            found = frame_registration(keypoints, motion, card, self.options["device"], guess)
        self._motions = {**self.motions, index: motion}
        to_world = {side: array_from(provenance[side]["parent_to_world"]) for side in ("fixed", "moving")}
        matrix = guess if found is None else found.moving_to_fixed
        self._write(parts.TRANSFORMS, index, transform_item(matrix, to_world["moving"], found))
        for role, side in ((parts.FIXED_POINTS, "fixed"), (parts.MOVING_POINTS, "moving")):
            shown = None if found is None else found.fixed_keypoints if side == "fixed" else found.moving_keypoints
            self._write(role, index, points_item(self._item(role, index), to_world[side], shown, found))
        volume = local_ijk_to_ras(self._item(parts.VOLUMES, index))
        where = {**provenance, "moving": {**provenance["moving"], "ijk_to_ras": volume}}
        self._write(parts.RECORDS, index, record_item(motion, found, where, self.identifier))

    @property
    def shows_smoothed(self) -> bool:
        """Whether table and plots have the smoothed motion beside the raw one."""
        return self.node.GetAttribute(_SMOOTHED) is not None

    def show(self, smoothed: bool | None = None) -> None:
        """Bring the table, and with it the plots, up to date.

        ``smoothed`` says whether they have the smoothed motion from now on; None leaves that as it is.
        """
        if smoothed is not None:
            self.node.SetAttribute(_SMOOTHED, "yes" if smoothed else None)
        table = self.node.GetNodeReference(parts.TABLE)
        if table is None or not self.has_reference:
            return
        track = self.track
        beside = smoothed_motion(track) if self.shows_smoothed and track.frames else None
        show_rows(table, motion_rows(track, beside), beside is not None)

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

    def _sequence(self, role: str) -> Any:
        """The sequence in a role, or None."""
        return self.node.GetNodeReference(role)

    def _read(self, index: int) -> FrameMotion | None:
        records = self._sequence(parts.RECORDS)
        return None if records is None else motion_of(records.GetNthDataNode(index))

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

    def _item(self, role: str, index: int) -> Any:
        """What a sequence holds of a frame.  Raises InputError if that is gone."""
        sequence = self._sequence(role)
        if sequence is None or index >= sequence.GetNumberOfDataNodes():
            raise InputError(f"The sequence with the {role} of this track was deleted or cut. Track the frames again.")
        return sequence.GetNthDataNode(index)

    def _write(self, role: str, index: int, item: slicer.vtkMRMLNode) -> None:
        self._item(role, index)
        self._sequence(role).SetDataNodeAtValue(item, self._sequence(parts.VOLUMES).GetNthIndexValue(index))
