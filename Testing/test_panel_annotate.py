"""Rating, commenting and naming in the panel, by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from host.mrml import load_scene, save_scene
from host.settings import QSettings
from KeypointRegistrationLib.files.annotations import read_annotations
from KeypointRegistrationLib.registration.correction import PairChoice
from KeypointRegistrationLib.review.annotation import Rating
from KeypointRegistrationLib.scene.notes.annotations import ANNOTATIONS, annotations_of
from KeypointRegistrationLib.scene.notes.names import names_of
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from panel_session import Session
from PySide6 import QtCore
from PySide6.QtTest import QTest
from samples import sample_registration, sample_volume


@pytest.fixture(autouse=True)
def settings() -> None:
    """Nobody has rated before."""
    QSettings.store.clear()


@pytest.fixture
def rated(session: Session) -> Session:
    """A session with a result, the section open, and a reviewer."""
    add_result(session)
    session.person.open_section("annotateCollapsibleButton")
    session.person.type("reviewerEdit", "Ada")
    return session


def add_result(session: Session) -> SceneRegistration:
    """One more pair of scans, registered; the panel shows it."""
    fixed, moving = (session.add(sample_volume(name, size=12, spacing=12.0)) for name in ("atlas", "brain"))
    result = add_registration(session.scene, fixed, moving, sample_registration())
    session.panel._bench.choose(result)
    session.application.process_events()
    return result


def latest(session: Session) -> SceneRegistration:
    return find_registrations(session.scene)[-1]


def said(session: Session) -> list[tuple[Rating | None, str, str]]:
    return [(entry.rating, entry.reviewer, entry.comment) for entry in annotations_of(latest(session))]


def press(session: Session, key: QtCore.Qt.Key) -> None:
    """Press Alt and a key anywhere in the main window."""
    QTest.keyClick(session.application.main_window, key, QtCore.Qt.AltModifier)
    session.application.process_events()


class TestRating:
    def test_a_click_rates_with_reviewer_and_comment(self, rated: Session) -> None:
        person = rated.person
        assert (person.reads("ratedPairLabel"), person.reads("annotationLabel")) == ("brain → atlas", "Not rated.")
        person.type("ratingCommentEdit", "blurred")
        person.click("acceptableButton")
        assert said(rated)[-1] == (Rating.ACCEPTABLE, "Ada", "blurred")
        assert person.reads("annotationLabel").startswith("Acceptable: Ada, 20")
        assert person.widget("acceptableButton").isChecked() and not person.widget("acceptButton").isChecked()

    def test_a_changed_mind_keeps_the_earlier_rating(self, rated: Session) -> None:
        rated.person.click("acceptButton")
        rated.person.click("rejectButton")
        rated.person.click("rejectButton")
        assert [rating for rating, _, _ in said(rated)] == [Rating.ACCEPT, Rating.REJECT]
        assert rated.person.widget("rejectButton").isChecked()
        assert "Accept: Ada" in rated.person.tool_tip("annotationLabel")

    def test_a_rating_of_an_alignment_that_was_corrected_since_says_so(self, rated: Session) -> None:
        person, editor = rated.person, rated.panel._bench.editor
        person.click("acceptButton")
        assert "before the last correction" not in person.reads("annotationLabel")
        editor.set_choice(3, PairChoice.LEAVE_OUT)
        rated.application.process_events()
        assert person.reads("annotationLabel").endswith("Rated before the last correction.")
        person.type("ratingCommentEdit", "moved a point")
        assert said(rated)[-1] == (None, "Ada", "moved a point")
        person.click("acceptButton")
        assert "before the last correction" not in person.reads("annotationLabel")
        assert [rating for rating, _, _ in said(rated)] == [Rating.ACCEPT, None, Rating.ACCEPT]

    def test_without_a_reviewer_nothing_is_rated_and_the_panel_says_so(self, rated: Session) -> None:
        rated.person.type("reviewerEdit", " ")
        rated.person.click("acceptButton")
        assert "name of the reviewer" in rated.person.reads("annotateMessageLabel")
        assert said(rated) == [] and not rated.person.widget("acceptButton").isChecked()

    def test_the_reviewer_is_remembered_after_a_restart(self, rated: Session) -> None:
        QSettings.restart()
        renewed = Session(rated.application, rated.result, rated.application.reload(rated.panel))
        assert renewed.person.widget("reviewerEdit").text() == "Ada"

    def test_a_comment_on_somebody_elses_rating_is_no_rating(self, rated: Session) -> None:
        rated.person.click("acceptButton")
        rated.person.type("reviewerEdit", "Bo")
        rated.person.type("ratingCommentEdit", "really?")
        assert said(rated) == [(Rating.ACCEPT, "Ada", ""), (None, "Bo", "really?")]
        assert rated.person.widget("acceptButton").isChecked()

    def test_somebody_elses_comment_is_read_but_not_said_again(self, rated: Session) -> None:
        rated.person.type("ratingCommentEdit", "blurred")
        rated.person.click("rejectButton")
        rated.person.type("reviewerEdit", "Bo")
        assert rated.person.reads("ratingCommentEdit") == ""
        assert rated.person.reads("annotationLabel").endswith("blurred")
        rated.person.click("acceptButton")
        assert said(rated)[-1] == (Rating.ACCEPT, "Bo", "")

    def test_a_comment_is_not_lost_for_want_of_a_reviewer(self, rated: Session) -> None:
        rated.person.type("reviewerEdit", "")
        rated.person.type("ratingCommentEdit", "blurred")
        assert said(rated) == [(None, "Ada", "blurred")]

    def test_what_is_being_typed_is_kept_when_the_person_goes_on(self, rated: Session) -> None:
        first = latest(rated)
        edit = rated.person.widget("ratingCommentEdit")
        edit.setFocus()
        QTest.keyClicks(edit, "look again")
        add_result(rated)
        assert annotations_of(first)[-1].comment == "look again"
        assert edit.text() == "" and said(rated) == []
        edit.setFocus()
        QTest.keyClicks(edit, "and here")
        rated.application.leave(rated.panel)
        assert said(rated) == [(None, "Ada", "and here")]

    def test_what_is_being_typed_outlives_changes_of_the_scene(self, rated: Session) -> None:
        edit, name = rated.person.widget("ratingCommentEdit"), rated.person.widget("keypointNameEdit")
        edit.setFocus()
        QTest.keyClicks(edit, "half a sen")
        rated.panel._bench.select(4)
        name.insert(" and mo")
        other = rated.add(sample_volume("other", size=12, spacing=12.0))
        rated.scene.RemoveNode(other)
        rated.application.process_events()
        assert edit.text() == "half a sen" and said(rated) == []
        assert name.text() == "point 5 and mo" and names_of(latest(rated)).names[4] == "point 5"

    def test_the_keyboard_rates_from_anywhere_while_the_panel_is_open(self, rated: Session) -> None:
        press(rated, QtCore.Qt.Key_3)
        assert said(rated) == [(Rating.REJECT, "Ada", "")]
        assert "brain → atlas: Reject: Ada" in rated.application.main_window.statusBar().currentMessage()
        assert "Alt+3" in rated.person.tool_tip("rejectButton")
        rated.application.leave(rated.panel)
        press(rated, QtCore.Qt.Key_1)
        assert len(said(rated)) == 1
        rated.application.enter(rated.panel)
        press(rated, QtCore.Qt.Key_2)
        assert said(rated)[-1][0] is Rating.ACCEPTABLE

    def test_the_keys_of_a_reloaded_panel_are_its_own(self, rated: Session) -> None:
        renewed = Session(rated.application, rated.result, rated.application.reload(rated.panel))
        press(renewed, QtCore.Qt.Key_1)
        assert said(renewed) == [(Rating.ACCEPT, "Ada", "")]

    def test_ratings_come_back_with_the_scene(self, rated: Session, tmp_path: Path) -> None:
        rated.person.click("acceptButton")
        save_scene(rated.scene, tmp_path / "scene.mrb")
        rated.scene.Clear(0)
        rated.application.process_events()
        assert not rated.person.can_click("acceptButton")
        load_scene(rated.scene, tmp_path / "scene.mrb")
        assert rated.person.widget("acceptButton").isChecked()
        assert "Accept: Ada" in rated.person.reads("annotationLabel")

    def test_a_removed_registration_cannot_be_rated(self, rated: Session) -> None:
        result = latest(rated)
        rated.scene.RemoveNode(result.record)
        rated.application.process_events()
        assert not rated.person.can_click("acceptButton")
        press(rated, QtCore.Qt.Key_1)

    def test_damaged_annotations_are_told_and_kept(self, rated: Session) -> None:
        result = latest(rated)
        result.record.SetAttribute(ANNOTATIONS, "[{")
        rated.person.click("acceptButton")
        assert "cannot be read" in rated.person.reads("annotateMessageLabel")
        assert result.record.GetAttribute(ANNOTATIONS) == "[{"


class TestLists:
    def test_annotations_are_exported_and_taken_back(self, rated: Session, tmp_path: Path) -> None:
        rated.person.click("acceptButton")
        rated.application.answer_file(tmp_path / "all")
        rated.person.click("exportAnnotationsButton")
        assert rated.person.reads("annotateMessageLabel").endswith("Registrations in all: 1.")
        (entry,) = read_annotations(tmp_path / "all.csv")
        assert (entry.fixed, entry.rating) == ("atlas", Rating.ACCEPT)
        latest(rated).record.RemoveAttribute(ANNOTATIONS)
        rated.application.answer_file(tmp_path / "all.csv")
        rated.person.click("importAnnotationsButton")
        assert [rating for rating, _, _ in said(rated)] == [Rating.ACCEPT]
        assert rated.person.widget("acceptButton").isChecked()
        rated.application.answer_file(tmp_path / "all.json")
        rated.person.click("exportAnnotationsButton")
        assert len(read_annotations(tmp_path / "all.json")) == 1

    def test_a_file_is_never_replaced_unasked(self, rated: Session, tmp_path: Path) -> None:
        (tmp_path / "all.csv").write_text("mine")
        rated.application.answer_file(tmp_path / "all")
        rated.person.click("exportAnnotationsButton")
        assert "exists" in rated.person.reads("annotateMessageLabel")
        assert (tmp_path / "all.csv").read_text() == "mine"

    def test_a_refused_list_is_explained_and_cancelling_does_nothing(self, rated: Session, tmp_path: Path) -> None:
        for button in ("importAnnotationsButton", "importNamesButton", "exportNamesButton", "exportAnnotationsButton"):
            rated.application.answer_file("")
            rated.person.click(button)
        (tmp_path / "names.csv").write_text("model,version,index,label,name\nknees,1,0,x,y\n")
        for button in ("importAnnotationsButton", "importNamesButton"):
            rated.application.answer_file(tmp_path / "names.csv")
            rated.person.click(button)
            assert str(tmp_path / "names.csv") in rated.person.reads("annotateMessageLabel").replace("\u200b", "")
        assert names_of(latest(rated)).names == names_of(latest(rated)).labels


class TestNames:
    def label(self, session: Session, keypoint: int) -> str:
        return latest(session).moving_points.GetNthControlPointLabel(keypoint)

    def test_the_selected_keypoint_is_renamed(self, rated: Session) -> None:
        assert not rated.person.can_click("keypointNameEdit")
        rated.panel._bench.select(4)
        assert rated.person.reads("keypointNameEdit") == "point 5"
        rated.person.type("keypointNameEdit", "left eye")
        assert self.label(rated, 4) == "left eye"
        rated.person.open_section("keypointsCollapsibleButton")
        assert "L eye" in rated.person.reads_column("keypointTable", 0)
        rated.panel._bench.select(3)
        assert rated.person.reads("keypointNameEdit") == "point 4"
        rated.person.type("keypointNameEdit", "left eye")
        assert "both be called" in rated.person.reads("annotateMessageLabel")
        assert self.label(rated, 3) == "point 4"

    def test_a_name_that_is_being_typed_is_its_keypoints_wherever_the_person_goes(self, rated: Session) -> None:
        first = latest(rated)
        edit = rated.person.widget("keypointNameEdit")
        for keypoint, name in ((4, "left eye"), (5, "right eye")):
            rated.panel._bench.select(keypoint)
            edit.setFocus()
            edit.selectAll()
            QTest.keyClicks(edit, name)
        add_result(rated)
        assert [first.fixed_points.GetNthControlPointLabel(k) for k in (4, 5)] == ["left eye", "right eye"]
        assert self.label(rated, 5) == "right eye" and not rated.person.can_click("keypointNameEdit")

    def test_a_name_from_the_markups_module_shows_in_the_panel(self, rated: Session) -> None:
        rated.panel._bench.select(4)
        latest(rated).fixed_points.SetNthControlPointLabel(4, "left eye")
        assert rated.person.reads("keypointNameEdit") == "left eye"
        assert self.label(rated, 4) == "left eye"
        latest(rated).fixed_points.SetNthControlPointLabel(4, "point 1")
        assert "both be called" in rated.person.reads("annotateMessageLabel")

    def test_names_go_to_another_scene_as_a_list(self, rated: Session, tmp_path: Path) -> None:
        rated.panel._bench.select(4)
        rated.person.type("keypointNameEdit", "left eye")
        rated.application.answer_file(tmp_path / "names.csv")
        rated.person.click("exportNamesButton")
        rated.scene.Clear(0)
        add_result(rated)
        assert self.label(rated, 4) == "point 5"
        rated.application.answer_file(tmp_path / "names.csv")
        rated.person.click("importNamesButton")
        assert self.label(rated, 4) == "left eye"
        assert "imported" in rated.person.reads("annotateMessageLabel")


def test_without_a_result_there_is_nothing_to_rate_or_name(session: Session) -> None:
    session.person.open_section("annotateCollapsibleButton")
    for name in ("acceptButton", "ratingCommentEdit", "keypointNameEdit", "importNamesButton", "exportNamesButton"):
        assert not session.person.can_click(name)
    assert session.person.can_click("exportAnnotationsButton")
