"""A person follows a head through a sequence: runs it, looks at frames, corrects one, tracks some again."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.application import Application
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.files.archive import load_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.tracking.options import TrackingOptions
from KeypointRegistrationLib.scene.series.finding import find_tracks
from KeypointRegistrationLib.scene.series.plot_views import PLOT_VIEWS
from KeypointRegistrationLib.scene.series.track import SceneTrack
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.volumes import volume_from_node
from KeypointRegistrationLib.worker.client import WorkerState
from KeypointRegistrationLib.worker.protocol import Failed, FailureKind
from panel_session import Session
from PySide6 import QtCore
from samples import sample_matrix, sample_volume
from tracked_scene import FRAMES, add_sequence

VERDICT = 5  # column


class Follower(Session):
    """A session with a sequence that is chosen as the moving volume."""

    def load(self) -> slicer.vtkMRMLScalarVolumeNode:
        volume = add_sequence(self.scene)
        self.application.process_events()
        self.person.choose("movingVolumeSelector", "EPI")
        return volume

    def follow(self, behaviour: str = "finishes") -> None:
        self.worker(behaviour)
        self.person.click("trackButton")
        self.wait_until_tracked()

    def wait_until_tracked(self) -> None:
        self.application.wait_until(lambda: not self.panel._track.is_active, "the end of the tracking")
        self.application.process_events()

    @property
    def track(self) -> SceneTrack:
        (track,) = find_tracks(self.scene)
        return track

    def correct(self, frame: int) -> np.ndarray:
        """Move a point of a frame by hand; returns the 4×4 moving → fixed that comes of it."""
        self.person.click_cell("trackTable", frame, 0)
        editor = self.panel._bench.editor
        editor.move(0, Side.FIXED, editor.registration.fixed_keypoints.positions[0] + [0, 9, 0])
        self.application.process_events()
        return editor.registration.moving_to_fixed

    def verdicts(self) -> list[str]:
        return self.person.reads_column("trackTable", VERDICT)


@pytest.fixture
def follower(application: Application, made_up_result: Path, panel_models: Path) -> Follower:
    return Follower(application, made_up_result)


def test_the_section_is_there_for_sequences_only(follower: Follower) -> None:
    assert not follower.person.sees("trackCollapsibleButton")
    follower.choose_two_volumes()
    assert not follower.person.sees("trackCollapsibleButton")
    follower.load()
    assert follower.person.reads("trackSummaryLabel") == "5 frames, not tracked yet."


def test_one_click_tracks_all_frames_and_shows_the_one_at_hand(follower: Follower) -> None:
    volume = follower.load()
    follower.follow()
    assert follower.track.motions.keys() == set(range(FRAMES))
    assert follower.person.reads("trackSummaryLabel").startswith("5 of 5 frames tracked: 1 good, 4 to check")
    assert volume.GetParentTransformNode() is follower.track.transform
    assert follower.panel._bench.editor.result.identifier == follower.track.identifier
    assert follower.verdicts() == ["reference", "check", "check", "check", "check"]


def test_clicking_a_row_shows_its_frame_and_why(follower: Follower) -> None:
    follower.load()
    follower.follow()
    follower.person.click_cell("trackTable", 3, 0)
    assert follower.track.browser.GetSelectedItemNumber() == 3
    assert "An example of a reason." in follower.person.reads("frameLabel")
    shown = follower.panel._bench.registration
    assert np.allclose(shown.moving_to_fixed, follower.track.motions[3].moving_to_fixed)


def test_the_panel_follows_the_browser(follower: Follower) -> None:
    follower.load()
    follower.follow()
    follower.track.go_to(2)
    follower.application.process_events()
    assert follower.person.reads("frameLabel").startswith("Frame 2 at 4.0 s")
    assert np.allclose(follower.panel._bench.registration.moving_to_fixed, follower.track.motions[2].moving_to_fixed)


def test_while_it_plays_results_wait_for_the_end(follower: Follower) -> None:
    follower.load()
    follower.follow()
    before = follower.panel._bench.editor
    browser = follower.track.browser
    browser.SetPlaybackActive(True)
    browser.SetSelectedItemNumber(3)
    follower.application.process_events()
    assert follower.panel._bench.editor is before
    browser.SetPlaybackActive(False)
    follower.application.process_events()
    assert np.allclose(follower.panel._bench.registration.moving_to_fixed, follower.track.motions[3].moving_to_fixed)


def test_a_corrected_frame_is_marked_and_kept_when_all_are_tracked_again(follower: Follower) -> None:
    follower.load()
    follower.follow()
    corrected = follower.correct(2)
    assert follower.verdicts()[2].endswith(", corrected")
    follower.person.click("trackButton")
    follower.wait_until_tracked()
    assert follower.verdicts()[2].endswith(", corrected")
    assert np.allclose(follower.track.motions[2].moving_to_fixed, corrected)


def test_only_selected_frames_are_tracked_again(follower: Follower) -> None:
    follower.load()
    follower.follow()
    follower.person.click_cell("trackTable", 2, 0)
    follower.panel._bench.editor.set_robust(False)
    follower.application.process_events()
    follower.person.click("trackAgainButton")
    follower.wait_until_tracked()
    assert follower.track.corrected == {}
    assert follower.track.motions.keys() == set(range(FRAMES))


def test_a_corrected_frame_among_others_is_spared_and_the_person_told(follower: Follower) -> None:
    follower.load()
    follower.follow()
    corrected = follower.correct(2)
    follower.person.click_cell("trackTable", 3, 0, QtCore.Qt.ControlModifier)
    follower.person.click("trackAgainButton")
    follower.wait_until_tracked()
    assert follower.track.corrected.keys() == {2}
    assert np.allclose(follower.track.motions[2].moving_to_fixed, corrected)
    assert follower.person.reads("trackMessageLabel").startswith("Corrected frames that were kept: 1.")


def test_frames_are_not_tracked_again_to_a_reference_that_is_seen_elsewhere(follower: Follower) -> None:
    follower.load()
    follower.follow()
    entry = json.loads(follower.track.node.GetText())
    entry["reference"]["keypoints"]["positions"][0][0] += 5.0
    follower.track.node.SetText(json.dumps(entry))
    follower.panel._track._track = follower.track
    follower.person.click_cell("trackTable", 3, 0)
    follower.person.click("trackAgainButton")
    follower.wait_until_tracked()
    said = follower.person.reads("trackMessageLabel")
    assert said.startswith("The head of the reference is seen elsewhere than when the other frames of EPI were tracked")
    assert follower.track.motions.keys() == set(range(FRAMES))


def test_a_correction_that_is_made_while_frames_are_tracked_is_kept(follower: Follower) -> None:
    follower.load()
    follower.follow()
    follower.worker("finishes")
    follower.person.click("trackButton")
    corrected = follower.correct(4)
    assert follower.panel._track.is_active
    follower.wait_until_tracked()
    assert follower.track.corrected.keys() == {4}
    assert np.allclose(follower.track.motions[4].moving_to_fixed, corrected)


def test_while_frames_are_handed_over_there_is_no_room_for_another_request(follower: Follower) -> None:
    follower.load()
    follower.add(sample_volume("first head"))
    follower.person.choose("fixedVolumeSelector", "first head")
    follower.worker("finishes")
    follower.person.click("trackButton")
    assert follower.client.state is WorkerState.PREPARING
    follower.person.click("applyButton")
    assert follower.person.reads("messageLabel").startswith("A registration is running already.")
    follower.wait_until_tracked()
    assert follower.track.motions.keys() == set(range(FRAMES))


def test_without_the_copy_of_the_reference_a_new_track_is_made(follower: Follower) -> None:
    follower.load()
    follower.follow()
    earlier = follower.track
    follower.scene.RemoveNode(earlier.node.GetNodeReference("reference"))
    follower.application.process_events()
    follower.follow()
    assert len(find_tracks(follower.scene)) == 2
    assert follower.panel._track._track.has_reference
    assert follower.person.reads("trackSummaryLabel").startswith("5 of 5 frames tracked")


def test_a_sequence_without_times_is_counted_and_the_person_told(follower: Follower) -> None:
    add_sequence(follower.scene, unit="")
    follower.application.process_events()
    follower.person.choose("movingVolumeSelector", "EPI")
    assert "does not say when they were taken" in follower.person.reads("trackSummaryLabel")
    follower.follow()
    assert "does not say when they were taken" in follower.person.reads("trackSummaryLabel")
    follower.person.click_cell("trackTable", 3, 0)
    assert follower.person.reads("frameLabel").startswith("Frame 3: check.")


def test_a_box_around_the_head_goes_along(follower: Follower) -> None:
    follower.load()
    box = follower.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "around the head")
    box.SetSize(80, 80, 80)
    follower.person.open_section("advancedCollapsibleButton")
    follower.person.choose("movingMaskSelector", "around the head")
    follower.worker("hangs")
    follower.person.click("trackButton")
    follower.application.wait_until(lambda: follower.client._request is not None, "the request")
    assert load_volume(follower.client._request.mask).corners.max(axis=0).tolist() == [40, 40, 40]


@pytest.mark.parametrize(
    ("centre", "size", "sentence"),
    [((900, 0, 0), 80, "The mask around the head lies beside EPI frame 0."), ((0, 0, 0), 0, "nothing fits into it")],
    ids=["beside the scan", "empty"],
)
def test_a_box_that_cannot_be_used_is_refused_in_a_sentence(
    follower: Follower, centre: tuple[float, float, float], size: float, sentence: str
) -> None:
    follower.load()
    box = follower.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "around the head")
    box.SetSize(size, size, size)
    box.SetCenter(*centre)
    follower.person.open_section("advancedCollapsibleButton")
    follower.person.choose("movingMaskSelector", "around the head")
    follower.person.click("trackButton")
    assert sentence in follower.person.reads("trackMessageLabel")
    assert not follower.panel._track.is_active


def test_another_head_in_the_reference_is_told_as_long_as_its_track_is_there(follower: Follower, tmp_path: Path) -> None:
    follower.load()
    follower.follow()
    entry = json.loads(follower.track.node.GetText())
    entry["reference"]["other_head"] = [60.0, 0.0, -20.0]
    follower.track.node.SetText(json.dumps(entry))
    save_scene(follower.scene, tmp_path / "tracked.mrb")
    load_scene(follower.scene, tmp_path / "tracked.mrb")
    follower.application.process_events()
    assert "around R 60, A 0, S -20 mm, which is not followed" in follower.person.reads("trackSummaryLabel")


def test_cancelling_keeps_the_finished_frames(follower: Follower) -> None:
    follower.load()
    follower.worker("hangs")
    follower.person.click("trackButton")
    follower.application.wait_until(lambda: bool(find_tracks(follower.scene)), "the track")
    follower.application.wait_until(lambda: bool(follower.track.motions), "the first frame")
    follower.person.click("trackCancelButton")
    assert follower.person.reads("trackMessageLabel") == "Cancelled. Frames that were tracked and are kept: 1."
    assert follower.verdicts() == ["reference", *["not tracked"] * 4]
    follower.follow()
    assert follower.track.motions.keys() == set(range(FRAMES))


@pytest.mark.parametrize("moment", ["edited", "removed", "moved"])
def test_a_sequence_that_is_not_what_it_was_ends_the_run_with_a_sentence(follower: Follower, moment: str) -> None:
    volume = follower.load()
    follower.worker("finishes")
    follower.person.click("trackButton")
    browser = follower.panel._track._playing.browser
    sequence = browser.GetMasterSequenceNode()
    follower.application.wait_until(lambda: follower.client.state is not WorkerState.PREPARING, "the hand-over")
    if moment == "edited":
        slicer.util.updateVolumeFromArray(sequence.GetNthDataNode(3), np.zeros((14, 14, 14)))
    elif moment == "removed":
        follower.scene.RemoveNode(sequence)
    else:
        transform = follower.scene.AddNewNodeByClass("vtkMRMLTransformNode")
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix()))
        volume.SetAndObserveTransformNodeID(transform.GetID())
    follower.wait_until_tracked()
    assert not follower.client.is_active
    if moment == "edited":
        assert "EPI was edited while it was tracked" in follower.person.reads("trackMessageLabel")
        assert follower.track.motions.keys() == {0, 1, 2}
    elif moment == "removed":
        said = follower.panel._track.ui.trackMessageLabel.text
        assert "EPI was removed while it was tracked" in said or "no longer there" in said, said
    else:
        assert "EPI was moved while it was tracked" in follower.person.reads("trackMessageLabel")


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([sample_volume("EPI", size=8)], "EPI has only one frame"),
        ([sample_volume("EPI", size=8), sample_volume("EPI", size=9)], "frame 1 has 9×9×9 voxels, the first one 8×8×8"),
        ([sample_volume("EPI", size=8), sample_volume("EPI", size=8, spacing=5.0)], "frame 1 has voxels of 5.00×5.50×6.00"),
    ],
    ids=["one frame", "another size", "another spacing"],
)
def test_what_is_no_series_is_refused_in_a_sentence(follower: Follower, frames: list, sentence: str) -> None:
    add_sequence(follower.scene, frames)
    follower.application.process_events()
    follower.person.choose("movingVolumeSelector", "EPI")
    follower.person.click("trackButton")
    assert sentence in follower.person.reads("trackMessageLabel")
    assert not follower.panel._track.is_active


def test_a_point_of_a_plot_leads_to_its_frame(follower: Follower) -> None:
    follower.load()
    follower.follow()
    follower.person.click("plotsCheckBox")
    manager = follower.application.layout_manager
    assert set(PLOT_VIEWS) <= set(manager.visible_views())
    chart = follower.track.node.GetNthNodeReference("charts", 0)
    manager.plotWidget(0).plotView().click(chart.GetNthPlotSeriesNode(0), 4)
    assert follower.track.browser.GetSelectedItemNumber() == 4
    follower.person.click("plotsCheckBox")
    assert not set(PLOT_VIEWS) & set(manager.visible_views())


def test_smoothed_motion_comes_beside_the_measured_one_when_asked_for(follower: Follower) -> None:
    follower.load()
    follower.follow()
    table = follower.track.node.GetNodeReference("motionTable").GetTable()
    measured = [table.GetColumnByName("Rotation R").GetValue(n) for n in range(FRAMES)]
    assert table.GetColumnByName("Smoothed rotation R") is None
    follower.person.click("smoothCheckBox")
    assert table.GetColumnByName("Smoothed rotation R").GetValue(1) != measured[1]
    assert [table.GetColumnByName("Rotation R").GetValue(n) for n in range(FRAMES)] == measured
    follower.person.click("smoothCheckBox")
    assert table.GetColumnByName("Smoothed rotation R") is None


def test_the_track_can_be_exported_twice_and_nothing_is_replaced(follower: Follower, tmp_path: Path) -> None:
    follower.load()
    follower.follow()
    for name in ("EPI motion", "EPI motion 2"):
        follower.application.answer_file(tmp_path)
        follower.person.click("exportTrackButton")
        assert follower.person.reads("trackMessageLabel").replace("\u200b", "") == f"Written to {tmp_path / name}."
        assert {"motion.csv", "motion.png", "stabilised.seq.nrrd", "report.json"} <= {
            path.name for path in (tmp_path / name).iterdir()
        }


def test_removing_the_result_removes_the_track(follower: Follower) -> None:
    volume = follower.load()
    follower.follow()
    follower.person.open_section("resultCollapsibleButton")
    follower.person.click("removeResultButton")
    assert find_tracks(follower.scene) == [] and volume.GetParentTransformNode() is None
    assert follower.person.reads("trackSummaryLabel") == "5 frames, not tracked yet."
    assert np.array_equal(volume_from_node(volume).voxels.shape, (14, 14, 14))


def test_another_reference_makes_a_track_beside_the_earlier_one(follower: Follower) -> None:
    volume = follower.load()
    follower.follow()
    first = follower.track
    follower.person.choose("trackReferenceComboBox", "Mean of all frames")
    follower.follow()
    earlier, latest = find_tracks(follower.scene)
    assert earlier.identifier == first.identifier and volume.GetParentTransformNode() is latest.transform
    latest.remove()
    assert follower.track.identifier == first.identifier and volume.GetParentTransformNode() is None


def test_back_to_the_first_reference_goes_on_with_its_track_and_its_corrections(follower: Follower) -> None:
    volume = follower.load()
    follower.follow()
    first, corrected = follower.track, follower.correct(2)
    follower.person.choose("trackReferenceComboBox", "Mean of all frames")
    follower.follow()
    follower.person.choose("trackReferenceComboBox", "First frame")
    follower.follow()
    earlier, _latest = find_tracks(follower.scene)
    assert earlier.identifier == first.identifier and volume.GetParentTransformNode() is earlier.transform
    assert np.allclose(earlier.motions[2].moving_to_fixed, corrected)
    assert follower.verdicts()[2].endswith(", corrected")
    assert follower.panel._bench.editor.result.identifier == first.identifier


def test_a_scene_from_a_file_shows_its_track(follower: Follower, tmp_path: Path) -> None:
    follower.load()
    follower.follow()
    follower.person.click_cell("trackTable", 3, 0)
    before = follower.verdicts()
    save_scene(follower.scene, tmp_path / "tracked.mrb")
    load_scene(follower.scene, tmp_path / "tracked.mrb")
    follower.application.process_events()
    assert follower.verdicts() == before
    assert follower.person.reads("frameLabel").startswith("Frame 3 at 6.0 s")
    assert follower.panel._bench.editor.result.identifier == follower.track.identifier


def test_a_script_can_do_the_same(follower: Follower) -> None:
    volume = follower.load()
    follower.worker("finishes")
    options = TrackingOptions(model="brain-affine", reference=0)
    track = follower.panel.logic.track(volume, options)
    assert track.motions.keys() == set(range(FRAMES))
    assert [each.identifier for each in follower.panel.logic.tracks()] == [track.identifier]
    with pytest.raises(InputError, match="EPI has no frame 7"):
        follower.panel.logic.track(volume, TrackingOptions(model="brain-affine", reference=7))


def test_a_full_disk_is_told_in_a_sentence(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    follower.load()
    monkeypatch.setattr("KeypointRegistrationLib.panel.tracking_job.save_volume", fail)
    follower.follow()
    assert follower.person.reads("trackMessageLabel").startswith("The disk with the temporary files is full.")
    assert follower.person.can_click("trackButton")


def test_while_it_runs_the_time_left_is_told(follower: Follower) -> None:
    follower.load()
    follower.worker("hangs")
    follower.person.click("trackButton")
    told = follower.panel._track.ui.trackMessageLabel
    follower.application.wait_until(lambda: "left" in told.text, "the time left")
    assert told.text.endswith(", less than a minute left…")


@pytest.mark.parametrize(("seconds", "words"), [(59, "less than a minute left"), (150.0, "about 2 min left")])
def test_the_time_left_is_told_in_words(application: Application, seconds: float, words: str) -> None:
    from KeypointRegistrationLib.panel.track_wording import left_text

    assert left_text(seconds) == words


@pytest.mark.parametrize("installed", [True, False])
def test_a_run_without_torch_begins_again_once_it_is_installed(
    follower: Follower, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    begun: list[str] = []
    follower.load()
    section = follower.panel._track
    section._again = lambda: begun.append("again") or ""
    monkeypatch.setattr(sys.modules["KeypointRegistration"], "offer_torch", lambda _package: installed)
    section.on_failed(Failed(FailureKind.TORCH_MISSING, "PyTorch is not installed.", package="torch"))
    assert begun == (["again"] if installed else [])


def test_closing_the_scene_ends_the_run(follower: Follower) -> None:
    follower.load()
    follower.worker("hangs")
    follower.person.click("trackButton")
    follower.application.wait_until(lambda: bool(find_tracks(follower.scene)), "the track")
    follower.scene.Clear(0)
    follower.application.process_events()
    assert not follower.panel._track.is_active and not follower.client.is_active
