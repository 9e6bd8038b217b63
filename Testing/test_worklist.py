"""Worklists: files as people write them, and how far the work on them has come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from KeypointRegistrationLib.files.worklist import read_worklist
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.review.annotation import Rating
from KeypointRegistrationLib.review.worklist import Worklist, WorklistRow
from KeypointRegistrationLib.review.worklist_state import (
    RowState,
    RowStatus,
    WorklistState,
    from_text,
    next_row,
    to_text,
)
from test_annotations import annotated, said


def written(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


class TestFile:
    def test_files_are_relative_to_the_list_or_absolute(self, tmp_path: Path) -> None:
        elsewhere = tmp_path.parent / "elsewhere.nii.gz"
        worklist = read_worklist(written(tmp_path, f"fixed,moving\nscans/a.nii,{elsewhere}\n"))
        assert worklist.rows == (WorklistRow(str(tmp_path / "scans" / "a.nii"), str(elsewhere)),)
        assert worklist.source == str(tmp_path / "list.csv")

    def test_a_list_written_under_windows_is_understood(self, tmp_path: Path) -> None:
        worklist = read_worklist(written(tmp_path, "fixed,moving\r\nscans\\a.nii,scans\\b.nii\r\n"))
        assert worklist.rows[0].fixed == str(tmp_path / "scans" / "a.nii")

    def test_everything_else_that_is_known_of_a_pair_is_kept(self, tmp_path: Path) -> None:
        text = "ID;Moving;Fixed;fixed_mask;moving_mask;Comment;age\n07;m.nii;f.nii;fm.nii;;after surgery;61\n"
        (row,) = read_worklist(written(tmp_path, text)).rows
        assert (row.identifier, row.comment, row.moving_mask) == ("07", "after surgery", "")
        assert row.fixed_mask == str(tmp_path / "fm.nii")
        assert row.title == "07: m.nii → f.nii"

    def test_broken_rows_are_named_with_line_and_reason_and_the_others_stay(self, tmp_path: Path) -> None:
        lines = [
            "fixed,moving,id",
            "a.nii,b.nii,1",
            ",b.nii,2",
            "",
            "a.nii",
            "c.nii,c.nii,4",
            "a.nii,d.nii,1",
            "a.nii,d.nii,6",
        ]
        worklist = read_worklist(written(tmp_path, "\n".join(lines)))
        assert [row.identifier for row in worklist.rows] == ["1", "6"]
        assert [(row.line, row.reason) for row in worklist.broken] == [
            (3, "The fixed scan is missing."),
            (5, "The moving scan is missing."),
            (6, "Fixed and moving are the same file."),
            (7, "The id 1 is in line 2 already."),
        ]

    def test_the_same_pair_twice_is_a_mistake_unless_it_has_ids(self, tmp_path: Path) -> None:
        worklist = read_worklist(written(tmp_path, "fixed,moving\na.nii,b.nii\na.nii,b.nii\nb.nii,a.nii\n"))
        assert [(row.line, row.reason) for row in worklist.broken] == [(3, "The same pair is in line 2 already.")]
        assert len(worklist.rows) == 2

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is empty"),
            ("fixed,moving\n", "lists no pair"),
            ("a.nii,b.nii\n", "has no column fixed and no column moving"),
            ("fixed,scan\na,b\n", "has no column moving"),
            ('fixed,moving\n"a.nii,b.nii\n', "cannot be taken apart"),
        ],
    )
    def test_a_file_without_pairs_is_refused(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(InputError, match=words):
            read_worklist(written(tmp_path, text))


ROWS = (WorklistRow("/f1", "/m1", "first"), WorklistRow("/f2", "/m2"))


class TestState:
    def test_it_comes_back_from_its_text(self) -> None:
        state = WorklistState(Worklist("/list.csv", ROWS), ROWS[1].key)
        state = state.having(ROWS[0], RowState("lost", (annotated("a", said(comment="line\nbreak")),)))
        assert from_text(to_text(state)) == state

    @pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1}'])
    def test_another_text_is_no_state(self, text: str) -> None:
        with pytest.raises(ValueError):
            from_text(text)

    def test_a_row_is_open_then_failed_or_registered_then_rated(self) -> None:
        state = RowState()
        assert state.status is RowStatus.OPEN
        assert replace(state, problem="no file").status is RowStatus.FAILED
        state = state.having(annotated("a"))
        assert state.status is RowStatus.REGISTERED
        state = state.having(annotated("a", said(Rating.REJECT)))
        assert (state.status, state.rating, len(state.registrations)) == (RowStatus.RATED, Rating.REJECT, 1)

    def test_an_edited_list_keeps_the_place_and_what_was_done(self) -> None:
        state = WorklistState(Worklist("/list.csv", ROWS), ROWS[1].key)
        state = state.having(ROWS[0], RowState(registrations=(annotated("a", said()),)))
        new = WorklistRow("/f0", "/m0")
        edited = state.reopened(Worklist("/list.csv", (new, ROWS[1])))
        assert edited.position == 1
        assert edited.of(new) == RowState()
        again = edited.reopened(Worklist("/list.csv", ROWS))
        assert again.of(ROWS[0]).rating is Rating.ACCEPT

    def test_a_row_that_names_other_scans_is_open_and_what_was_said_of_the_others_stays(self) -> None:
        state = WorklistState(Worklist("/list.csv", ROWS), ROWS[0].key)
        state = state.having(ROWS[0], RowState(registrations=(annotated("a", said()),)))
        other = replace(ROWS[0], moving="/m3")
        edited = state.reopened(Worklist("/list.csv", (other, ROWS[1])))
        assert edited.of(other).status is RowStatus.OPEN and edited.position is None
        back = edited.having(other, RowState("lost")).reopened(Worklist("/list.csv", ROWS))
        assert back.of(ROWS[0]).rating is Rating.ACCEPT

    def test_other_masks_or_comments_leave_a_row_as_it_is(self) -> None:
        state = WorklistState(Worklist("/list.csv", ROWS)).having(ROWS[0], RowState("lost"))
        assert state.of(replace(ROWS[0], fixed_mask="/mask", comment="new")).problem == "lost"

    def test_a_text_is_taken_apart_only_once(self) -> None:
        text = to_text(WorklistState(Worklist("/list.csv", ROWS)))
        assert from_text(text) is from_text("".join(list(text)))

    @pytest.mark.parametrize(
        ("done", "position", "following"),
        [
            ([False, False], None, 0),
            ([True, False, False], 1, 2),
            ([False, True, True], 1, 0),
            ([True, True, False], 2, 2),
            ([True, True], 0, None),
            ([], None, None),
        ],
    )
    def test_the_next_unrated_row_is_looked_for_forwards_and_then_from_the_beginning(
        self, done: list[bool], position: int | None, following: int | None
    ) -> None:
        assert next_row(done, position) == following
