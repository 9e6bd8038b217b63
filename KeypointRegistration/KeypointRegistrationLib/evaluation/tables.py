"""Rows summed up as Markdown, and put into a document between markers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ..geometry.errors import InputError
from .methods import METHODS
from .pairs import BINS
from .rows import Row

#: A rigid alignment fails where the corners of the brain box are further off than this (mm).
RIGID_FAILURE = 5.0

_BASELINE = "centre-of-mass"


def affine_table(rows: Sequence[Row]) -> str:
    """Mean and median Dice and failures per initial rotation.  A failure: Dice below that of the centres of mass."""
    baseline = {(row.pair, row.bin, row.seed): row.scores.dice for row in rows if row.method == _BASELINE}

    def failed(row: Row) -> bool:
        reference = baseline.get((row.pair, row.bin, row.seed))
        return row.scores.dice is None or (reference is not None and row.scores.dice < reference)

    def cell(chosen: Sequence[Row]) -> str:
        dice = [row.scores.dice for row in chosen if row.scores.dice is not None]
        if not dice:
            return f"none ({len(chosen)} failed)"
        return f"{np.mean(dice):.3f} / {np.median(dice):.3f}, {sum(map(failed, chosen))} of {len(chosen)}"

    return _table(rows, "mean / median Dice, failures", cell)


def rigid_table(rows: Sequence[Row]) -> str:
    """Median and worst corner displacement and failures per initial rotation."""

    def cell(chosen: Sequence[Row]) -> str:
        errors = [math.inf if row.scores.corner_mm is None else row.scores.corner_mm for row in chosen]
        failures = sum(error > RIGID_FAILURE for error in errors)
        return f"{np.median(errors):.2f} / {max(errors):.2f}, {failures} of {len(chosen)}"

    return _table(rows, "median / worst corner error (mm), failures", cell)


def _table(rows: Sequence[Row], caption: str, cell: Callable[[Sequence[Row]], str]) -> str:
    head = ["method", *(f"{low}–{high}°" for low, high in BINS), "median s", "median CPU s"]
    lines = [f"Per initial rotation: {caption}.", "", _line(head), _line("---" for _ in head)]
    for method in METHODS.values():
        own = [row for row in rows if row.method == method.name]
        if not own:
            continue
        by_bin = [[row for row in own if row.bin == number] for number in range(len(BINS))]
        times = [f"{np.median([getattr(row, name) for row in own]):.1f}" for name in ("seconds", "cpu_seconds")]
        lines.append(_line([_titled(method.title, own), *(cell(chosen) if chosen else "–" for chosen in by_bin), *times]))
    return "\n".join(lines)


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


def _titled(title: str, rows: Sequence[Row]) -> str:
    versions = sorted({row.version for row in rows} - {"1"})
    return f"{title} ({', '.join(versions)})" if versions else title


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
