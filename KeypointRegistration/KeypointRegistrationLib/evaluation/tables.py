"""Rows summed up as Markdown, and put into a document between markers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ..geometry.errors import InputError
from .methods import NAMES, title_of
from .metrics import RIGID_FAILURE
from .paired import compare
from .poses import BINS
from .rows import Row

_BASELINE = "centre-of-mass"
_REFERENCE = "ants"

#: Column of the summary over all rotations → score.
_LABEL_SUMMARY = {"mean Dice": "dice", "mean HD95 (mm)": "hd95_mm"}
_MOTION_SUMMARY = {
    "rotation (°)": "rotation_deg",
    "at the centroid (mm)": "centroid_mm",
    "corners (mm)": "corner_mm",
    "EquiTrack's Euler angles (°)": "equitrack_euler_deg",
    "EquiTrack's translation (voxels)": "equitrack_shift_voxels",
}


def label_tables(rows: Sequence[Row]) -> str:
    """Different people: Dice and failures per initial rotation, all rotations together, and ours against ANTs.

    A failure: Dice below the best that the centres of mass alone reach for the same pair in any of the rotations.
    """
    floor: dict[str, float] = {}
    for row in rows:
        if row.method == _BASELINE and row.scores.dice is not None:
            floor[row.pair] = max(floor.get(row.pair, 0.0), row.scores.dice)

    def failed(row: Row) -> bool:
        return row.scores.dice is None or row.scores.dice < floor.get(row.pair, 0.0)

    def cell(chosen: Sequence[Row]) -> str:
        dice = [row.scores.dice for row in chosen if row.scores.dice is not None]
        if not dice:
            return f"none ({len(chosen)} failed)"
        return f"{np.mean(dice):.3f} / {np.median(dice):.3f}, {sum(map(failed, chosen))} of {len(chosen)}"

    parts = [
        _per_rotation(rows, "mean / median Dice, failures", cell),
        _summary(rows, "means", _LABEL_SUMMARY, np.mean, failed),
        _comparisons(rows, "dice", "Dice"),
    ]
    return "\n\n".join(filter(None, parts))


def motion_tables(rows: Sequence[Row]) -> str:
    """Known motion: corner displacement and failures per initial rotation, all rotations together, and ours against ANTs.

    A failure: corners further off than 5 mm.
    """

    def failed(row: Row) -> bool:
        return row.scores.corner_mm is None or row.scores.corner_mm > RIGID_FAILURE

    def cell(chosen: Sequence[Row]) -> str:
        errors = [math.inf if row.scores.corner_mm is None else row.scores.corner_mm for row in chosen]
        return f"{np.median(errors):.2f} / {max(errors):.2f}, {sum(map(failed, chosen))} of {len(chosen)}"

    parts = [
        _per_rotation(rows, "median / worst corner error (mm), failures", cell),
        _summary(rows, "medians", _MOTION_SUMMARY, np.median, failed),
        _comparisons(rows, "corner_mm", "corner error (mm)"),
    ]
    return "\n\n".join(filter(None, parts))


def grouped(rows: Sequence[Row], groups: dict[str, str], table: Callable[[Sequence[Row]], str]) -> str:
    """``table`` once per group of pairs; ``groups`` says of each pair, by name, which it is in."""
    titles = list(dict.fromkeys(groups.values()))
    if len(titles) < 2:
        return table(rows)
    parts = [(title, [row for row in rows if groups.get(row.pair) == title]) for title in titles]
    return "\n\n".join(f"*{title[0].upper()}{title[1:]}*\n\n{table(chosen)}" for title, chosen in parts if chosen)


def _by_method(rows: Sequence[Row]) -> Iterable[tuple[str, list[Row]]]:
    """Rows of each method in the order of the tables; ours with other models follow ours with the usual one."""
    places = {name: place for place, name in enumerate(NAMES)}
    found = {row.method for row in rows if row.method.partition(":")[0] in places}
    for name in sorted(found, key=lambda name: (":" in name, name.partition(":")[2], places[name.partition(":")[0]])):
        yield name, [row for row in rows if row.method == name]


def _per_rotation(rows: Sequence[Row], caption: str, cell: Callable[[Sequence[Row]], str]) -> str:
    head = ["method", *(f"{low}–{high}°" for low, high in BINS), "median s", "median CPU s"]
    lines = [f"Per initial rotation: {caption}.", "", _line(head), _line("---" for _ in head)]
    for name, own in _by_method(rows):
        by_bin = [[row for row in own if row.bin == number] for number in range(len(BINS))]
        times = [f"{np.median([getattr(row, kind) for row in own]):.1f}" for kind in ("seconds", "cpu_seconds")]
        lines.append(_line([_titled(name, own), *(cell(chosen) if chosen else "–" for chosen in by_bin), *times]))
    return "\n".join(lines)


def _summary(
    rows: Sequence[Row],
    caption: str,
    columns: dict[str, str],
    average: Callable[[Sequence[float]], float],
    failed: Callable[[Row], bool],
) -> str:
    """All rotations together.  A score that some of a method's rows were measured without is not summed up."""

    def cell(own: Sequence[Row], score: str) -> str:
        values = [getattr(row.scores, score) for row in own if not row.error]
        return "–" if not values or None in values else f"{average(values):.3f}"

    head = ["method", "n", "success", *columns]
    lines = [f"All rotations: {caption}, of those that ended.", "", _line(head), _line("---" for _ in head)]
    for name, own in _by_method(rows):
        success = 100 * (1 - sum(map(failed, own)) / len(own))
        lines.append(
            _line([title_of(name), len(own), f"{success:.0f} %", *(cell(own, column) for column in columns.values())])
        )
    return "\n".join(lines)


def _comparisons(rows: Sequence[Row], score: str, words: str) -> str:
    """Ours against ANTs over pairs, per initial rotation and over all; empty where there is nothing to compare."""
    lines = []
    for name, _ in _by_method(rows):
        if name.partition(":")[0] != "ours":
            continue
        parts = [(f"{low}–{high}°", [row for row in rows if row.bin == number]) for number, (low, high) in enumerate(BINS)]
        for place, chosen in [*parts, ("all", list(rows))]:
            found = compare(chosen, name, _REFERENCE, score)
            if found is not None:
                lines.append(_line([title_of(name), place, found.count, f"{found.median:+.3f}", _probability(found.p)]))
    if not lines:
        return ""
    head = ["method", "initial rotation", "n", "median difference", "p"]
    caption = f"Against {title_of(_REFERENCE)}: {words}, paired over pairs and poses, two-sided Wilcoxon signed-rank test."
    return "\n".join([caption, "", _line(head), _line("---" for _ in head), *lines])


def _probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def cost_table(costs: Sequence[dict[str, float | str]]) -> str:
    """Seconds per stage and peak memory; one column per run, as ``cost.measure`` returns them."""
    names = list(dict.fromkeys(name for cost in costs for name in cost))
    head = ["", *(str(cost["run"]) for cost in costs)]
    lines = [_line(head), _line("---" for _ in head)]
    for name in names:
        if name != "run":
            values = [cost.get(name, "–") for cost in costs]
            lines.append(_line([name, *(_number(value) for value in values)]))
    return "\n".join(lines)


def _number(value: float | str) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1f}" if value >= 1 or value == 0 else f"{value:.2f}"


def put_into(document: Path, name: str, text: str) -> None:
    """Replace what stands in ``document`` between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.

    Raises:
        InputError: if the document does not exist or lacks the markers.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    content = document.read_text(encoding="utf-8") if document.is_file() else ""
    if content.count(begin) != 1 or content.count(end) != 1 or content.index(begin) > content.index(end):
        raise InputError(f"{document} has no place for the table: it needs the lines {begin} and {end}.")
    before, rest = content.split(begin)
    after = rest.split(end)[1]
    document.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def _titled(name: str, rows: Sequence[Row]) -> str:
    versions = sorted({row.version for row in rows} - {"1"})
    return f"{title_of(name)} ({', '.join(versions)})" if versions else title_of(name)


def _line(cells: Iterable[str | int]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
