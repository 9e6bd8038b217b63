"""``benchmark affine|rigid|cost``: register real pairs by every method, write rows, and put tables into the documents."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from ..geometry.errors import InputError
from ..geometry.transforms import TransformType, invert
from ..geometry.volume import Volume
from .cases import Case, affine_cases, rigid_cases
from .cost import measure_cost
from .methods import METHODS
from .metrics import box_corners, mean_dice, motion_error
from .tables import affine_table, cost_table, replace_section, rigid_table

_SMALLEST_REGION = 3000.0  # mm³: the larger regions, whose Dice does not hang on single voxels
_KEY = ("pair", "bin", "method")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("task", choices=("affine", "rigid", "cost"), help="what to measure")
    parser.add_argument("--data", type=Path, required=True, help="folder of the real scans")
    parser.add_argument("--output", type=Path, required=True, help="folder for the rows; rows already there are kept")
    parser.add_argument("--seed", type=int, default=1, help="of the random poses (default: 1)")
    parser.add_argument("--limit", type=int, help="only the first pairs")
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS), help="only these methods")
    parser.add_argument("--document", type=Path, help="Markdown file whose section of this task is replaced by the table")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table, and write it into the document if there is one.

    Raises:
        InputError: if the scans are not where they were said to be.
    """
    if not arguments.data.is_dir():
        raise InputError(f"{arguments.data} is not a folder. Name the folder with the benchmark's scans.")
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.task == "cost":
        table = cost_table(measure_cost(arguments.data, arguments.output))
    elif arguments.task == "affine":
        table = affine_table(_rows(arguments, affine_cases(arguments.data, arguments.seed, arguments.limit), _overlap))
    else:
        table = rigid_table(_rows(arguments, rigid_cases(arguments.data, arguments.seed, arguments.limit), _motion))
    print(table)
    if arguments.document is not None:
        replace_section(arguments.document, arguments.task, table)
    return 0


def _rows(arguments: argparse.Namespace, cases: Iterable[Case], measure) -> list[dict[str, str]]:
    """One row a case and method, measured now or read from an earlier, interrupted run with the same seed."""
    path = arguments.output / f"{arguments.task}-{arguments.seed}.csv"
    rows = _read(path)
    done = {tuple(row[key] for key in _KEY) for row in rows}
    kind = TransformType.AFFINE if arguments.task == "affine" else TransformType.RIGID
    for case, name in _todo(cases, arguments.methods, done):
        start = perf_counter()
        matrix = METHODS[name](case.fixed, case.moving, kind)
        seconds = perf_counter() - start
        row = {"pair": case.name, "bin": case.rotation_bin, "method": name, **measure(case, matrix)}
        row["seconds"] = f"{seconds:.2f}"
        _append(path, row)
        rows.append(row)
        print("  ".join(row.values()), file=sys.stderr, flush=True)
    return [row for row in rows if row["method"] in arguments.methods]


def _todo(cases: Iterable[Case], methods: list[str], done: set[tuple[str, ...]]) -> Iterator[tuple[Case, str]]:
    for case in cases:
        for name in methods:
            if (case.name, case.rotation_bin, name) not in done:
                yield case, name


def _overlap(case: Case, matrix: np.ndarray) -> dict[str, str]:
    assert case.fixed_labels is not None
    assert case.moving_labels is not None
    return {"dice": f"{mean_dice(case.fixed_labels, case.moving_labels, matrix, _SMALLEST_REGION):.4f}"}


def _motion(case: Case, matrix: np.ndarray) -> dict[str, str]:
    brain = Volume((case.fixed.voxels > 0).astype(np.uint8), case.fixed.ijk_to_ras, case.fixed.name)
    error = motion_error(matrix, invert(case.pose), box_corners(brain))
    return {
        "corner_mm": f"{error.corner_mm:.3f}",
        "rotation_deg": f"{error.rotation_deg:.3f}",
        "translation_mm": f"{error.translation_mm:.3f}",
    }


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _append(path: Path, row: dict[str, str]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
