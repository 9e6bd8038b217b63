"""A registration from Apply to what it shows, and what a person can do with it then."""

from __future__ import annotations

from pathlib import Path

import slicer
from KeypointRegistrationLib.scene.results.handle import find_registrations
from panel_session import Session, scene_state


def test_a_registration_shows_progress_and_then_its_result_in_panel_and_scene(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    session.worker("hangs")
    session.person.click("applyButton")
    session.wait_for("Finding keypoints")
    assert session.person.sees("progressBar") and session.person.widget("progressBar").value() == 25
    assert not session.person.can_click("applyButton") and not session.person.can_click("fixedVolumeSelector")
    session.person.click("cancelButton")

    session.worker("finishes")
    session.register()
    (result,) = find_registrations(session.scene)
    assert result.fixed_volume is fixed and result.moving_volume is moving
    assert moving.GetParentTransformNode() is result.transform
    assert not session.person.sees("progressBar") and session.person.can_click("applyButton")
    assert session.person.reads("trustLabel").startswith("<b>Good")
    assert "moving → fixed:" in session.person.reads("transformLabel")
    assert "rotates 30.0°" in session.person.reads("transformLabel")
    assert session.person.reads("fitResidualValue").endswith("mm over 14 of 16 keypoints")
    assert "0.9 mm typical" in session.person.reads("predictedErrorValue")
    assert session.person.reads("similarityValue") == "NMI 1.050 before, 1.210 after"


def test_the_aligned_pose_can_be_switched_off_and_on_and_undone(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    before = scene_state(session.scene)
    session.worker("finishes")
    session.register()
    transform = moving.GetParentTransformNode()
    session.person.click("alignedCheckBox")
    assert moving.GetParentTransformNode() is None
    session.person.click("alignedCheckBox")
    assert moving.GetParentTransformNode() is transform
    session.person.click("removeResultButton")
    assert scene_state(session.scene) == before
    assert not session.person.sees("resultCollapsibleButton")


def test_undo_shows_the_result_before_the_last_one(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    for _ in range(2):
        session.person.click("applyButton")
        session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 2
    session.person.click("removeResultButton")
    assert len(find_registrations(session.scene)) == 1
    assert session.person.sees("trustLabel")


def test_a_result_that_was_saved_with_the_scene_is_shown_again(session: Session, tmp_path: Path) -> None:
    from host.mrml import load_scene, save_scene

    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    words = session.person.reads("transformLabel")
    save_scene(session.scene, tmp_path / "scene.mrb")
    session.scene.Clear(0)
    assert not session.person.sees("resultCollapsibleButton")
    load_scene(session.scene, tmp_path / "scene.mrb")
    assert session.person.reads("transformLabel") == words
    assert session.person.reads("fixedVolumeSelector") == "first head"


def test_a_registration_goes_on_while_the_person_is_in_another_module(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.application.leave(session.panel)
    session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 1
    session.application.enter(session.panel)
    assert session.person.sees("trustLabel") and session.person.can_click("applyButton")


def test_the_overlay_shows_moving_over_fixed_in_the_slice_views(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    composite = session.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    session.worker("finishes")
    session.register()
    session.person.click("overlayButton")
    assert (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()) == (fixed.GetID(), moving.GetID())


def test_deleting_parts_of_a_result_by_hand_leaves_a_panel_that_still_works(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    session.scene.RemoveNode(moving.GetParentTransformNode())
    assert session.person.sees("trustLabel") and not session.person.can_click("alignedCheckBox")
    session.scene.RemoveNode(fixed)
    assert not session.person.can_click("overlayButton")
    session.person.click("removeResultButton")
    assert find_registrations(session.scene) == []


def test_a_result_that_another_module_removes_in_a_batch_is_not_shown_any_more(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    (result,) = find_registrations(session.scene)
    session.scene.StartState(slicer.vtkMRMLScene.BatchProcessState)
    session.scene.RemoveNode(result.record)
    session.scene.EndState(slicer.vtkMRMLScene.BatchProcessState)
    session.application.process_events()
    assert not session.person.sees("resultCollapsibleButton")


def test_a_pair_that_is_registered_again_begins_where_it_began(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    (first,) = find_registrations(session.scene)
    session.register()
    second = find_registrations(session.scene)[1]
    assert second.original_parent is None and moving.GetParentTransformNode() is second.transform
    assert not first.applied
    session.person.widget("resultComboBox").setCurrentIndex(0)
    session.application.process_events()
    session.person.click("alignedCheckBox")
    assert moving.GetParentTransformNode() is first.transform and not second.applied


def test_cancelling_a_second_run_leaves_the_first_result_applied(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    (first,) = find_registrations(session.scene)
    session.worker("hangs")
    session.person.click("applyButton")
    session.wait_for("Finding keypoints")
    assert moving.GetParentTransformNode() is None
    session.person.click("cancelButton")
    assert moving.GetParentTransformNode() is first.transform


def test_only_the_keypoints_of_the_result_that_is_shown_are_visible(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    session.register()
    first, second = find_registrations(session.scene)
    visible = [bool(result.fixed_points.GetDisplayVisibility()) for result in (first, second)]
    assert visible == [False, True]
    session.person.widget("resultComboBox").setCurrentIndex(0)
    session.application.process_events()
    assert first.moving_points.GetDisplayVisibility() and not second.moving_points.GetDisplayVisibility()


def test_a_verdict_on_scans_that_are_gone_does_not_stand_alone(session: Session) -> None:
    fixed, _moving = session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    assert not session.person.sees("changesLabel")
    session.scene.RemoveNode(fixed)
    session.application.process_events()
    assert "no longer in the scene" in session.person.reads("changesLabel")
