"""A sequence of moving heads in a scene, and its track, found by nobody: with known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import slicer
from KeypointRegistrationLib.detection.bundle import Card
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import Trust, TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion, FrameStatus, Reference
from KeypointRegistrationLib.registration.tracking.options import TrackingOptions
from KeypointRegistrationLib.scene.series.adding import add_track
from KeypointRegistrationLib.scene.series.frames import SceneSeries
from KeypointRegistrationLib.scene.series.track import SceneTrack
from sample_track import lost_motion, sample_motion
from samples import sample_keypoints, sample_matrix, sample_volume

FRAMES = 5
LOST, UNUSABLE = 2, 3  # frames


def pose(index: int) -> np.ndarray:
    """4×4 moving → fixed of a frame, in the RAS of the frames' own coordinates; the first one is the reference."""
    return sample_matrix(8.0 * index, (2.0 * index, -index, 0.5 * index)) if index else np.eye(4)


def head(index: int) -> Volume:
    """A frame: the same head, elsewhere."""
    volume = sample_volume("EPI", size=14, spacing=10.0)
    return volume.moved(np.linalg.inv(pose(index)))


def add_sequence(
    scene: slicer.vtkMRMLScene, frames: list[Volume] | None = None, name: str = "EPI", unit: str = "s"
) -> slicer.vtkMRMLScalarVolumeNode:
    """A sequence of volumes, two seconds apart, and a browser.  Returns the volume that shows its frames."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("time")
    sequence.SetIndexUnit(unit)
    for index, frame in enumerate([head(n) for n in range(FRAMES)] if frames is None else frames):
        node = slicer.vtkMRMLScalarVolumeNode()
        node.SetName(name)
        slicer.util.updateVolumeFromArray(node, frame.voxels)
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(frame.ijk_to_ras))
        sequence.SetDataNodeAtValue(node, f"{2.0 * index:g}")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser.GetProxyNode(sequence)


def reference_of(series: SceneSeries) -> Reference:
    """The first frame."""
    scan = series.frame(0)
    return Reference(scan, 0, sample_keypoints().moved(series.to_world), scan.centre, 50.0)


def found(series: SceneSeries, index: int) -> FrameMotion:
    """What a tracker would find of a frame, in world RAS."""
    matrix = series.to_world @ pose(index) @ np.linalg.inv(series.to_world)
    keypoints = sample_keypoints().moved(series.to_world).moved(np.linalg.inv(matrix))
    motion = replace(sample_motion(index), moving_to_fixed=matrix, keypoints=keypoints, trust=Trust(TrustLevel.GOOD))
    if index == 0:
        return replace(motion, status=FrameStatus.REFERENCE, fre=0.0)
    if index == LOST:
        return lost_motion(index)
    if index == UNUSABLE:
        reason = Trust(TrustLevel.DO_NOT_TRUST, ("The frame is empty.",))
        return FrameMotion(index, 2.0 * index, FrameStatus.UNUSABLE, None, reason)
    return motion


def tracked(volume: slicer.vtkMRMLScalarVolumeNode, card: Card, frames: range = range(FRAMES)) -> SceneTrack:
    """The track of these frames."""
    series = SceneSeries(volume)
    track = add_track(series, reference_of(series), TrackingOptions(model=card.name), card)
    for index in frames:
        track.put(found(series, index), card)
    track.show()
    return track
