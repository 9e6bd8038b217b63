"""The panel, used like a person uses it: in a real window, over the real scene, with a real worker process."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from host.application import Application
from host.person import Person
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.files.archive import save_registration
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.results import find_registrations
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from PySide6.QtWidgets import QMessageBox
from samples import sample_matrix, sample_registration, sample_volume
from tiny_model import write_tiny_bundle

MODULE = Path(__file__).resolve().parent.parent / "KeypointRegistration" / "KeypointRegistration.py"
MODELS_FOLDER = bundle.models_folder  # before a test puts its own in place
DOUBLE = Path(__file__).resolve().parent / "worker_double.py"


class Session:
    """A running application with an open panel, a person at it, and a worker that behaves as told."""

    def __init__(self, application: Application, result: Path, panel: Any = None) -> None:
        """``result`` is what the worker's double hands out."""
        self.application, self.result = application, result
        self.panel = panel or application.open_panel(MODULE, width=350)
        self.scene = application.scene
        self.person = Person(application, self.panel)

    def worker(self, behaviour: str) -> None:
        """Let a double serve the next registrations (see ``worker_double``)."""
        self.panel._job._command = lambda: [sys.executable, str(DOUBLE), behaviour, str(self.result)]

    def add(self, volume: Volume) -> slicer.vtkMRMLScalarVolumeNode:
        node = add_volume(self.scene, volume)
        self.application.process_events()
        return node

    def choose_two_volumes(self) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLScalarVolumeNode]:
        fixed, moving = self.add(sample_volume("first head")), self.add(sample_volume("second head", seed=1))
        self.person.choose("fixedVolumeSelector", "first head")
        self.person.choose("movingVolumeSelector", "second head")
        return fixed, moving

    def wait_for(self, text: str) -> None:
        """Wait until the message line says ``text``."""
        self.application.wait_until(lambda: text in self.panel.ui.messageLabel.text, f"the message {text!r}")

    def wait_until_idle(self) -> None:
        self.application.wait_until(lambda: not self.panel._job.is_active, "the end of the registration")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models to choose from, of which the second is for rigid alignment only."""
    folder = tmp_path / "models"
    texts = {"title": "Brain, any contrast", "summary": "Finds points in heads.", "limits": ["Not for children."]}
    rewrite_card(write_tiny_bundle(folder, "brain-affine"), texts)
    rewrite_card(write_tiny_bundle(folder, "other"), {"title": "Rigid only", "transform_types": ["rigid"]})
    monkeypatch.setattr(bundle, "models_folder", lambda: folder)
    return folder


def rewrite_card(folder: Path, changes: dict[str, Any]) -> None:
    path = folder / bundle.CARD_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def application() -> Iterator[Application]:
    with Application() as running:
        yield running
        assert running.problems == []


@pytest.fixture(scope="module")
def made_up_result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a made-up result with heatmaps."""
    path = tmp_path_factory.mktemp("result") / "result.npz"
    save_registration(path, sample_registration())
    return path


@pytest.fixture
def session(application: Application, made_up_result: Path) -> Session:
    return Session(application, made_up_result)


def scene_state(scene: slicer.vtkMRMLScene) -> list[tuple[str, str]]:
    """Names and parents of all nodes that belong to the user."""
    nodes = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    parents = [node.GetParentTransformNode() if node.IsA("vtkMRMLTransformableNode") else None for node in nodes]
    return [(node.GetID(), parent.GetID() if parent else "") for node, parent in zip(nodes, parents, strict=True)]


# -- before a registration ------------------------------------------------------------------------------------------------


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


def test_a_model_says_what_it_is_for_and_is_only_used_for_that(session: Session) -> None:
    session.choose_two_volumes()
    person = session.person
    assert person.reads("modelComboBox") == "Brain, any contrast"
    assert person.reads("modelSummaryLabel") == "Finds points in heads."
    assert "Not for children." in person.widget("modelSummaryLabel").toolTip()
    person.choose("modelComboBox", "Rigid only")
    assert not person.can_click("applyButton")
    assert "not made for this transform" in person.widget("applyButton").toolTip()
    person.choose("transformTypeComboBox", "Rigid")
    assert person.can_click("applyButton")
    assert session.panel.logic.getParameterNode().model == "other"


def test_without_a_model_apply_says_so(application: Application, made_up_result: Path, models: Path) -> None:
    shutil.rmtree(models)
    session = Session(application, made_up_result)
    session.choose_two_volumes()
    assert "No model is installed" in session.person.widget("applyButton").toolTip()


def test_a_damaged_card_does_not_break_the_panel(application: Application, made_up_result: Path, models: Path) -> None:
    (models / "brain-affine" / bundle.CARD_FILE).write_text("{")
    session = Session(application, made_up_result)
    assert session.person.reads("modelComboBox") == "brain-affine"


def test_the_first_volume_of_the_scene_is_proposed_as_fixed(application: Application) -> None:
    labels = application.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    head = add_volume(application.scene, sample_volume("head"))
    panel = application.open_panel(MODULE)
    assert panel.ui.fixedVolumeSelector.currentNode() is head
    assert labels is not panel.ui.movingVolumeSelector.currentNode()


def test_a_reloaded_panel_works_at_once(session: Session, made_up_result: Path) -> None:
    session.choose_two_volumes()
    reloaded = Session(session.application, made_up_result, session.application.reload(session.panel))
    assert reloaded.person.reads("fixedVolumeSelector") == "first head"
    reloaded.worker("finishes")
    reloaded.person.click("applyButton")
    reloaded.wait_until_idle()
    assert reloaded.person.sees("trustLabel")


# -- a registration -------------------------------------------------------------------------------------------------------


def test_a_registration_shows_progress_and_then_its_result_in_panel_and_scene(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    session.worker("hangs")
    session.person.click("applyButton")
    session.wait_for("Finding keypoints")
    assert session.person.sees("progressBar") and session.person.widget("progressBar").value() == 25
    assert not session.person.can_click("applyButton") and not session.person.can_click("fixedVolumeSelector")
    session.person.click("cancelButton")

    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    (result,) = find_registrations(session.scene)
    assert result.fixed_volume is fixed and result.moving_volume is moving
    assert moving.GetParentTransformNode() is result.transform
    assert not session.person.sees("progressBar") and session.person.can_click("applyButton")
    assert session.person.reads("trustLabel").startswith("<b>Good")
    assert "moving → fixed:" in session.person.reads("transformLabel")
    assert "rotates 30.0°" in session.person.reads("transformLabel")
    assert session.person.reads("fitResidualValue").endswith("mm over 14 of 16 keypoints")
    assert session.person.reads("predictedErrorValue").startswith("TRE 0.9 mm typical")
    assert session.person.reads("similarityValue") == "NMI 1.050 before, 1.210 after"


def test_the_aligned_pose_can_be_switched_off_and_on_and_undone(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    before = scene_state(session.scene)
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    transform = moving.GetParentTransformNode()
    session.person.click("alignedCheckBox")
    assert moving.GetParentTransformNode() is None
    session.person.click("alignedCheckBox")
    assert moving.GetParentTransformNode() is transform
    session.person.click("undoButton")
    assert scene_state(session.scene) == before
    assert not session.person.sees("resultCollapsibleButton")


def test_undo_shows_the_result_before_the_last_one(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    for _ in range(2):
        session.person.click("applyButton")
        session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 2
    session.person.click("undoButton")
    assert len(find_registrations(session.scene)) == 1
    assert session.person.sees("trustLabel")


def test_a_result_that_was_saved_with_the_scene_is_shown_again(session: Session, tmp_path: Path) -> None:
    from host.mrml import load_scene, save_scene

    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
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


def test_the_heatmaps_of_a_chosen_keypoint_are_shown_in_both_scans_and_hidden_again(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    (result,) = find_registrations(session.scene)
    session.person.choose("keypointComboBox", "point 4")
    assert result.fixed_heatmap is None
    session.person.click("heatmapCheckBox")
    (result,) = find_registrations(session.scene)
    assert result.fixed_heatmap.GetName() == "first head heatmap: point 4"
    session.person.choose("keypointComboBox", "point 5")
    assert result.moving_heatmap.GetName() == "second head heatmap: point 5"
    session.person.click("heatmapCheckBox")
    (result,) = find_registrations(session.scene)
    assert result.fixed_heatmap is None and result.moving_heatmap is None
    session.person.click("heatmapCheckBox")
    session.person.click("undoButton")
    selectors = (session.panel.ui.fixedVolumeSelector, session.panel.ui.movingVolumeSelector)
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", session.scene)
    assert volumes == [selector.currentNode() for selector in selectors]


@pytest.mark.parametrize("ending", ["undo", "closing the scene"])
def test_the_heatmaps_leave_the_memory_with_their_result(session: Session, ending: str) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    heatmap = session.panel._result._heatmap
    assert heatmap._maps
    if ending == "undo":
        session.person.click("undoButton")
    else:
        session.scene.Clear(0)
    assert not heatmap._maps


def test_the_overlay_shows_moving_over_fixed_in_the_slice_views(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    composite = session.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    session.person.click("overlayButton")
    assert (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()) == (fixed.GetID(), moving.GetID())


def test_deleting_parts_of_a_result_by_hand_leaves_a_panel_that_still_works(session: Session) -> None:
    fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    session.scene.RemoveNode(moving.GetParentTransformNode())
    assert session.person.sees("trustLabel") and not session.person.can_click("alignedCheckBox")
    session.scene.RemoveNode(fixed)
    assert not session.person.can_click("overlayButton") and not session.person.can_click("heatmapCheckBox")
    session.person.click("undoButton")
    assert find_registrations(session.scene) == []


# -- bad moments ----------------------------------------------------------------------------------------------------------


def running(session: Session) -> list[tuple[str, str]]:
    """Bring a registration to the middle of its work; returns the scene as it is then."""
    session.choose_two_volumes()
    session.worker("hangs")
    session.person.click("applyButton")
    session.wait_for("Finding keypoints")
    return scene_state(session.scene)


def worker_folder(session: Session) -> Path:
    return session.panel._job._client.folder


def test_cancel_leaves_scene_and_disk_untouched(session: Session) -> None:
    before = running(session)
    folder = worker_folder(session)
    session.person.click("cancelButton")
    assert session.person.reads("messageLabel") == "Cancelled. The scene is as it was."
    assert scene_state(session.scene) == before
    assert not folder.exists()
    assert session.person.can_click("applyButton") and not session.person.sees("cancelButton")


def test_a_killed_worker_is_told_in_a_sentence(session: Session) -> None:
    before = running(session)
    os.kill(session.panel._job._client._process.pid, signal.SIGKILL)
    session.wait_until_idle()
    assert session.person.reads("messageLabel").startswith("The registration process ended unexpectedly (exit code -9).")
    assert scene_state(session.scene) == before
    assert session.person.can_click("applyButton")


def test_a_worker_that_dies_by_itself_is_told_in_a_sentence(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("dies")
    session.person.click("applyButton")
    session.wait_until_idle()
    assert "ended unexpectedly (exit code 7)" in session.person.reads("messageLabel")


def test_a_worker_that_cannot_be_started_is_told_in_a_sentence(session: Session) -> None:
    session.choose_two_volumes()
    session.panel._job._command = lambda: ["/no/such/python"]
    session.person.click("applyButton")
    assert "could not be started (No such file or directory)" in session.person.reads("messageLabel")


def test_slicer_without_its_interpreter_is_told_in_a_sentence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.choose_two_volumes()
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    session.person.click("applyButton")
    assert session.person.reads("messageLabel").startswith("PythonSlicer, the Python interpreter")
    assert session.person.can_click("applyButton")


def test_closing_the_scene_ends_the_registration(session: Session) -> None:
    running(session)
    folder = worker_folder(session)
    session.scene.Clear(0)
    assert not session.panel._job.is_active and not folder.exists()
    assert "the scene was closed" in session.person.reads("messageLabel")
    assert not session.person.can_click("applyButton")
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    assert session.person.sees("trustLabel")


@pytest.mark.parametrize("moment", ["removed", "moved", "changed"])
def test_a_volume_that_is_no_longer_what_it_was_gets_no_result(session: Session, moment: str) -> None:
    _fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    if moment == "removed":
        session.scene.RemoveNode(moving)
    elif moment == "moved":
        matrix = slicer.util.vtkMatrixFromArray(sample_matrix())
        transform = session.scene.AddNewNodeByClass("vtkMRMLTransformNode")
        transform.SetMatrixTransformToParent(matrix)
        moving.SetAndObserveTransformNodeID(transform.GetID())
    else:
        slicer.util.updateVolumeFromArray(moving, np.zeros((4, 4, 4)))
    session.wait_until_idle()
    what = "removed" if moment == "removed" else "moved or changed"
    assert f"second head was {what} while" in session.person.reads("messageLabel")
    assert find_registrations(session.scene) == []


def test_a_result_that_cannot_be_shown_ends_the_run_with_a_sentence(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise RuntimeError("the scene is odd")

    monkeypatch.setattr("KeypointRegistrationLib.panel.job.add_registration", fail)
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    assert session.person.reads("messageLabel").startswith("The result could not be shown (the scene is odd).")
    assert session.person.can_click("applyButton")


def test_a_full_disk_is_told_in_a_sentence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("KeypointRegistrationLib.panel.job.save_volume", fail)
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    assert session.person.reads("messageLabel").startswith("The disk with the temporary files is full.")
    assert not session.panel._job.is_active


def test_windowing_a_volume_meanwhile_does_not_spoil_the_result(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    moving.SetName("renamed")
    moving.GetDisplayNode().AutoWindowLevelOff()
    moving.GetDisplayNode().SetWindowLevelMinMax(0, 10)
    session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 1


def test_a_non_linear_parent_is_refused_in_a_sentence(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    warp = session.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    moving.SetAndObserveTransformNodeID(warp.GetID())
    before = scene_state(session.scene)
    session.worker("finishes")
    session.person.click("applyButton")
    assert "non-linear transform warp" in session.person.reads("messageLabel")
    assert scene_state(session.scene) == before


def test_a_volume_without_voxels_is_refused_in_a_sentence(session: Session) -> None:
    session.add(sample_volume("first head"))
    session.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "hollow")
    session.person.choose("fixedVolumeSelector", "first head")
    session.person.choose("movingVolumeSelector", "hollow")
    session.person.click("applyButton")
    assert session.person.reads("messageLabel").startswith("hollow has no voxels.")


def test_what_the_worker_refuses_is_shown_word_for_word(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("refuses")
    session.person.click("applyButton")
    session.wait_until_idle()
    assert session.person.reads("messageLabel") == "head is a single slice. Choose a 3-D volume."


def test_leaving_the_application_ends_the_worker(application: Application, made_up_result: Path) -> None:
    session = Session(application, made_up_result)
    running(session)
    process = session.panel._job._client._process
    application.close()
    assert process.poll() is not None
    application.__init__()


# -- torch ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def torch_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Puts a PyTorch extension in place whose installer behaves as told; returns the file that stands for torch."""
    torch = tmp_path / "torch"
    monkeypatch.setattr(slicer.util, "pip_install", lambda _requirements: None, raising=False)

    def put(install: Callable[[], Any]) -> Path:
        extension = types.ModuleType("PyTorchUtils")
        extension.PyTorchUtilsLogic = lambda: types.SimpleNamespace(installTorch=install)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
        return torch

    return put


def apply_without_torch(session: Session, torch: Path, answer: QMessageBox.StandardButton) -> None:
    session.choose_two_volumes()
    session.worker(f"needs-torch={torch}")
    session.application.answer(answer)
    session.person.click("applyButton")
    session.application.wait_until(lambda: bool(session.application.messages), "the question about PyTorch")
    session.wait_until_idle()


def test_torch_is_installed_after_one_question_and_the_run_goes_on(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    torch = torch_extension(lambda: (tmp_path / "torch").touch() or "the torch module")
    apply_without_torch(session, torch, QMessageBox.Ok)
    assert len(session.application.messages) == 1
    assert len(find_registrations(session.scene)) == 1


def test_declining_torch_leaves_a_sentence(session: Session, torch_extension: Callable) -> None:
    torch = torch_extension(lambda: pytest.fail("installed without consent"))
    apply_without_torch(session, torch, QMessageBox.Cancel)
    assert "PyTorch" in session.person.reads("messageLabel")
    assert session.person.can_click("applyButton")


def test_without_network_a_sentence_says_so(
    session: Session, torch_extension: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    def install() -> None:
        raise RuntimeError("Command 'pip' returned 1")

    with caplog.at_level(logging.CRITICAL):
        apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert "Check the network connection" in session.person.reads("messageLabel")


def test_an_installation_that_changes_nothing_is_not_offered_twice(session: Session, torch_extension: Callable) -> None:
    apply_without_torch(session, torch_extension(lambda: "the torch module"), QMessageBox.Ok)
    assert len(session.application.messages) == 1
    assert "does not start" in session.person.reads("messageLabel")


def test_installing_ends_in_a_result_also_when_the_person_has_left_the_module(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    torch = torch_extension(lambda: (tmp_path / "torch").touch() or "the torch module")
    session.choose_two_volumes()
    session.worker(f"needs-torch={torch}")
    session.application.answer(QMessageBox.Ok)
    session.person.click("applyButton")
    session.application.leave(session.panel)
    session.application.wait_until(lambda: bool(session.application.messages), "the question about PyTorch")
    session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 1
    session.application.enter(session.panel)
    assert session.person.sees("trustLabel") and session.person.can_click("applyButton")


@pytest.mark.parametrize("event", ["the volume is removed", "the scene is closed"])
def test_volumes_lost_while_torch_is_installed_end_the_run_with_a_sentence(
    session: Session, tmp_path: Path, torch_extension: Callable, event: str
) -> None:
    def install() -> str:
        if event == "the volume is removed":
            session.scene.RemoveNode(slicer.util.getNode("second head"))
        else:
            session.scene.Clear(0)
        (tmp_path / "torch").touch()
        return "the torch module"

    apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert "no longer in the scene" in session.person.reads("messageLabel")
    assert session.person.can_click("fixedVolumeSelector") and not session.person.can_click("applyButton")


def test_nothing_can_be_changed_or_started_while_torch_is_installed(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    seen: list[bool] = []

    def install() -> str:
        session.panel.logic.getParameterNode().refine = False  # anything that the panel follows
        slicer.app.processEvents()
        seen.extend(session.person.can_click(name) for name in ("applyButton", "fixedVolumeSelector", "modelComboBox"))
        (tmp_path / "torch").touch()
        return "the torch module"

    apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert seen == [False, False, False]
    assert session.person.can_click("applyButton")


def test_a_missing_safetensors_is_installed_alone(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_extension: Callable
) -> None:
    torch_extension(lambda: pytest.fail("PyTorch was installed as well"))
    installed: list[str] = []

    def pip_install(requirement: str) -> None:
        installed.append(requirement)
        (tmp_path / "safetensors").touch()

    monkeypatch.setattr(slicer.util, "pip_install", pip_install, raising=False)
    session.choose_two_volumes()
    session.worker(f"needs-safetensors={tmp_path / 'safetensors'}")
    session.application.answer(QMessageBox.Ok)
    session.person.click("applyButton")
    session.application.wait_until(lambda: bool(session.application.messages), "the question about safetensors")
    session.wait_until_idle()
    assert installed == ["safetensors>=0.4"] and "PyTorch" not in session.application.messages[0]
    assert len(find_registrations(session.scene)) == 1


def test_reloading_while_torch_is_installed_ends_the_run(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    def install() -> str:
        session.application.reload(session.panel)
        (tmp_path / "torch").touch()
        return "the torch module"

    apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert not session.panel._job.is_active and find_registrations(session.scene) == []


def test_without_the_extension_a_sentence_says_where_to_get_it(session: Session, tmp_path: Path) -> None:
    apply_without_torch(session, tmp_path / "torch", QMessageBox.Ok)
    assert "Extensions Manager" in session.person.reads("messageLabel")


# -- the real thing -------------------------------------------------------------------------------------------------------


def brain_overlap(fixed: Any, moving: Any, brains: dict[str, Volume]) -> float:
    """Dice overlap of two brains where the scene shows their scans now."""
    fixed_brain, moving_brain = (
        Volume(brains[node.GetName()].voxels > 0, volume_from_node(node).ijk_to_ras) for node in (fixed, moving)
    )
    grid = Grid.of(fixed_brain)
    moved = sample(moving_brain, grid, order=0) > 0.5
    return 2 * (moved & fixed_brain.voxels).sum() / (moved.sum() + fixed_brain.voxels.sum())


def test_two_real_heads_at_foreign_poses_are_aligned_by_the_real_worker(
    application: Application, made_up_result: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "models_folder", MODELS_FOLDER)
    if not bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    session = Session(application, made_up_result)
    nodes, brains = [], {}
    for name in ("IXI565-HH-2534", "IXI577-HH-2661"):
        nodes.append(session.add(replace(read_volume(shared_data / "ixi_t1_2mm" / f"{name}_T1.nii.gz"), name=name)))
        brains[name] = read_volume(shared_data / "ixi_t1_2mm" / f"{name}_dlmuse.nii.gz")
    fixed, moving = nodes
    parent = session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "foreign pose")
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(60.0, (40, -30, 25))))
    moving.SetAndObserveTransformNodeID(parent.GetID())
    assert brain_overlap(fixed, moving, brains) < 0.6

    session.person.choose("fixedVolumeSelector", fixed.GetName())
    session.person.choose("movingVolumeSelector", moving.GetName())
    session.person.open_section("advancedCollapsibleButton")
    session.person.click("refineCheckBox")
    session.person.click("applyButton")
    application.wait_until(lambda: session.person.widget("progressBar").value() > 0, "the first progress")
    session.wait_until_idle()

    assert session.person.sees("trustLabel"), session.person.reads("messageLabel")
    assert brain_overlap(fixed, moving, brains) > 0.85
    session.person.click("alignedCheckBox")
    assert brain_overlap(fixed, moving, brains) < 0.6


def test_a_constant_volume_is_refused_by_the_real_worker_in_a_sentence(
    application: Application, made_up_result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "models_folder", MODELS_FOLDER)
    if not bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    session = Session(application, made_up_result)
    session.add(sample_volume("first head"))
    session.add(Volume(np.zeros((20, 20, 20), np.int16), np.eye(4), "nothing"))
    session.person.choose("fixedVolumeSelector", "first head")
    session.person.choose("movingVolumeSelector", "nothing")
    session.person.click("applyButton")
    session.wait_until_idle()
    assert session.person.reads("messageLabel").startswith("nothing is empty: every voxel has the value 0.")
