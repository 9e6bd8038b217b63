"""A tracked series in the scene: playing shows the head at rest, and every frame is a registration like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.detection.bundle import Card, load_card
from KeypointRegistrationLib.registration.correction import PairChoice
from KeypointRegistrationLib.registration.result import Trust, TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameStatus
from KeypointRegistrationLib.scene.notes.names import NameObserver, names_of, rename
from KeypointRegistrationLib.scene.results.editor import RegistrationEditor
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.series.finding import find_tracks, track_of
from KeypointRegistrationLib.scene.series.frames import SceneSeries, browser_of
from KeypointRegistrationLib.scene.series.track import SceneTrack
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.volumes import volume_from_node
from registered_scene import nested, state
from samples import sample_matrix
from tracked_scene import FRAMES, LOST, UNUSABLE, add_sequence, found, head, tracked


@pytest.fixture
def card() -> Card:
    return load_card("foetal-rigid")


def at_once(_milliseconds: int, call: Callable[[], None]) -> None:
    call()


@pytest.mark.parametrize("parents", [(), (sample_matrix(25),)], ids=["no parent", "a parent"])
def test_playing_shows_the_head_at_rest(scene: slicer.vtkMRMLScene, card: Card, parents: tuple) -> None:
    volume = add_sequence(scene)
    nested(volume, parents)
    rest = volume_from_node(volume).ijk_to_ras
    track = tracked(volume, card)
    for index in (0, 1, 4):
        track.go_to(index)
        shown = volume_from_node(volume)
        assert np.array_equal(shown.voxels, head(index).voxels)
        assert np.allclose(shown.ijk_to_ras, rest, atol=1e-6)


def test_every_frame_is_a_registration_to_the_same_reference(scene: slicer.vtkMRMLScene, card: Card) -> None:
    volume = add_sequence(scene)
    track = tracked(volume, card)
    for index in (0, 1, LOST, 4):
        track.go_to(index)
        (shown,) = find_registrations(scene)
        assert shown.identifier == track.identifier and shown.moving_volume is volume
        assert shown.fixed_volume.GetName() == "EPI reference (frame 0)"
        motion = found(SceneSeries(volume, shown.transform), index)
        assert shown.registration.trust == motion.trust
        if motion.found:
            assert np.allclose(shown.registration.moving_to_fixed, motion.moving_to_fixed)
            assert np.array_equal(shown.registration.used, motion.used)
    track.go_to(UNUSABLE)
    assert find_registrations(scene) == [] and track.registration is None


def test_a_frame_that_was_not_found_is_shown_where_the_head_was_last(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    track.go_to(1)
    before = slicer.util.arrayFromTransformMatrix(track.registration.transform)
    for index in (LOST, UNUSABLE):
        track.go_to(index)
        transform = track.browser.GetProxyNode(track.node.GetNodeReference("transforms"))
        assert np.allclose(slicer.util.arrayFromTransformMatrix(transform), before)


def test_the_keypoints_of_each_frame_are_on_its_anatomy(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    for index in (1, 4):
        track.go_to(index)
        shown = track.registration
        lists = [
            slicer.util.arrayFromMarkupsControlPoints(node, world=True) for node in (shown.fixed_points, shown.moving_points)
        ]
        assert np.allclose(lists[0], lists[1], atol=1e-6)


def test_the_table_has_a_row_for_each_frame_with_its_reasons(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    table = track.node.GetNodeReference("motionTable").GetTable()
    assert table.GetNumberOfRows() == FRAMES
    column = {table.GetColumnName(n): table.GetColumn(n) for n in range(table.GetNumberOfColumns())}
    assert column["Rotation angle"].GetValue(1) == pytest.approx(8.0)
    assert np.isnan(column["Rotation angle"].GetValue(LOST))
    assert column["Reasons"].GetValue(UNUSABLE) == "The frame is empty."
    assert column["Time"].GetValue(4) == 8.0
    assert [column["Lost"].GetValue(n) for n in (LOST, UNUSABLE)] == [0.0, 0.0] and np.isnan(column["Lost"].GetValue(1))


def test_frames_to_check_and_those_not_to_be_trusted_are_marked_apart(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    series = SceneSeries(track.volume, track.transform)
    for index, level in ((1, TrustLevel.CHECK), (4, TrustLevel.DO_NOT_TRUST)):
        track.put(replace(found(series, index), trust=Trust(level, ("So.",))), card)
    track.show()
    table = track.node.GetNodeReference("motionTable").GetTable()

    def marked(title: str) -> list[int]:
        column = table.GetColumnByName(title)
        return [n for n in range(FRAMES) if column.GetValue(n) == 0.0]

    assert (marked("Check"), marked("Do not trust"), marked("Lost")) == ([1], [4], [LOST, UNUSABLE])
    drawn = {node.GetYColumnName() for node in slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode", scene)}
    assert {"Check", "Do not trust", "Lost"} <= drawn


def test_a_corrected_frame_is_kept_and_the_others_stay(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    track.go_to(1)
    editor = RegistrationEditor(track.registration, at_once)
    editor.move(0, Side.MOVING, editor.registration.moving_keypoints.positions[0] + [6, 0, 0])
    corrected = editor.registration.moving_to_fixed
    editor.close()
    track.go_to(4)
    track.go_to(1)
    assert track.registration.correction.moved_by_person(0)
    assert np.allclose(track.registration.registration.moving_to_fixed, corrected)
    assert SceneTrack(track.node).corrected.keys() == {1}
    assert np.allclose(SceneTrack(track.node).motions[1].moving_to_fixed, corrected)


def test_a_lost_frame_can_be_aligned_by_hand(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    track.go_to(LOST)
    editor = RegistrationEditor(track.registration, at_once)
    truth = sample_matrix(12)
    for n, place in enumerate(np.array([[30.0, 0, 0], [0, 30, 0], [0, 0, 30], [-20, -20, 10]])):
        editor.add_pair(f"hand {n}", (truth @ [*place, 1])[:3], place)
    assert np.allclose(editor.registration.moving_to_fixed, truth, atol=1e-6)
    editor.close()
    track.take_up(LOST)
    assert track.motions[LOST].status is FrameStatus.TRACKED and track.motions[LOST].corrected


def test_an_editor_of_another_frame_does_not_write_into_this_one(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    track.go_to(1)
    editor = RegistrationEditor(track.registration, at_once)
    editor.set_choice(3, PairChoice.LEAVE_OUT)
    track.go_to(4)
    editor.close()
    assert track.motions[4].moving_to_fixed is not None
    assert SceneTrack(track.node).corrected.keys() == {1}
    assert np.allclose(track.registration.registration.moving_to_fixed, found(SceneSeries(track.registration.moving_volume,
        track.registration.transform), 4).moving_to_fixed)  # fmt: skip


def test_an_editor_does_not_bring_a_correction_back_when_its_frame_is_tracked_again(
    scene: slicer.vtkMRMLScene, card: Card
) -> None:
    waiting: list[Callable[[], None]] = []
    track = tracked(add_sequence(scene), card)
    track.go_to(1)
    editor = RegistrationEditor(track.registration, lambda _milliseconds, call: waiting.append(call))
    editor.move(0, Side.MOVING, editor.registration.moving_keypoints.positions[0] + [6, 0, 0])
    track.put(found(SceneSeries(track.volume, track.transform), 1), card)  # the same answer as before
    for call in waiting:
        call()
    assert SceneTrack(track.node).corrected == {}


def test_names_are_not_undone_by_frames_that_were_labelled_before(scene: slicer.vtkMRMLScene, card: Card) -> None:
    track = tracked(add_sequence(scene), card)
    for index, name in ((1, "Sylvian"), (4, "Rolandic")):
        track.go_to(index)
        rename(track.registration, 0, name)
    observer = NameObserver(track.registration, lambda _problem: None)
    track.go_to(1)
    observer.close()
    assert names_of(track.registration).names[0] == "Rolandic"


def test_a_track_survives_a_file(scene: slicer.vtkMRMLScene, card: Card, tmp_path: Path) -> None:
    track = tracked(add_sequence(scene), card)
    track.go_to(1)
    editor = RegistrationEditor(track.registration, at_once)
    editor.set_choice(3, PairChoice.LEAVE_OUT)
    editor.close()
    save_scene(scene, tmp_path / "tracked.mrb")
    load_scene(scene, tmp_path / "tracked.mrb")
    (again,) = find_tracks(scene)
    assert again.motions.keys() == set(range(FRAMES)) and again.corrected.keys() == {1}
    again.go_to(4)
    shown = again.registration
    assert shown.registration.trust.level is TrustLevel.GOOD
    assert np.allclose(volume_from_node(shown.moving_volume).ijk_to_ras, volume_from_node(shown.fixed_volume).ijk_to_ras)
    again.go_to(1)
    assert again.registration.correction.choice(3) is PairChoice.LEAVE_OUT
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 3


def test_plots_leave_room_for_their_legends_after_the_last_frame(scene: slicer.vtkMRMLScene, card: Card) -> None:
    volume = add_sequence(scene)
    first, *_, last = SceneSeries(volume).times
    tracked(volume, card)
    for chart in slicer.util.getNodesByClass("vtkMRMLPlotChartNode", scene):
        assert not chart.GetXAxisRangeAuto()
        begins, ends = chart.GetXAxisRange()
        assert begins == first and last + 0.3 * (last - first) < ends < last + 0.6 * (last - first)


@pytest.mark.parametrize("frame", [1, UNUSABLE], ids=["a tracked frame", "a frame without a registration"])
def test_removing_leaves_nothing_behind(scene: slicer.vtkMRMLScene, card: Card, frame: int) -> None:
    volume = add_sequence(scene)
    nested(volume, (sample_matrix(25),))
    before = state(scene)
    track = tracked(volume, card)
    track.go_to(frame)
    track.remove()
    browser_of(volume).SetSelectedItemNumber(0)
    after = state(scene)
    assert {node: after[node] for node in before} == before
    left = {scene.GetNodeByID(node).GetClassName() for node in set(after) - set(before)}
    assert not any(name.startswith(("vtkMRMLSequence", "vtkMRMLMarkups", "vtkMRMLText", "vtkMRMLTable", "vtkMRMLPlot",
        "vtkMRMLTransform", "vtkMRMLScalarVolumeNode")) for name in left), left  # fmt: skip


def test_removing_the_registration_of_a_frame_removes_the_track(scene: slicer.vtkMRMLScene, card: Card) -> None:
    volume = add_sequence(scene)
    track = tracked(volume, card)
    track.registration.remove()
    assert track_of(browser_of(volume)) is None and volume.GetParentTransformNode() is None
    browser_of(volume).SetSelectedItemNumber(2)
    assert np.array_equal(volume_from_node(volume).voxels, head(2).voxels)
