"""Correcting in the panel: the person clicks and drags, and alignment, verdict and table follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.files.archive import save_registration
from KeypointRegistrationLib.registration.result import KeypointStatus, TrustLevel
from KeypointRegistrationLib.scene.results.handle import find_registrations
from panel_session import Session
from test_correction import TILT, answer


@pytest.fixture(scope="module")
def made_up_result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a refined answer whose parts belong together, with a wrong pair (3) and a missing one (5)."""
    path = tmp_path_factory.mktemp("result") / "result.npz"
    save_registration(path, answer(refined=True))
    return path


@pytest.fixture
def corrected(session: Session) -> Session:
    """A session with a result and the section for corrections open."""
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    session.wait_until_idle()
    session.person.open_section("correctCollapsibleButton")
    return session


def drag(session: Session, keypoint: int, offset: tuple[float, float, float]) -> None:
    """What the views do when a person drags a point of the fixed scan."""
    node = session.panel._bench.editor.result.fixed_points
    node.InvokeEvent(node.PointStartInteractionEvent)
    start = np.array(node.GetNthControlPointPositionWorld(keypoint))
    for share in (0.5, 1.0):
        node.SetNthControlPointPositionWorld(keypoint, *(start + share * np.array(offset)))
        session.application.process_events()
    node.InvokeEvent(node.PointEndInteractionEvent)
    session.application.process_events()


def test_points_can_be_dragged_only_while_the_person_wants_it(corrected: Session) -> None:
    editor = corrected.panel._bench.editor
    assert editor.locked
    corrected.person.click("dragCheckBox")
    assert not editor.locked
    corrected.application.leave(corrected.panel)
    assert editor.locked
    corrected.application.enter(corrected.panel)
    assert not corrected.person.widget("dragCheckBox").isChecked()


def test_dragging_changes_words_and_verdict_at_once_and_undo_brings_them_back(corrected: Session) -> None:
    person = corrected.person
    before = person.reads("transformLabel"), person.reads("fitResidualValue")
    assert not person.can_click("undoButton")
    drag(corrected, 0, (60, 0, 0))
    assert person.reads("transformLabel") != before[0] and person.reads("fitResidualValue") != before[1]
    person.click("undoButton")
    assert (person.reads("transformLabel"), person.reads("fitResidualValue")) == before
    person.click("redoButton")
    assert person.reads("transformLabel") != before[0]
    person.click("resetButton")
    assert person.reads("transformLabel") == before[0]
    assert not person.can_click("resetButton")


def test_a_pair_is_left_out_weighted_and_put_back(corrected: Session) -> None:
    person, bench = corrected.person, corrected.panel._bench
    assert not person.can_click("choiceComboBox")
    bench.select(4)
    assert person.reads("selectedKeypointLabel") == "Selected: point 5"
    person.choose("choiceComboBox", "Never")
    assert bench.registration.status[4] is KeypointStatus.LEFT_OUT
    person.choose("choiceComboBox", "As the fit decides")
    person.type("weightSpinBox", "4")
    assert bench.editor.correction.factors == {4: 4.0}
    person.click("putBackButton")
    assert not bench.editor.is_corrected


def test_a_wrong_pair_that_the_person_insists_on_makes_the_verdict_worse(corrected: Session) -> None:
    person, bench = corrected.person, corrected.panel._bench
    bench.select(3)
    person.choose("choiceComboBox", "Always")
    assert bench.registration.trust.level is not TrustLevel.GOOD
    assert "times as far apart as in good alignments" in person.reads("trustLabel")


def test_the_kind_of_alignment_robustness_and_refinement_are_the_persons(corrected: Session) -> None:
    person, bench = corrected.person, corrected.panel._bench
    person.click("keepRefinementCheckBox")
    assert np.allclose(TILT @ bench.registration.moving_to_fixed, bench.editor.original.moving_to_fixed)
    person.click("robustCheckBox")
    assert bench.registration.status[3] is KeypointStatus.USED
    person.choose("correctTypeComboBox", "Affine (scale, shear)")
    assert bench.registration.transform_type.value == "affine"
    while person.can_click("undoButton"):
        person.click("undoButton")
    assert person.widget("keepRefinementCheckBox").isChecked() and person.reads("correctTypeComboBox") == "Rigid"


def test_a_pair_is_added_where_the_crosshair_is_and_taken_away(corrected: Session) -> None:
    person, bench = corrected.person, corrected.panel._bench
    crosshair = corrected.scene.GetSingletonNode("default", "vtkMRMLCrosshairNode")
    crosshair.SetCrosshairMode(crosshair.ShowBasic)
    crosshair.SetCrosshairRAS(5.0, 6.0, 7.0)
    person.type("pairNameEdit", "pituitary")
    person.click("addPairButton")
    assert person.reads("selectedKeypointLabel") == "Selected: pituitary"
    node = bench.editor.result.fixed_points
    assert np.allclose(node.GetNthControlPointPositionWorld(30), (5, 6, 7))
    person.click("removePairButton")
    assert not bench.editor.is_corrected and bench.selected is None


def test_without_a_crosshair_a_pair_is_added_where_the_slices_cross(corrected: Session) -> None:
    for name in ("Red", "Green", "Yellow"):
        corrected.scene.GetNodeByID(f"vtkMRMLSliceNode{name}").JumpSlice(1.0, 2.0, 3.0)
    corrected.person.click("addPairButton")
    node = corrected.panel._bench.editor.result.moving_points
    assert node.GetNthControlPointLabel(30) == "added 1"
    assert np.allclose(node.GetNthControlPointPositionWorld(30), (1, 2, 3), atol=0.1)


def test_without_slice_views_a_pair_cannot_be_added_and_the_panel_says_so(corrected: Session) -> None:
    for name in ("Red", "Green", "Yellow"):
        corrected.scene.RemoveNode(corrected.scene.GetNodeByID(f"vtkMRMLSliceNode{name}"))
    corrected.person.click("addPairButton")
    assert "do not say where" in corrected.person.reads("correctMessageLabel")


def test_a_deleted_list_is_said_and_the_rest_can_still_be_corrected(corrected: Session) -> None:
    person, bench = corrected.person, corrected.panel._bench
    corrected.scene.RemoveNode(bench.editor.result.moving_points)
    corrected.application.process_events()
    assert "keypoint list of the moving volume was deleted" in person.reads("correctMessageLabel")
    assert not person.can_click("dragCheckBox") and not person.can_click("addPairButton")
    person.click("robustCheckBox")
    assert bench.editor.is_corrected


def test_each_of_two_results_has_its_own_corrections(corrected: Session) -> None:
    person, bench = corrected.person, corrected.panel._bench
    drag(corrected, 0, (20, 0, 0))
    corrected.worker("finishes")
    person.click("applyButton")
    corrected.wait_until_idle()
    assert not bench.editor.is_corrected
    first, second = find_registrations(corrected.scene)
    person.widget("resultComboBox").setCurrentIndex(0)
    corrected.application.process_events()
    assert bench.editor.result.identifier == first.identifier and bench.editor.is_corrected
    person.click("removeResultButton")
    assert bench.editor.result.identifier == second.identifier
    assert not person.sees("resultComboBox")


def test_a_correction_goes_with_the_scene(corrected: Session, tmp_path: Path) -> None:
    from host.mrml import load_scene, save_scene

    drag(corrected, 0, (20, 0, 0))
    words = corrected.person.reads("transformLabel")
    save_scene(corrected.scene, tmp_path / "scene.mrb")
    load_scene(corrected.scene, tmp_path / "scene.mrb")
    assert corrected.person.reads("transformLabel") == words
    corrected.person.click("resetButton")
    assert corrected.person.reads("transformLabel") != words


def test_what_a_script_has_corrected_meanwhile_is_not_undone_by_the_panel(corrected: Session) -> None:
    from KeypointRegistrationLib.registration.correction import PairChoice
    from KeypointRegistrationLib.scene.results.editor import RegistrationEditor

    corrected.application.leave(corrected.panel)
    (result,) = find_registrations(corrected.scene)
    script = RegistrationEditor(result, lambda _milliseconds, _callback: None)
    script.set_choice(7, PairChoice.LEAVE_OUT)
    script.close()
    corrected.application.enter(corrected.panel)
    corrected.person.click("robustCheckBox")
    assert corrected.panel._bench.editor.correction.choice(7) is PairChoice.LEAVE_OUT
