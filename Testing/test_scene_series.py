"""A sequence of the scene as a time series: where and when its frames are, and what is none, in sentences."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from KeypointRegistrationLib.detection.bundle import load_card
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.series.frames import SceneSeries, browser_of, frame_times, is_timed
from KeypointRegistrationLib.scene.series.parts import synchronise
from KeypointRegistrationLib.scene.using.hardening import harden
from KeypointRegistrationLib.scene.volumes import add_volume
from registered_scene import nested
from samples import sample_matrix, sample_volume
from tracked_scene import FRAMES, add_sequence, head, tracked


def test_frames_are_where_the_scene_shows_them(scene: slicer.vtkMRMLScene) -> None:
    volume = add_sequence(scene)
    nested(volume, (sample_matrix(25),))
    series = SceneSeries(volume)
    for index in range(FRAMES):
        assert np.allclose(series.frame(index).ijk_to_ras, sample_matrix(25) @ head(index).ijk_to_ras)
        assert np.array_equal(series.frame(index).voxels, head(index).voxels)


@pytest.mark.parametrize(("unit", "second"), [("s", 2.0), ("ms", 0.002), ("", 2.0)])
def test_times_are_in_seconds_where_the_sequence_says_so(scene: slicer.vtkMRMLScene, unit: str, second: float) -> None:
    series = SceneSeries(add_sequence(scene, unit=unit))
    assert series.times[1] == pytest.approx(second)
    assert series.is_timed is (unit != "")


def test_frames_without_times_are_numbered(scene: slicer.vtkMRMLScene) -> None:
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "phases")
    sequence.SetIndexType(sequence.TextIndex)
    for name in ("systole", "diastole"):
        sequence.SetDataNodeAtValue(slicer.vtkMRMLTextNode(), name)
    assert frame_times(sequence) == (0.0, 1.0)


@pytest.mark.parametrize("values", [("systole", "diastole"), ("2", "1"), ("0", "nan")], ids=["words", "back", "no number"])
def test_a_unit_of_time_is_not_believed_where_the_values_are_no_times(
    scene: slicer.vtkMRMLScene, values: tuple[str, str]
) -> None:
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "phases")
    sequence.SetIndexType(sequence.TextIndex)
    sequence.SetIndexUnit("s")
    for value in values:
        sequence.SetDataNodeAtValue(slicer.vtkMRMLTextNode(), value)
    assert frame_times(sequence) == (0.0, 1.0) and not is_timed(sequence)


def test_a_series_that_is_played_along_with_other_frames_is_refused(scene: slicer.vtkMRMLScene) -> None:
    volume = add_sequence(scene)
    browser = browser_of(volume)
    other = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "other")
    for value in ("0", "1"):
        other.SetDataNodeAtValue(slicer.vtkMRMLTextNode(), value)
    sequence = browser.GetSequenceNode(volume)
    browser.SetAndObserveMasterSequenceNodeID(other.GetID())
    synchronise(browser, volume, sequence)
    with pytest.raises(InputError, match="EPI is played along with other, which has other frames"):
        SceneSeries(volume)


def test_a_single_scan_is_no_series(scene: slicer.vtkMRMLScene) -> None:
    volume = add_volume(scene, sample_volume(size=8))
    assert browser_of(volume) is None
    with pytest.raises(InputError, match="not a sequence"):
        SceneSeries(volume)


def test_a_series_under_a_transform_that_changes_with_the_frames_is_refused(scene: slicer.vtkMRMLScene) -> None:
    volume = add_sequence(scene)
    transform = scene.AddNewNodeByClass("vtkMRMLTransformNode", "earlier motion")
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "earlier motion")
    for index in range(FRAMES):
        sequence.SetDataNodeAtValue(transform, f"{2.0 * index:g}")
    synchronise(browser_of(volume), transform, sequence)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="earlier motion, which changes from frame to frame"):
        SceneSeries(volume)


def test_a_series_under_a_transform_that_bends_is_refused(scene: slicer.vtkMRMLScene) -> None:
    volume = add_sequence(scene)
    bending = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bending")
    volume.SetAndObserveTransformNodeID(bending.GetID())
    with pytest.raises(InputError, match="non-linear transform bending"):
        SceneSeries(volume)


def test_a_frame_of_a_series_cannot_be_hardened(scene: slicer.vtkMRMLScene) -> None:
    track = tracked(add_sequence(scene), load_card("foetal-rigid"), range(2))
    track.go_to(1)
    with pytest.raises(InputError, match="EPI plays a sequence"):
        harden(track.registration)
