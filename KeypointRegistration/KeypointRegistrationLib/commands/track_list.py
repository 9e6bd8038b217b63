"""``track SERIES.csv --output DIR``: ``track`` for every series of a list."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..detection.bundle import verify
from ..files.series.listing import ListedSeries, read_series_list
from ..geometry.errors import InputError
from .cohort import Run, make_folder, run_all, unique_names
from .engines import chosen_engine

TABLE = "track.csv"

#: What the table takes from each report.
FIGURES: dict[str, Callable[[dict], object]] = {
    "frames": lambda report: report["frames_total"],
    "frames_lost": lambda report: report["frames_by_status"]["lost"],
    "frames_unusable": lambda report: report["frames_by_status"]["unusable"],
    "frames_found_again": lambda report: report["frames_found_again"],
    "frames_good": lambda report: report["frames_by_trust"]["good"],
    "rotation_median_deg": lambda report: report["rotation_deg"]["median"],
    "rotation_max_deg": lambda report: report["rotation_deg"]["max"],
    "translation_median_mm": lambda report: report["translation_mm"]["median"],
    "translation_max_mm": lambda report: report["translation_mm"]["max"],
    "framewise_displacement_median_mm": lambda report: report["framewise_displacement_mm"]["median"],
    "seconds_per_frame": lambda report: report["seconds_per_frame"],
}


def is_list(path: Path) -> bool:
    """Whether ``path`` is a list of series and none itself."""
    return path.suffix.lower() == ".csv"


def run_list(arguments: argparse.Namespace) -> int:
    """Track all series of the list.  Returns 0, or 3 where one has failed or is not to be trusted.

    Raises:
        InputError: if the list, the model, the output folder or the scheduler cannot be used.
    """
    if arguments.mask is not None:
        raise InputError(f"--mask is for one series. Name the masks in the column mask of {arguments.series}.")
    if arguments.box is not None:
        raise InputError("--box is for one series. Leave it out: in a list, masks say where heads are.")
    rows = read_series_list(arguments.series)
    verify(arguments.model)
    engine = chosen_engine(arguments)
    folder = make_folder(arguments.output)
    names = unique_names([row.identifier or Path(row.series).name.split(".")[0] for row in rows])
    runs = [_run(row, name, folder / name, arguments) for row, name in zip(rows, names, strict=True)]
    return run_all(runs, engine, folder / TABLE, FIGURES)


def _run(row: ListedSeries, name: str, folder: Path, arguments: argparse.Namespace) -> Run:
    words = ["track", row.series, "--output", str(folder), "--reference", row.reference or arguments.reference]
    words += ["--model", arguments.model, "--device", arguments.device]
    words += ["--refine" if arguments.refine else "--no-refine"]
    words += ["--smooth"] if arguments.smooth else []
    words += ["--mask", row.mask] if row.mask else []
    return Run(name, folder, tuple(words), {"series": row.series}, row.problem)
