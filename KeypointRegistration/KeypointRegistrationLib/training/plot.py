"""``plot-training FOLDER``: the curves of a training, finished or under way, as a picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..geometry.errors import InputError
from .log import LOG, VALIDATION, read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PICTURE = "training.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("folder", type=Path, help="output folder of a training")
    parser.add_argument("--output", type=Path, help=f"picture to write (default: {_PICTURE} in that folder)")


def run(arguments: argparse.Namespace) -> int:
    """Draw ``log.csv`` and ``validation.csv``.

    Raises:
        InputError: if there is nothing to draw, matplotlib is missing, or the picture cannot be written.
    """
    path = arguments.output or arguments.folder / _PICTURE
    draw(arguments.folder, path)
    print(f"The curves are in {path}.", file=sys.stderr)
    return 0


def draw(folder: Path, path: Path) -> None:
    """Write a picture of the tables of the training in ``folder`` to ``path``; InputError as ``run``."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("matplotlib is not installed. Install it to draw the curves of a training.") from error
    reports, validations = read_rows(folder / LOG), read_rows(folder / VALIDATION)
    if not reports:
        raise InputError(f"{folder} holds no {LOG} with reports of a training. Choose the output folder of one.")
    figure = Figure(figsize=(9, 10), layout="constrained")
    losses, errors, presence = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 1))
    names = list(reports[0])[1:]
    _curves(losses, reports, names, "losses, unweighted", "log")
    measured = list(validations[0])[1:] if validations else []
    lengths = [name for name in measured if "error" in name or "spread" in name]
    _curves(errors, validations, lengths, "held out: mm", "log")
    _curves(presence, validations, [name for name in measured if name not in lengths], "held out: share", "linear")
    presence.set_xlabel("step")
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Choose another --output.") from error


def _curves(axes: Axes, rows: Sequence[dict[str, str]], names: Sequence[str], title: str, scale: str) -> None:
    """One curve for each of the columns called ``names`` that has values."""
    for name in names:
        points = [(int(row["step"]), float(row[name])) for row in rows if row[name]]
        if points:
            axes.plot(*zip(*points, strict=True), label=name, marker="." if len(points) < 30 else "")
    axes.set_yscale(scale)
    axes.set_ylabel(title)
    axes.grid(alpha=0.3)
    if axes.get_lines():
        axes.legend(fontsize="small", ncols=3)
