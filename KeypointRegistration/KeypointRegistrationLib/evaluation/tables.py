"""Benchmark rows as Markdown tables, and these tables in a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Rows = Sequence[dict[str, str]]

_SUCCESS = 5.0  # mm


def affine_table(rows: Rows) -> str:
    """Mean Dice, failures (below the centre-of-mass Dice of the same pair) and time relative to ANTs, per rotation bin."""
    baseline = {(row["pair"], row["bin"]): float(row["dice"]) for row in rows if row["method"] == "centre of mass"}

    def cell(group: Rows) -> str:
        dice = np.array([float(row["dice"]) for row in group])
        failures = sum(float(row["dice"]) < baseline.get((row["pair"], row["bin"]), 0.0) for row in group)
        return f"{dice.mean():.3f} (worst {dice.min():.3f}, {failures} failed)"

    return _table(rows, cell, "mean Dice, worst pair, failures")


def rigid_table(rows: Rows) -> str:
    """Median and 90th percentile of the corner error, successes below 5 mm, and time relative to ANTs, per rotation bin."""

    def cell(group: Rows) -> str:
        errors = np.array([float(row["corner_mm"]) for row in group])
        successes = np.count_nonzero(errors < _SUCCESS)
        return f"{np.median(errors):.2f} / {np.quantile(errors, 0.9):.2f} mm ({successes} of {len(errors)})"

    return _table(rows, cell, "corner error: median / 90th percentile (below 5 mm)")


def cost_table(rows: Rows) -> str:
    """One line per stage or program."""
    header = "| what | seconds | share of ANTs affine | peak memory |\n| --- | --- | --- | --- |\n"
    lines = [f"| {row['what']} | {row['seconds']} | {row['ratio']} | {row['memory']} |" for row in rows]
    return header + "\n".join(lines) + "\n"


def replace_section(document: Path, name: str, table: str) -> None:
    """Replace what lies between ``<!-- name -->`` and ``<!-- /name -->`` in a document."""
    text = document.read_text(encoding="utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, after = text.split(start)[0], text.split(end)[1]
    document.write_text(f"{before}{start}\n{table}\n{end}{after}", encoding="utf-8")


def _table(rows: Rows, cell: Callable[[Rows], str], title: str) -> str:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    bins = list(dict.fromkeys(row["bin"] for row in rows))
    seconds = {m: np.median([float(row["seconds"]) for row in rows if row["method"] == m]) for m in methods}
    lines = [f"| {title} | " + " | ".join(bins) + " | time |", "| --- |" + " --- |" * (len(bins) + 1)]
    for method in methods:
        groups = ([row for row in rows if row["method"] == method and row["bin"] == b] for b in bins)
        cells = [cell(group) if group else "–" for group in groups]
        share = f"{seconds[method] / seconds['ANTs']:.2f} × ANTs" if "ANTs" in seconds else f"{seconds[method]:.1f} s"
        lines.append(f"| {method} | " + " | ".join(cells) + f" | {share} |")
    pairs = len({row["pair"] for row in rows})
    return "\n".join(lines) + f"\n\n{pairs} pairs in each bin.\n"
