"""``benchmark affine|rigid|cost|warm``: measure this module and its peers on the same pairs, in the same run.

Rows are kept in a CSV file in the output folder: a stopped benchmark continues where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from numpy.typing import NDArray

from ..geometry.errors import InputError
from . import cost, warm
from .methods import METHODS, Method
from .pairs import BINS, Pair, Trial, across_contrasts, between_people, trial
from .rows import Row, read_rows, write_rows
from .tables import affine_table, cost_table, put_into, rigid_table

_REPOSITORY = Path(__file__).resolve().parents[3]
_DATA = _REPOSITORY.parent / "shared" / "data"  # where developers keep the scans, which are not part of the repository
_DOCUMENT = _REPOSITORY / "docs" / "benchmarks.md"

#: Three whole heads of about 256³ voxels: the fixed one, and two that are registered to it.
_WARM = ("omega_t1/sub-0002_T1.nii.gz", "omega_t1/sub-0003_T1.nii.gz", "s1_t1_epi/S1_T1.nii.gz")

_PAIRS: dict[str, Callable[[Path], list[Pair]]] = {"affine": between_people, "rigid": across_contrasts}
_TABLES: dict[str, Callable[[Sequence[Row]], str]] = {"affine": affine_table, "rigid": rigid_table}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "what",
        choices=[*_PAIRS, "cost", "warm"],
        help="affine: different people; rigid: one person across contrasts; cost: seconds and memory of one 256³ pair; "
        "warm: what a kept worker process saves",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the CSV file and the table")
    parser.add_argument(
        "--data",
        type=Path,
        default=_DATA if _DATA.is_dir() else None,
        metavar="DIR",
        help="folder of the scans (default: ../shared/data beside the repository, where that exists)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random poses (default: %(default)s)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most this many pairs per initial rotation")
    parser.add_argument(
        "--methods", nargs="+", choices=list(METHODS), default=list(METHODS), metavar="NAME", help=f"of {', '.join(METHODS)}"
    )
    parser.add_argument(
        "--document",
        type=Path,
        nargs="?",
        const=_DOCUMENT,
        metavar="FILE",
        help="also put the table into a document, between its markers (default: docs/benchmarks.md)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure what is not measured yet, then write and print the table.  Returns the exit status.

    Raises:
        InputError: if the scans are missing, or the output folder or document cannot be used.
    """
    if arguments.data is None:
        raise InputError("Give the folder of the scans with --data. docs/benchmarks.md says which scans are measured.")
    if not arguments.data.is_dir():
        raise InputError(f"There is no folder {arguments.data} with the scans. Give it with --data.")
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{arguments.output} cannot be used for the results: {error.strerror}.") from error
    if arguments.what == "cost":
        scans = [arguments.data / "omega_t1" / f"sub-000{number}_T1.nii.gz" for number in (2, 3)]
        table = cost_table(cost.measure(*scans))
    elif arguments.what == "warm":
        table = cost_table(warm.measure(*(arguments.data / scan for scan in _WARM)))
    else:
        rows = _measured(arguments, arguments.output / f"{arguments.what}.csv")
        table = _TABLES[arguments.what](rows)
    (arguments.output / f"{arguments.what}.md").write_text(table + "\n", encoding="utf-8")
    print(table)
    if arguments.document is not None:
        put_into(arguments.document, arguments.what, table)
    return 0


def _measured(arguments: argparse.Namespace, path: Path) -> list[Row]:
    """All rows of the file, after the missing ones among those asked for were measured and added."""
    rows = {row.key: row for row in read_rows(path)}
    methods = [METHODS[name] for name in arguments.methods]
    versions = {method.name: method.version() for method in methods}
    for pair in _PAIRS[arguments.what](arguments.data)[: arguments.limit]:
        for number in range(len(BINS)):
            missing = [
                method
                for method in methods
                if (known := rows.get((pair.name, number, method.name, arguments.seed))) is None
                or known.version != versions[method.name]
            ]
            if not missing:
                continue
            posed = trial(pair, number, arguments.seed)
            for method in missing:
                row = Row(pair.name, number, posed.degrees, method.name, versions[method.name], arguments.seed, 0.0, 0.0)
                row = _scored(row, posed, method)
                rows[row.key] = row
                write_rows(path, list(rows.values()))
                print(_told(row), file=sys.stderr, flush=True)
    return list(rows.values())


def _scored(row: Row, posed: Trial, method: Method) -> Row:
    """The row with scores and times, or with what the method said when it gave up."""
    started, started_cpu = time.perf_counter(), time.process_time()
    matrix: NDArray | None = None
    error = ""
    try:
        matrix = method.align(posed.fixed, posed.moving, posed.pair.kind)
    except RuntimeError as failure:  # how ITK, and with it every peer, reports that it found nothing
        error = " ".join(str(failure).split())[:200]
    row = replace(row, seconds=time.perf_counter() - started, cpu_seconds=time.process_time() - started_cpu, error=error)
    return row if matrix is None else replace(row, scores=posed.scores(matrix))


def _told(row: Row) -> str:
    scores = {"Dice": row.scores.dice, "corner mm": row.scores.corner_mm}
    told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items() if value is not None) or row.error
    low, high = BINS[row.bin]
    return f"{row.pair}, {low}–{high}°, {row.method}: {told} ({row.seconds:.1f} s)"
