"""The panel before a registration: what a person can choose, and what is still missing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.application import Application
from host.settings import QSettings
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.files.archive import load_volume
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.options import KeypointChoice
from KeypointRegistrationLib.scene.inputs import SceneInputs
from KeypointRegistrationLib.scene.volumes import add_volume
from panel_session import MODULE, Session
from samples import sample_matrix, sample_volume


def test_apply_says_what_is_missing_until_it_can_work(session: Session) -> None:
    person = session.person
    assert not person.can_click("applyButton")
    assert "fixed volume" in person.widget("applyButton").toolTip()
    session.add(sample_volume("first head"))
    session.add(sample_volume("second head", seed=1))
    person.choose("fixedVolumeSelector", "first head")
    assert "moving volume" in person.widget("applyButton").toolTip()
    person.choose("movingVolumeSelector", "first head")
    assert not person.can_click("applyButton")
    assert "same volume" in person.widget("applyButton").toolTip()
    person.choose("movingVolumeSelector", "second head")
    assert person.can_click("applyButton")


def test_the_choices_are_in_the_scene_and_come_back_when_the_panel_is_entered_again(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    session.person.choose("transformTypeComboBox", "Rigid")
    session.person.open_section("advancedCollapsibleButton")
    session.person.click("refineCheckBox")
    session.application.leave(session.panel)
    parameters = session.panel.logic.getParameterNode()
    assert (parameters.fixedVolume, parameters.movingVolume) == (fixed, moving)
    assert (parameters.transformType.name, parameters.refine) == ("RIGID", False)
    parameters.refine = True
    session.application.enter(session.panel)
    assert session.person.reads("transformTypeComboBox") == "Rigid"
    assert session.person.widget("refineCheckBox").isChecked()
    assert session.person.can_click("applyButton")


@pytest.mark.parametrize("moment", ["entering again", "importing"])
def test_choices_from_lists_outlive_the_lists_being_filled_again(session: Session, moment: str) -> None:
    session.choose_two_volumes()
    session.person.choose("transformTypeComboBox", "Rigid")
    session.person.open_section("advancedCollapsibleButton")
    session.person.choose("deviceComboBox", "Processor (CPU)")
    if moment == "importing":
        session.scene.StartState(slicer.vtkMRMLScene.ImportState)
        session.scene.EndState(slicer.vtkMRMLScene.ImportState)
    else:
        session.application.leave(session.panel)
        session.application.enter(session.panel)
    parameters = session.panel.logic.getParameterNode()
    assert (parameters.transformType.name, parameters.device.name) == ("RIGID", "CPU")
    assert session.person.reads("transformTypeComboBox") == "Rigid"


def test_as_few_keypoints_as_needed_can_be_asked_for(session: Session) -> None:
    session.choose_two_volumes()
    assert session.panel._inputs.chosen_options().keypoints is KeypointChoice.ALL
    session.person.open_section("advancedCollapsibleButton")
    session.person.click("fewKeypointsCheckBox")
    session.worker("hangs")
    session.person.click("applyButton")
    session.wait_for("Finding keypoints")
    assert session.client._request.keypoints == "auto"


def test_a_model_says_what_it_is_for_and_is_only_used_for_that(session: Session) -> None:
    session.choose_two_volumes()
    person = session.person
    assert person.reads("modelComboBox") == "Brain, any contrast"
    person.open_section("modelCardCollapsibleButton")
    assert "Finds points in heads." in person.reads("modelCardLabel")
    assert "Not for children." in person.reads("modelCardLabel")
    person.choose("modelComboBox", "Rigid only")
    assert not person.can_click("applyButton")
    assert "not made for this transform" in person.widget("applyButton").toolTip()
    person.choose("transformTypeComboBox", "Rigid")
    assert person.can_click("applyButton")
    assert session.panel.logic.getParameterNode().model == "other"


def test_without_a_model_apply_says_so(application: Application, made_up_result: Path, panel_models: Path) -> None:
    shutil.rmtree(panel_models)
    session = Session(application, made_up_result)
    session.choose_two_volumes()
    assert "No model is installed" in session.person.widget("applyButton").toolTip()


def test_a_damaged_card_does_not_break_the_panel(application: Application, made_up_result: Path, panel_models: Path) -> None:
    (panel_models / "brain-affine" / bundle.CARD_FILE).write_text("{")
    session = Session(application, made_up_result)
    assert session.person.reads("modelComboBox") == "brain-affine"


def test_the_first_volume_of_the_scene_is_proposed_as_fixed(application: Application) -> None:
    labels = application.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    head = add_volume(application.scene, sample_volume("head"))
    panel = application.open_panel(MODULE)
    assert panel.ui.fixedVolumeSelector.currentNode() is head
    assert labels is not panel.ui.movingVolumeSelector.currentNode()


def test_a_reloaded_panel_is_entered_and_left_in_place_of_the_old_one(session: Session, made_up_result: Path) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    panel = session.application.reload(session.panel)
    session.application.leave(panel)
    assert panel._parameters is None and session.panel._bench.editor is None
    session.application.enter(panel)
    assert panel._parameters is not None and session.panel._parameters is None
    assert panel._bench.editor is not None and session.panel._bench.editor is None


def test_a_reloaded_panel_works_at_once(session: Session, made_up_result: Path) -> None:
    session.choose_two_volumes()
    reloaded = Session(session.application, made_up_result, session.application.reload(session.panel))
    assert reloaded.person.reads("fixedVolumeSelector") == "first head"
    reloaded.worker("finishes")
    reloaded.person.click("applyButton")
    reloaded.wait_until_idle()
    assert reloaded.person.sees("trustLabel")


def test_apply_waits_until_a_non_linear_parent_is_gone(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    warp = session.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    moving.SetAndObserveTransformNodeID(warp.GetID())
    session.wait_for_apply(False)
    assert "non-linear transform warp" in session.person.widget("applyButton").toolTip()
    moving.SetAndObserveTransformNodeID(None)
    session.wait_for_apply(True)


def test_apply_waits_until_a_volume_has_voxels(session: Session) -> None:
    session.choose_two_volumes()
    hollow = session.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
    session.person.choose("movingVolumeSelector", "hollow")
    assert not session.person.can_click("applyButton")
    assert session.person.widget("applyButton").toolTip().startswith("hollow has no voxels.")
    slicer.util.updateVolumeFromArray(hollow, sample_volume().voxels)
    session.wait_for_apply(True)


def test_masks_and_a_starting_pose_go_along_with_the_scans(session: Session) -> None:
    session.choose_two_volumes()
    head = sample_volume()
    session.add(Volume((head.voxels > 0).astype(np.uint8), head.ijk_to_ras, "brain"))
    labels = session.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    labels.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(head.ijk_to_ras))
    slicer.util.updateVolumeFromArray(labels, (head.voxels > 100).astype(np.int16))
    pose = session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "rough pose")
    pose.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix()))
    session.person.open_section("advancedCollapsibleButton")
    session.person.choose("fixedMaskSelector", "brain")
    session.person.choose("movingMaskSelector", "labels")
    session.person.choose("initialTransformSelector", "rough pose")
    session.worker("hangs")
    session.person.click("applyButton")
    session.wait_for("Finding keypoints")
    request = session.client._request
    assert load_volume(request.fixed_mask).name == "brain"
    np.testing.assert_array_equal(load_volume(request.moving_mask).voxels, head.voxels > 100)
    np.testing.assert_allclose(request.initial, sample_matrix())


def test_a_mask_can_be_taken_away_again(session: Session) -> None:
    session.choose_two_volumes()
    session.person.open_section("advancedCollapsibleButton")
    assert session.person.reads("fixedMaskSelector") == "Everywhere"
    session.person.choose("fixedMaskSelector", "second head")
    session.person.choose("fixedMaskSelector", "Everywhere")
    assert session.panel.logic.getParameterNode().fixedMask is None
    assert session.person.can_click("applyButton")


def test_a_mask_beside_its_scan_keeps_apply_from_working(session: Session) -> None:
    session.choose_two_volumes()
    away = session.add(sample_volume("far away").moved(np.eye(4) + 900 * np.eye(4, k=3)))
    session.person.open_section("advancedCollapsibleButton")
    session.person.choose("movingMaskSelector", "far away")
    assert "mask far away lies beside second head" in session.person.widget("applyButton").toolTip()
    away.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(sample_volume().ijk_to_ras))
    session.wait_for_apply(True)


def test_a_transform_above_the_moving_volume_is_no_starting_pose(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    pose = session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "pose")
    session.person.open_section("advancedCollapsibleButton")
    session.person.choose("initialTransformSelector", "pose")
    assert session.person.can_click("applyButton")
    moving.SetAndObserveTransformNodeID(pose.GetID())
    session.wait_for_apply(False)
    assert "second head is already under pose" in session.person.widget("applyButton").toolTip()


@pytest.mark.parametrize(("driver", "words"), [("/usr/bin/nvidia-smi", "graphics card (CUDA)"), (None, "processor (CPU)")])
def test_before_the_first_run_the_drivers_tell_what_automatic_will_probably_take(
    session: Session, monkeypatch: pytest.MonkeyPatch, driver: str | None, words: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: driver)
    session.choose_two_volumes()
    session.person.open_section("advancedCollapsibleButton")
    note = session.person.reads("deviceNoteLabel")
    assert note.startswith("Automatic will probably take") and f"{words}; the first run tells" in note


def test_what_automatic_comes_to_is_known_after_a_run_and_kept_for_the_next_start(session: Session) -> None:
    session.choose_two_volumes()
    session.person.open_section("advancedCollapsibleButton")
    session.worker("finishes")
    session.register()
    QSettings.restart()
    session.application.leave(session.panel)
    session.application.enter(session.panel)
    assert session.person.reads("deviceNoteLabel") == "Automatic took the processor (CPU) in the last run."
    session.person.choose("deviceComboBox", "NVIDIA graphics card (CUDA)")
    assert not session.person.sees("deviceNoteLabel")


def test_the_card_of_the_bundled_model_says_what_it_is(application: Application) -> None:
    from KeypointRegistrationLib.panel.model_card import card_html

    card = bundle.load_card("brain-affine")
    text = re.sub("<[^>]+>", " ", card_html(card))
    for words in ("Trained on", "How good it is", "What it is not for", "Not for clinical use.", "mm", card.version):
        assert words in text
    assert card.details["licence"] in text and str(len(card.details["training"]["subjects"])) in text


def test_a_volume_that_is_being_moved_is_looked_at_once_and_not_at_every_step(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fixed, moving = session.choose_two_volumes()
    transform = session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "dragged")
    moving.SetAndObserveTransformNodeID(transform.GetID())
    looks: list[SceneInputs] = []
    problem = SceneInputs.problem
    monkeypatch.setattr(SceneInputs, "problem", lambda inputs: looks.append(inputs) or problem(inputs))
    for step in range(20):
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(step)))
    assert not looks
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1.0, 0.0, 1.0])))
    session.wait_for_apply(False)
    assert "flattens space" in session.person.widget("applyButton").toolTip()
    assert len(looks) == 1
