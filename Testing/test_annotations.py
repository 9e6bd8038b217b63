"""Ratings and comments: what they must say, their history, and lists of them in files."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from KeypointRegistrationLib.files.annotations import read_annotations, write_annotations
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.review.annotation import (
    NETWORK_ANSWER,
    AnnotatedRegistration,
    Annotation,
    CorrectionCount,
    Rating,
    current_rating,
    extended,
    merged,
)
from samples import sample_registration

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def said(rating: Rating | None = Rating.ACCEPT, reviewer: str = "Ada", comment: str = "", minutes: int = 0) -> Annotation:
    return Annotation(rating, reviewer, NOON + timedelta(minutes=minutes), comment)


def annotated(identifier: str = "a", *history: Annotation) -> AnnotatedRegistration:
    corrections = CorrectionCount(left_out=2, moved=1, added=3)
    return AnnotatedRegistration.of(identifier, ("atlas", "=brain"), sample_registration(), corrections, history)


def lines_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestAnnotation:
    @pytest.mark.parametrize(
        ("rating", "reviewer", "comment", "words"),
        [
            (Rating.ACCEPT, "  ", "", "name of the reviewer"),
            (None, "Ada", " ", "is empty"),
            (Rating.ACCEPT, "Ada", "x" * 20_000, "too long"),
        ],
    )
    def test_it_says_something_and_whose_it_is(self, rating: Rating, reviewer: str, comment: str, words: str) -> None:
        with pytest.raises(InputError, match=words):
            Annotation(rating, reviewer, NOON, comment)

    def test_its_date_has_a_time_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            Annotation(Rating.ACCEPT, "Ada", datetime(2026, 3, 1))

    def test_a_changed_rating_keeps_the_earlier_one(self) -> None:
        history = extended(extended((), said()), said(Rating.REJECT, minutes=1))
        assert [entry.rating for entry in history] == [Rating.ACCEPT, Rating.REJECT]
        assert current_rating(history) is Rating.REJECT

    def test_saying_the_same_again_adds_nothing(self) -> None:
        history = extended((), said())
        assert extended(history, said(minutes=5)) == history
        assert len(extended(history, said(reviewer="Bo", minutes=5))) == 2

    def test_the_same_rating_of_another_correction_is_a_new_entry(self) -> None:
        first = replace(said(), judged=NETWORK_ANSWER)
        history = extended((first,), replace(said(minutes=5), judged="c0ffee"))
        assert [entry.judged for entry in history] == [NETWORK_ANSWER, "c0ffee"]

    def test_a_later_comment_does_not_take_the_rating_away(self) -> None:
        assert current_rating((said(), said(None, comment="look at the left", minutes=1))) is Rating.ACCEPT

    def test_histories_are_merged_by_date_each_entry_once(self) -> None:
        first, second, third = said(), said(Rating.REJECT, minutes=1), said(Rating.ACCEPTABLE, "Bo", minutes=2)
        assert merged((first, third), (first, second)) == (first, second, third)

    def test_a_list_that_does_not_know_what_was_judged_adds_no_entry(self) -> None:
        known = replace(said(), judged="c0ffee")
        assert merged((known,), (said(), said(minutes=1))) == (known, said(minutes=1))

    @pytest.mark.parametrize(
        ("correction", "count", "corrected"),
        [
            (NETWORK_ANSWER, CorrectionCount(), False),
            ("c0ffee", CorrectionCount(), True),
            ("", CorrectionCount(), False),
            ("", CorrectionCount(moved=1), True),
        ],
    )
    def test_a_correction_that_changes_no_pair_is_one_too(
        self, correction: str, count: CorrectionCount, corrected: bool
    ) -> None:
        assert replace(annotated(), correction=correction, corrections=count).corrected is corrected


class TestFiles:
    @pytest.mark.parametrize("name", ["list.csv", "list.json"])
    def test_what_is_written_is_read(self, tmp_path: Path, name: str) -> None:
        comment = 'blurred, "ghosts"\nand a second line; =1+1'
        history = (
            said(),
            replace(said(Rating.REJECT, "Bo", comment, 3), judged=NETWORK_ANSWER),
            replace(said(None, "Ada", "-3 mm?", 4), judged="c0ffee"),
        )
        registrations = (
            replace(annotated("a", *history), correction="c0ffee"),
            annotated("b"),
            replace(annotated("c", said()), fre=float("inf")),
        )
        write_annotations(tmp_path / name, registrations)
        read = read_annotations(tmp_path / name)
        assert [entry.history for entry in read] == [history, (), (said(),)]
        assert [entry.identifier for entry in read] == ["a", "b", "c"]
        assert read[0].model == registrations[0].model and read[0].corrections == registrations[0].corrections
        assert [entry.correction for entry in read] == ["c0ffee", "", ""]
        assert read[0].fre == pytest.approx(registrations[0].fre, abs=1e-4)
        assert (read[0].fixed, read[0].moving) == ("atlas", "=brain")

    def test_the_table_has_a_line_per_annotation_and_marks_the_one_that_holds(self, tmp_path: Path) -> None:
        write_annotations(tmp_path / "list.csv", [annotated("a", said(), said(Rating.REJECT, minutes=1)), annotated("b")])
        lines = lines_of(tmp_path / "list.csv")
        assert [(line["registration"], line["latest"], line["rating"]) for line in lines] == [
            ("a", "no", "accept"),
            ("a", "yes", "reject"),
            ("b", "", ""),
        ]
        assert lines[0]["date"] == "2026-03-01T12:00:00+00:00"
        assert (lines[0]["pairs_left_out"], lines[0]["pairs_moved"], lines[0]["pairs_added"]) == ("2", "1", "3")
        assert (lines[0]["trust"], lines[0]["transform_type"], lines[0]["model"]) == ("good", "rigid", "brain-affine")

    def test_the_rating_that_holds_is_marked_also_where_a_comment_came_after_it(self, tmp_path: Path) -> None:
        entry = annotated("a", said(Rating.REJECT), said(), said(None, comment="look again", minutes=2))
        write_annotations(tmp_path / "list.csv", [entry])
        marked = [line["rating"] for line in lines_of(tmp_path / "list.csv") if line["latest"] == "yes"]
        assert marked == [entry.rating.value] == ["accept"]

    def test_a_list_says_whether_a_registration_was_corrected(self, tmp_path: Path) -> None:
        entry = replace(annotated("a", said()), correction="c0ffee", corrections=CorrectionCount())
        untouched = replace(entry, identifier="b", correction=NETWORK_ANSWER)
        write_annotations(tmp_path / "list.csv", [entry, untouched])
        write_annotations(tmp_path / "list.json", [entry, untouched])
        assert [line["corrected"] for line in lines_of(tmp_path / "list.csv")] == ["yes", "no"]
        listed = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))["registrations"]
        assert [line["corrected"] for line in listed] == [True, False]

    def test_a_table_without_the_later_columns_is_read(self, tmp_path: Path) -> None:
        write_annotations(tmp_path / "list.csv", [annotated("a", said())])
        later = ("corrected", "correction", "judged")
        lines = [
            {name: cell for name, cell in line.items() if name not in later} for line in lines_of(tmp_path / "list.csv")
        ]
        with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
        (entry,) = read_annotations(tmp_path / "list.csv")
        assert entry.history == (said(),) and entry.correction == "" and entry.corrected

    def test_quotes_that_were_typed_are_not_lost(self, tmp_path: Path) -> None:
        comments = ["'=x", "'+1", "'-1", "'@x", "''=x", "'plain'", "=x"]
        write_annotations(tmp_path / "list.csv", [annotated("a", *(said(comment=text) for text in comments))])
        (entry,) = read_annotations(tmp_path / "list.csv")
        assert [said.comment for said in entry.history] == comments

    def test_no_cell_is_a_formula(self, tmp_path: Path) -> None:
        comments = ["=1+1", "+1", "-1", "@x", "\tx"]
        write_annotations(tmp_path / "list.csv", [annotated("a", *(said(comment=text) for text in comments))])
        with (tmp_path / "list.csv").open(encoding="utf-8", newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]

    def test_the_json_is_strict_and_nests_the_history(self, tmp_path: Path) -> None:
        write_annotations(tmp_path / "list.json", [replace(annotated("a", said()), fre=float("nan"))])
        (entry,) = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))["registrations"]
        assert entry["fre_mm"] is None and entry["rating"] == "accept" and len(entry["history"]) == 1

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("list.json", "{", "damaged in line 1"),
            ("list.json", "[]", "not a list of annotations"),
            ("list.json", '{"format": 9, "registrations": []}', "another version"),
            ("list.json", '{"format": 1, "registrations": [{}]}', "entry 1 cannot be used: it lacks 'identifier'"),
            ("list.json", '{"format": 1, "registrations": [7]}', "entry 1 cannot be used"),
            ("list.csv", "fixed,moving\na,b\n", "has no column registration"),
        ],
    )
    def test_another_or_a_damaged_file_is_refused(self, tmp_path: Path, name: str, text: str, words: str) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=words):
            read_annotations(tmp_path / name)

    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ("accept", "splendid", "line 2 cannot be used: the rating is “splendid”, not one of: accept"),
            ("2026-03-01T12:00:00+00:00", "yesterday", "the date “yesterday” is not"),
            (",good,", ",perfect,", "the trust is “perfect”"),
            (",2,1,3,", ",two,1,3,", "line 2 cannot be used"),
            (",Ada,", ",,", "name of the reviewer"),
        ],
    )
    def test_a_line_that_was_damaged_is_named(self, tmp_path: Path, before: str, after: str, words: str) -> None:
        path = tmp_path / "list.csv"
        write_annotations(path, [annotated("a", said())])
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")
        with pytest.raises(InputError, match=words):
            read_annotations(path)
