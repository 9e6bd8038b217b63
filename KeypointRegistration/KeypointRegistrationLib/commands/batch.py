"""``batch PAIRS.csv --output DIR``: ``register`` for every pair of a list."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..detection.bundle import verify
from ..files.worklist import read_worklist
from ..review.worklist import BrokenRow, WorklistRow
from .cohort import Run, make_folder, run_all, unique_names
from .engines import add_engine_arguments, chosen_engine
from .register import add_options, option_words

TABLE = "batch.csv"

#: What the table takes from each report.
FIGURES: dict[str, Callable[[dict], object]] = {
    "trust": lambda report: report["trust"]["level"],
    "transform_type": lambda report: report["transform_type"],
    "keypoints_used": lambda report: report["keypoints_used"],
    "fre_mm": lambda report: report["fre_mm"],
    "predicted_tre_median_mm": lambda report: report["predicted_tre_mm"]["median"],
    "predicted_tre_p95_mm": lambda report: report["predicted_tre_mm"]["p95"],
    "similarity_before": lambda report: report["similarity"]["before"],
    "similarity_after": lambda report: report["similarity"]["after"],
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "pairs",
        type=Path,
        help="CSV file with the columns fixed and moving, and if wanted id, fixed_mask and moving_mask; "
        "files are absolute or relative to its folder",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help=f"folder for a folder of results per pair, and {TABLE}"
    )
    add_options(parser)
    add_engine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Register all pairs.  Returns 0, or 3 where one has failed or has an alignment that should not be trusted.

    Raises:
        InputError: if the list, the model, the output folder or the scheduler cannot be used.
    """
    worklist = read_worklist(arguments.pairs)
    verify(arguments.model)
    engine = chosen_engine(arguments)
    folder = make_folder(arguments.output)
    rows: list[WorklistRow | BrokenRow] = [*worklist.rows, *worklist.broken]
    names = unique_names([_wanted_name(row) for row in rows])
    options = option_words(arguments)
    runs = [_run(row, name, folder / name, options) for row, name in zip(rows, names, strict=True)]
    return run_all(runs, engine, folder / TABLE, FIGURES)


def _wanted_name(row: WorklistRow | BrokenRow) -> str:
    if isinstance(row, BrokenRow):
        return f"line_{row.line}"
    return row.identifier or f"{_stem(row.moving)}_to_{_stem(row.fixed)}"


def _stem(file: str) -> str:
    return Path(file).name.split(".")[0]


def _run(row: WorklistRow | BrokenRow, name: str, folder: Path, options: tuple[str, ...]) -> Run:
    if isinstance(row, BrokenRow):
        return Run(name, folder, (), {"fixed": "", "moving": ""}, problem=row.reason)
    words = ["register", row.fixed, row.moving, "--output", str(folder), *options]
    for option, mask in (("--fixed-mask", row.fixed_mask), ("--moving-mask", row.moving_mask)):
        words += [option, mask] if mask else []
    return Run(name, folder, tuple(words), {"fixed": row.fixed, "moving": row.moving})
