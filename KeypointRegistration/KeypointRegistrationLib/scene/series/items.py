"""What a track is kept in: of each frame a transform, two point lists and a record; of the whole, one text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ...geometry.keypoints import Keypoints
from ...registration.correction import Correction
from ...registration.plain import plain
from ...registration.result import Registration
from ...registration.tracking.frame_pair import corrected_motion
from ...registration.tracking.frames import FrameMotion, Reference
from ...registration.tracking.plain import motion_from, plain_motion
from ..results import handle, record
from ..results.description import describe_transform
from ..results.handle import SceneRegistration
from ..results.paired_points import PairedPoints

_FRAME = "frame"  # in a record: the motion of the frame, but its keypoints, which are in the registration


def transform_item(
    matrix: NDArray[np.float64], to_world: NDArray[np.float64], found: Registration | None
) -> slicer.vtkMRMLTransformNode:
    """What moves a frame by ``matrix`` (4×4, world RAS), for one that is under transforms with the 4×4 ``to_world``."""
    node = slicer.vtkMRMLTransformNode()
    own = np.linalg.inv(to_world) @ matrix @ to_world
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(own))
    if found is not None:
        describe_transform(node, found)
    return node


def points_item(
    like: slicer.vtkMRMLMarkupsFiducialNode,
    to_world: NDArray[np.float64],
    keypoints: Keypoints | None,
    found: Registration | None,
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A list that looks ``like`` another one, with the keypoints of one scan (world RAS); without any all are missing."""
    node = slicer.vtkMRMLMarkupsFiducialNode()
    node.CopyContent(like)
    if keypoints is None or found is None:
        for k in range(node.GetNumberOfControlPoints()):
            node.SetNthControlPointPositionMissing(k)
    else:
        PairedPoints(node, to_world).write(keypoints, found)
    return node


def record_item(
    motion: FrameMotion, found: Registration | None, provenance: Mapping[str, Any], identifier: str
) -> slicer.vtkMRMLTextNode:
    """The record of a frame: that of a registration, or, where there is nothing to align, only of what was found."""
    node = slicer.vtkMRMLTextNode()
    if found is None:
        node.SetText(json.dumps({_FRAME: plain_motion(motion)}, ensure_ascii=False))
    else:
        entry = {**provenance, _FRAME: plain_motion(replace(motion, keypoints=None))}
        node.SetText(record.to_text(record.Record(entry, found, Correction.none(found), found)))
        node.SetAttribute(handle.IDENTIFIER, identifier)
    return node


def motion_of(item: slicer.vtkMRMLTextNode) -> FrameMotion | None:
    """The motion that a record holds, as a person may have corrected it; None for a frame that was not tracked."""
    text = item.GetText() or ""
    try:
        entry = json.loads(text)
        motion = motion_from(entry[_FRAME])
        if "registration" not in entry:
            return motion
        content = record.from_text(text)
    except (ValueError, KeyError, TypeError):  # nothing, or something that a person or a later version has written
        return None
    motion = replace(motion, keypoints=content.original.moving_keypoints)
    if content.correction == Correction.none(content.original):
        return motion
    return corrected_motion(motion, content.registration)


def track_entry(reference: Reference, registration: SceneRegistration, options: object) -> str:
    """The text of the node that stands for a track."""
    shown = {
        "index": reference.index,
        "keypoints": reference.keypoints,
        "centre": reference.centre,
        "radius": reference.radius,
        "other_head": reference.other_head,
    }
    model = registration.registration.model
    entry = {"reference": shown, "provenance": registration.provenance, "options": options, "model": model}
    return json.dumps(plain(entry), ensure_ascii=False, allow_nan=False)
