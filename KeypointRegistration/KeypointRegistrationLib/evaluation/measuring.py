"""Measuring methods on pairs in poses, one row each, into a CSV file from which a stopped run goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from numpy.typing import NDArray

from .methods import Method
from .pairs import Pair, Trial, trial
from .poses import BINS
from .rows import Row, append_structures, read_rows, write_rows


def measured(path: Path, pairs: Sequence[Pair], methods: Sequence[Method], bins: Sequence[int], seed: int) -> list[Row]:
    """All rows of the file ``path``, after the missing ones were measured and added.

    Args:
        bins: numbers of initial rotations (``poses.BINS``).
        seed: of the poses.
    """
    rows = {row.key: row for row in read_rows(path)}
    versions = {method.name: method.version() for method in methods}
    for pair in pairs:
        for number in bins:
            missing = [
                method
                for method in methods
                if (known := rows.get((pair.name, number, method.name, seed))) is None
                or known.version != versions[method.name]
            ]
            if not missing:
                continue
            posed = trial(pair, number, seed)
            for method in missing:
                row = Row(pair.name, number, posed.degrees, method.name, versions[method.name], seed, 0.0, 0.0)
                row = _scored(row, posed, method, path.with_name(f"{path.stem}-structures.csv"))
                rows[row.key] = row
                write_rows(path, list(rows.values()))
                print(_told(row), file=sys.stderr, flush=True)
    return list(rows.values())


def _scored(row: Row, posed: Trial, method: Method, structures: Path) -> Row:
    """The row with scores and times, or with what the method said when it gave up."""
    started, started_cpu = time.perf_counter(), time.process_time()
    matrix: NDArray | None = None
    error = ""
    try:
        matrix = method.align(posed.scans.fixed, posed.scans.moving, posed.pair.kind)
    except RuntimeError as failure:  # how ITK, and with it every peer, reports that it found nothing
        error = " ".join(str(failure).split())[:200]
    row = replace(row, seconds=time.perf_counter() - started, cpu_seconds=time.process_time() - started_cpu, error=error)
    if matrix is None:
        return row
    per_structure = posed.structures(matrix)
    if per_structure:
        append_structures(structures, row, per_structure)
    return replace(row, scores=posed.scores(matrix, per_structure))


def _told(row: Row) -> str:
    scores = {"Dice": row.scores.dice, "corner mm": row.scores.corner_mm}
    told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items() if value is not None) or row.error
    low, high = BINS[row.bin]
    return f"{row.pair}, {low}–{high}°, {row.method}: {told} ({row.seconds:.1f} s)"
