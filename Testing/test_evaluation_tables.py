"""What was measured, kept in rows and told in tables."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import pytest
from KeypointRegistrationLib.evaluation.metrics import (
    Scores,
)
from KeypointRegistrationLib.evaluation.paired import compare
from KeypointRegistrationLib.evaluation.rows import Row, read_rows, write_rows
from KeypointRegistrationLib.evaluation.tables import cost_table, grouped, label_tables, motion_tables, put_into
from KeypointRegistrationLib.evaluation.tasks import TASKS
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType

RIGID, AFFINE = TransformType.RIGID, TransformType.AFFINE


def row(method: str, number: int = 0, pair: str = "b to a", **scores: float) -> Row:
    return Row(pair, number, 12.5, method, "1", 0, 3.25, 6.5, Scores(**scores))


def test_rows_survive_the_file(tmp_path):
    rows = [row("ants", dice=0.5), row("ours", 2, corner_mm=0.31, rotation_deg=0.2, centroid_mm=0.1)]
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert read_rows(tmp_path / "none.csv") == []


def test_rows_of_an_older_file_are_read_without_the_scores_it_has_not(tmp_path):
    write_rows(tmp_path / "rows.csv", [row("ants", dice=0.5)])
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    keep = lines[0].split(",").index("hd95_mm")
    (tmp_path / "old.csv").write_text("\n".join(",".join(line.split(",")[:keep]) for line in lines) + "\n")
    assert read_rows(tmp_path / "old.csv") == [row("ants", dice=0.5)]


def test_a_file_that_is_no_such_table_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("name,age\nAnna,7\n")
    with pytest.raises(InputError, match="not a table of this benchmark"):
        read_rows(tmp_path / "rows.csv")


def first_table(text: str) -> list[str]:
    """The lines of the first table in a text."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    return list(takewhile(lambda line: line.startswith("|"), lines[start:]))


def test_a_failure_is_a_dice_below_the_best_of_the_centres_of_mass_of_the_same_pair():
    rows = [row("centre-of-mass", dice=0.3), row("ours", dice=0.6), row("ants", dice=0.2), row("elastix")]
    rows += [row("centre-of-mass", 1, dice=0.1), row("ants", 1, dice=0.4)]
    rows += [row("elastix", 2, dice=0.2), row("centre-of-mass", 2, pair="c to a", dice=0.9)]
    lines = {line.split("|")[1].strip(): line for line in first_table(label_tables(rows))}
    assert "0.600 / 0.600, 0 of 1" in lines["ours"]
    assert "0.200 / 0.200, 1 of 1 | 0.400 / 0.400, 0 of 1 | – | – |" in lines["ANTs"]
    assert "none (1 failed)" in lines["elastix"]
    assert "3.2 | 6.5 |" in lines["ours"]


def test_rigid_table_tells_median_worst_and_failures():
    rows = [row("ours", pair=name, corner_mm=error) for name, error in (("a", 0.2), ("b", 0.4), ("c", 9.0))]
    assert "0.40 / 9.00, 1 of 3" in motion_tables(rows)
    assert "inf, 1 of 1" in motion_tables([row("ants")])


def test_all_rotations_together_tell_success_and_only_scores_that_every_row_has():
    rows = [row("ours", number, corner_mm=error, rotation_deg=0.5) for number, error in ((0, 1.0), (1, 2.0), (2, 3.0))]
    rows += [row("ours", 3, corner_mm=50.0), row("ants", corner_mm=1.0), replace(row("ants", 1), error="gave up")]
    lines = {line.split("|")[1].strip(): line for line in motion_tables(rows).splitlines() if "%" in line}
    assert lines["ours"] == "| ours | 4 | 75 % | – | – | 2.500 | – | – |"
    assert lines["ANTs"] == "| ANTs | 2 | 50 % | – | – | 1.000 | – | – |"


def test_ours_is_compared_with_ants_pair_by_pair():
    rows = [row("ants", pair=str(number), dice=0.5 + 0.01 * number) for number in range(10)]
    rows += [row("ours", pair=str(number), dice=0.522 + 0.011 * number) for number in range(10)]
    rows += [row("ours", pair="alone", dice=0.9), row("ants", pair="failed"), row("ours", pair="failed", dice=0.9)]
    found = compare(rows, "ours", "ants", "dice")
    assert (found.count, found.median) == (10, pytest.approx(0.0265))
    assert found.p == pytest.approx(2 / 2**10)  # all of one sign: the exact probability
    assert re.search(r"\| ours \| 0–15° \| 10 \| \+0\.02[67] \| 0\.002 \|", label_tables(rows))
    assert compare(rows, "ours", "elastix", "dice") is None
    assert compare([*rows[:3], *(replace(r, method="ours") for r in rows[:3])], "ours", "ants", "dice").p == 1


def test_groups_of_pairs_have_tables_of_their_own():
    rows = [row("ours", pair="a", dice=0.5), row("ours", pair="b", dice=0.7)]
    text = grouped(rows, {"a": "within", "b": "across"}, label_tables)
    within, across = text.split("*Across*")
    assert within.startswith("*Within*")
    assert "0.500 / 0.500" in within
    assert "0.700 / 0.700" in across
    assert grouped(rows, {"a": "", "b": ""}, label_tables) == label_tables(rows)


def test_cost_table_has_a_column_per_run():
    table = cost_table([{"run": "without", "detect (s)": 1.25}, {"run": "with", "detect (s)": 1.5, "refine (s)": 7.0}])
    assert table.splitlines()[0] == "|  | without | with |"
    assert "| refine (s) | – | 7.0 |" in table


def test_a_table_replaces_only_what_stands_between_its_markers(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- begin affine -->\nold\n<!-- end affine -->\nafter\n")
    for text in ("new", "newer"):
        put_into(document, "affine", text)
    assert document.read_text() == "before\n<!-- begin affine -->\n\nnewer\n\n<!-- end affine -->\nafter\n"
    with pytest.raises(InputError, match="begin rigid"):
        put_into(document, "rigid", "table")
    with pytest.raises(InputError, match="no place"):
        put_into(tmp_path / "absent.md", "affine", "table")


def test_the_page_in_the_repository_has_a_place_for_every_table(tmp_path):
    page = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    names = [*TASKS, "cost", "warm"]
    for name in names:
        put_into(copy, name, "a table of this test")
    assert copy.read_text(encoding="utf-8").count("a table of this test") == len(names)
