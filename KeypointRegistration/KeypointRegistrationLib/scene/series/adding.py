"""A tracked series into the scene: sequences beside that of the volumes, a copy of the reference, a table and plots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import slicer

from ...detection.bundle import Card
from ...registration.result import Trust, TrustLevel
from ...registration.tracking.frame_pair import frame_registration
from ...registration.tracking.frames import FrameMotion, FrameStatus, Reference
from ...registration.tracking.options import TrackingOptions
from .. import hierarchy
from ..nodes import add_hidden_text, put_under
from ..results.adding import add_registration
from ..results.handle import SceneRegistration
from ..volumes import add_volume
from . import parts
from .frames import SceneSeries
from .items import track_entry
from .plots import add_charts
from .track import SceneTrack


def add_track(series: SceneSeries, reference: Reference, options: TrackingOptions, card: Card) -> SceneTrack:
    """A track without frames: what is found of them is ``put`` there later.

    The volume of the series is then under a transform of its own, which is the identity in frames that were not tracked.

    Args:
        series: its volume must be where it was when ``reference`` was found.
        reference: in world RAS mm.
        options: what was asked for, for the record.
        card: of the model.
    """
    scene, volume = series.volume.GetScene(), series.volume
    put_under(volume, series.parent)
    fixed = _add_reference(series, reference)
    start = FrameMotion(-1, 0.0, FrameStatus.REFERENCE, np.eye(4), Trust(TrustLevel.GOOD), reference.keypoints)
    registration = frame_registration(reference.keypoints, start, card, options.device, np.eye(4))
    shown = add_registration(scene, fixed, volume, registration)
    node = add_hidden_text(scene, f"{volume.GetName()} track")
    node.SetAttribute(parts.TRACK, shown.identifier)
    node.SetText(track_entry(reference, shown, options))
    node.SetNodeReferenceID(parts.VOLUMES, series.sequence.GetID())
    node.SetNodeReferenceID(parts.REFERENCE, fixed.GetID())
    for role, played, name in (  # the record first: whoever hears of points that change sees whose they are
        (parts.RECORDS, shown.record, "records"),
        (parts.TRANSFORMS, shown.transform, "motion"),
        (parts.FIXED_POINTS, shown.fixed_points, "keypoints of the reference"),
        (parts.MOVING_POINTS, shown.moving_points, "keypoints"),
    ):
        sequence = _add_sequence(series, f"{volume.GetName()} {name}", _blank(played))
        node.SetNodeReferenceID(role, sequence.GetID())
        parts.synchronise(series.browser, played, sequence)
        hierarchy.add_member(scene, sequence, shown.record)
    _add_table(node, series, shown)
    return SceneTrack(node)


def _add_reference(series: SceneSeries, reference: Reference) -> slicer.vtkMRMLScalarVolumeNode:
    """A copy of what the frames are aligned to, which stays while they are played, under the parent of the series."""
    scan = replace(reference.scan, ijk_to_ras=np.linalg.inv(series.to_world) @ reference.scan.ijk_to_ras)
    which = "mean" if reference.index is None else f"frame {reference.index}"
    node = add_volume(series.volume.GetScene(), replace(scan, name=f"{series.name} reference ({which})"))
    put_under(node, series.parent)
    shown, like = node.GetDisplayNode(), series.volume.GetDisplayNode()
    if like is not None:
        shown.CopyContent(like)
    return node


def _add_sequence(series: SceneSeries, name: str, item: slicer.vtkMRMLNode) -> slicer.vtkMRMLSequenceNode:
    """A sequence with the index of the volumes', and ``item`` everywhere."""
    scene, like = series.volume.GetScene(), series.sequence
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", scene.GenerateUniqueName(name))
    sequence.SetIndexName(like.GetIndexName())
    sequence.SetIndexUnit(like.GetIndexUnit())
    sequence.SetIndexType(like.GetIndexType())
    for n in range(like.GetNumberOfDataNodes()):
        sequence.SetDataNodeAtValue(item, like.GetNthIndexValue(n))
    return sequence


def _blank(node: slicer.vtkMRMLNode) -> slicer.vtkMRMLNode:
    """What a node shows in a frame that was not tracked: no alignment, no keypoints, no record."""
    item = node.CreateNodeInstance()
    if node.IsA("vtkMRMLMarkupsNode"):
        item.CopyContent(node)
        for k in range(item.GetNumberOfControlPoints()):
            item.SetNthControlPointPositionMissing(k)
    return item


def _add_table(node: slicer.vtkMRMLTextNode, series: SceneSeries, shown: SceneRegistration) -> None:
    scene = node.GetScene()
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", scene.GenerateUniqueName(f"{series.name} motion table"))
    table.SetUseColumnTitleAsColumnHeader(True)
    table.SetLocked(True)
    node.SetNodeReferenceID(parts.TABLE, table.GetID())
    lines, charts = add_charts(table, series.name, series.times, series.is_timed)
    for role, nodes in ((parts.PLOT_SERIES, lines), (parts.CHARTS, charts)):
        for each in nodes:
            node.AddNodeReferenceID(role, each.GetID())
    for each in (table, *lines, *charts):
        hierarchy.add_member(scene, each, shown.record)
