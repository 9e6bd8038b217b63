"""Stepping through a worklist in the panel, by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
import slicer
from host.mrml import load_scene, save_scene
from host.settings import QSettings
from KeypointRegistrationLib.files.annotations import read_annotations
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.review.annotation import Rating
from KeypointRegistrationLib.scene.notes.annotations import annotations_of
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import find_registrations
from panel_session import Session
from PySide6 import QtCore
from PySide6.QtTest import QTest
from samples import sample_registration, sample_volume

PAIR, STATE = 0, 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A worklist of three pairs; the second one's moving scan is not there, and the fifth line is broken."""
    for seed, name in enumerate(("a", "b", "c", "e")):
        write_nifti(tmp_path / f"{name}.nii.gz", sample_volume(name, size=12, spacing=12.0, seed=seed))
    path = tmp_path / "list.csv"
    rows = ("fixed,moving,id", "a.nii.gz,b.nii.gz,1", "c.nii.gz,d.nii.gz,2", "c.nii.gz,e.nii.gz,3", "c.nii.gz,,4")
    path.write_text("\n".join(rows))
    return path


@pytest.fixture
def opened(session: Session, file: Path) -> Session:
    """A session with the worklist open and a reviewer."""
    QSettings.store.clear()
    session.worker("finishes")
    session.person.open_section("annotateCollapsibleButton")
    session.person.type("reviewerEdit", "Ada")
    session.person.open_section("worklistCollapsibleButton")
    session.application.answer_file(file)
    session.person.click("openWorklistButton")
    return session


def press(session: Session, key: QtCore.Qt.Key) -> None:
    """Press Alt and a key anywhere in the main window, and wait for the registration that may follow."""
    QTest.keyClick(session.application.main_window, key, QtCore.Qt.AltModifier)
    session.application.process_events()
    session.wait_until_idle()
    session.application.process_events()


def click(session: Session, name: str) -> None:
    session.person.click(name)
    session.wait_until_idle()
    session.application.process_events()


def states(session: Session) -> list[str]:
    return session.person.reads_column("worklistTable", STATE)


def scans(session: Session) -> list[str]:
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", session.scene)
    return sorted(node.GetName() for node in nodes if not node.GetHideFromEditors())


def test_the_list_shows_its_pairs_and_what_is_broken(opened: Session) -> None:
    person = opened.person
    titles = ["1: b.nii.gz → a.nii.gz", "2: d.nii.gz → c.nii.gz", "3: e.nii.gz → c.nii.gz"]
    assert person.reads_column("worklistTable", PAIR) == titles
    assert states(opened) == ["Open"] * 3
    assert "Line 5: The moving scan is missing." in person.reads("worklistMessageLabel")
    assert "0 of 3 rated" in person.reads("worklistLabel")
    assert not person.can_click("previousRowButton") and not person.can_click("registerRowButton")


def test_a_whole_list_is_worked_through_with_the_keyboard(opened: Session, file: Path, tmp_path: Path) -> None:
    press(opened, QtCore.Qt.Key_N)
    assert scans(opened) == ["a", "b"] and states(opened)[0] == "Not rated"
    press(opened, QtCore.Qt.Key_1)
    assert states(opened)[0] == "Accept"
    press(opened, QtCore.Qt.Key_N)
    assert "There is no file" in opened.person.reads("worklistMessageLabel")
    assert "d.nii.gz" in opened.person.reads("worklistMessageLabel")
    assert states(opened) == ["Accept", "Failed", "Open"]
    press(opened, QtCore.Qt.Key_N)
    edit = opened.person.widget("ratingCommentEdit")
    edit.setFocus()
    QTest.keyClicks(edit, "tilted")
    press(opened, QtCore.Qt.Key_3)
    assert scans(opened) == ["c", "e"] and states(opened) == ["Accept", "Failed", "Reject"]
    assert not opened.person.can_click("nextRowButton")
    press(opened, QtCore.Qt.Key_U)
    assert opened.panel._worklist._position == 1
    press(opened, QtCore.Qt.Key_P)
    assert opened.panel._worklist._position == 0
    opened.application.answer_file(tmp_path / "all.csv")
    opened.person.click("exportAnnotationsButton")
    listed = [entry for entry in read_annotations(tmp_path / "all.csv") if entry.history]
    assert [(entry.rating, entry.history[-1].comment) for entry in listed] == [
        (Rating.ACCEPT, ""),
        (Rating.REJECT, "tilted"),
    ]


def test_a_comment_that_is_being_typed_is_kept_with_its_row(opened: Session) -> None:
    press(opened, QtCore.Qt.Key_N)
    edit = opened.person.widget("ratingCommentEdit")
    edit.setFocus()
    QTest.keyClicks(edit, "of the first")
    opened.person.click_cell("worklistTable", 2, PAIR)
    opened.person.press("worklistTable", "Return")
    opened.wait_until_idle()
    assert opened.panel._worklist._position == 2 and edit.text() == ""
    rows = opened.panel._worklist._worklist.remembered
    assert [entry.history[-1].comment for entry in rows if entry.history] == ["of the first"]


def test_rows_are_registered_when_the_person_wants_it(opened: Session) -> None:
    opened.person.click("registerRowsCheckBox")
    click(opened, "nextRowButton")
    assert find_registrations(opened.scene) == [] and states(opened)[0] == "Open"
    click(opened, "registerRowButton")
    assert len(find_registrations(opened.scene)) == 1 and states(opened)[0] == "Not rated"
    result = opened.panel._bench.editor.result
    assert (result.fixed_volume.GetName(), result.moving_volume.GetName()) == ("a", "b")


def test_a_row_is_registered_within_its_masks(opened: Session, file: Path) -> None:
    file.write_text("fixed,moving,fixed_mask\na.nii.gz,b.nii.gz,c.nii.gz\n")
    opened.person.click("reloadWorklistButton")
    click(opened, "nextRowButton")
    assert states(opened) == ["Not rated"]
    (result,) = find_registrations(opened.scene)
    assert {side: mask["name"] for side, mask in result.provenance["masks"].items()} == {"fixed": "c"}


def test_a_row_that_is_there_already_is_not_registered_again(opened: Session) -> None:
    click(opened, "nextRowButton")
    (first,) = find_registrations(opened.scene)
    opened.person.click("nextRowButton")
    opened.worker("dies")
    click(opened, "previousRowButton")
    (again,) = find_registrations(opened.scene)
    assert again.identifier == first.identifier and states(opened)[0] == "Not rated"
    assert opened.panel._bench.editor.result.identifier == first.identifier


@pytest.mark.parametrize("registered", [False, True])
def test_at_a_row_no_other_rows_result_is_shown_when_something_is_removed(opened: Session, registered: bool) -> None:
    opened.person.click("tidyRowsCheckBox")
    click(opened, "nextRowButton")
    (first,) = find_registrations(opened.scene)
    if not registered:
        opened.person.click("registerRowsCheckBox")
    opened.person.click_cell("worklistTable", 2, PAIR)
    opened.person.press("worklistTable", "Return")
    opened.wait_until_idle()
    if registered:
        shown = opened.panel._bench.editor.result
        assert shown.identifier != first.identifier
        opened.scene.RemoveNode(shown.record)
    else:
        opened.scene.RemoveNode(opened.scene.AddNewNodeByClass("vtkMRMLModelNode"))
    opened.application.process_events()
    assert opened.panel._bench.editor is None
    press(opened, QtCore.Qt.Key_3)
    assert not annotations_of(first)
    opened.person.click("closeWorklistButton")
    assert opened.panel._bench.editor.result.identifier == first.identifier


def test_a_row_keeps_why_it_could_not_be_registered(opened: Session) -> None:
    opened.worker("refuses")
    click(opened, "nextRowButton")
    assert states(opened)[0] == "Failed"
    assert "head is a single slice" in opened.person.widget("worklistTable").item(0, PAIR).toolTip()
    opened.worker("finishes")
    click(opened, "registerRowButton")
    assert states(opened)[0] == "Not rated"


def test_what_fails_beside_the_list_is_not_the_rows_fault(opened: Session) -> None:
    opened.person.click("registerRowsCheckBox")
    click(opened, "nextRowButton")
    opened.choose_two_volumes()
    opened.worker("refuses")
    click(opened, "applyButton")
    assert "single slice" in opened.person.reads("messageLabel") and states(opened)[0] == "Open"


def test_while_a_registration_runs_the_row_stays(opened: Session) -> None:
    opened.worker("hangs")
    opened.person.click("nextRowButton")
    opened.wait_for("Finding keypoints")
    opened.person.click("nextRowButton")
    assert "A registration is running" in opened.person.reads("worklistMessageLabel")
    assert scans(opened) == ["a", "b"] and not opened.person.can_click("registerRowButton")
    opened.person.click("cancelButton")
    click(opened, "nextRowButton")
    assert opened.panel._worklist._position == 1


def test_a_saved_scene_goes_on_where_the_person_left_off(opened: Session, tmp_path: Path) -> None:
    press(opened, QtCore.Qt.Key_N)
    press(opened, QtCore.Qt.Key_2)
    save_scene(opened.scene, tmp_path / "scene.mrb")
    opened.scene.Clear(0)
    opened.application.process_events()
    assert not opened.person.sees("worklistTable")
    press(opened, QtCore.Qt.Key_N)
    load_scene(opened.scene, tmp_path / "scene.mrb")
    assert states(opened) == ["Acceptable", "Open", "Open"]
    opened.person.click_cell("worklistTable", 2, PAIR)
    opened.person.press("worklistTable", "Return")
    opened.wait_until_idle()
    assert scans(opened) == ["c", "e"]


def test_a_list_that_was_edited_is_read_again(opened: Session, file: Path) -> None:
    press(opened, QtCore.Qt.Key_N)
    press(opened, QtCore.Qt.Key_1)
    file.write_text("fixed,moving,id\nc.nii.gz,e.nii.gz,3\na.nii.gz,b.nii.gz,1\n")
    opened.person.click("reloadWorklistButton")
    assert states(opened) == ["Open", "Accept"]
    assert not opened.person.sees("worklistMessageLabel")
    file.unlink()
    opened.person.click("reloadWorklistButton")
    assert "cannot be read" in opened.person.reads("worklistMessageLabel")
    assert states(opened) == ["Open", "Accept"]


def test_the_pairs_of_the_scene_are_stepped_through(session: Session) -> None:
    for name in ("first", "second"):
        fixed, moving = (session.add(sample_volume(f"{name} {part}", size=12, spacing=12.0)) for part in "ab")
        add_registration(session.scene, fixed, moving, sample_registration())
    session.person.open_section("worklistCollapsibleButton")
    session.person.click("pairsOfSceneButton")
    assert session.person.reads_column("worklistTable", PAIR) == ["first b → first a", "second b → second a"]
    session.person.click("nextRowButton")
    assert session.panel._bench.editor.result.fixed_volume.GetName() == "first a"
    session.person.click("nextRowButton")
    assert session.panel._bench.editor.result.fixed_volume.GetName() == "second a"
    session.person.click("closeWorklistButton")
    assert not session.person.sees("worklistTable") and len(find_registrations(session.scene)) == 2


def test_a_reloaded_panel_goes_on_with_the_list(opened: Session) -> None:
    press(opened, QtCore.Qt.Key_N)
    renewed = Session(opened.application, opened.result, opened.application.reload(opened.panel))
    renewed.worker("finishes")
    renewed.person.open_section("worklistCollapsibleButton")
    assert states(renewed)[0] == "Not rated"
    press(renewed, QtCore.Qt.Key_P)
    QTest.keyClick(renewed.application.main_window, QtCore.Qt.Key_N, QtCore.Qt.AltModifier)
    assert renewed.panel._worklist._position == 1


def test_the_keys_do_nothing_in_other_modules(opened: Session) -> None:
    opened.application.leave(opened.panel)
    press(opened, QtCore.Qt.Key_N)
    assert scans(opened) == []


def test_a_list_that_cannot_be_used_is_explained(session: Session, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    session.person.open_section("worklistCollapsibleButton")
    session.application.answer_file(tmp_path / "list.csv")
    session.person.click("openWorklistButton")
    assert "has no column fixed" in session.person.reads("worklistMessageLabel")
    session.application.answer_file("")
    session.person.click("openWorklistButton")
    assert not session.person.sees("worklistTable")
