"""What a training tells while it runs: ``log.csv``, ``validation.csv`` and, where wished, TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from ..geometry.errors import InputError
from .objective import TERMS
from .validation import Validation

LOG = "log.csv"
VALIDATION = "validation.csv"

_COLUMNS = {
    LOG: ("step", "loss", *TERMS),
    VALIDATION: ("step", *(field.name for field in fields(Validation))),
}


class TrainingLog:
    """Tables in ``folder``, one row per report; with ``tensorboard`` also event files in a folder of that name.

    Raises:
        InputError: if TensorBoard is wished and not installed.
    """

    def __init__(self, folder: Path, tensorboard: bool = False) -> None:
        self._folder = folder
        self._writer = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise InputError(
                    "TensorBoard is not installed. Install the package tensorboard, or leave out --tensorboard: log.csv "
                    "holds the same values."
                ) from error
            self._writer = SummaryWriter(folder / "tensorboard")

    def begin(self, step: int) -> None:
        """Get ready for the reports after ``step``.  Rows of later steps were written by a run that was lost: they go."""
        for name, columns in _COLUMNS.items():
            path = self._folder / name
            rows = read_rows(path)
            kept = [row for row in rows if int(row["step"]) <= step]
            if rows and (kept != rows or tuple(rows[0]) != columns):
                part = path.with_suffix(".part")
                _write(part, columns, kept)
                part.replace(path)

    def report(self, step: int, terms: Mapping[str, float]) -> None:
        """The loss and its terms at ``step``."""
        self._append(LOG, step, terms)

    def validated(self, step: int, validation: Validation) -> None:
        """What held-out subjects showed at ``step``."""
        self._append(VALIDATION, step, asdict(validation))

    def _append(self, name: str, step: int, values: Mapping[str, float]) -> None:
        _write(self._folder / name, _COLUMNS[name], [{"step": step, **values}])
        if self._writer is not None:
            for key, value in values.items():
                self._writer.add_scalar(f"{Path(name).stem}/{key}", value, step)
            self._writer.flush()


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, float | str]]) -> None:
    """Append ``rows`` to a table, below a header where the file is new."""
    try:
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=columns, restval="", extrasaction="ignore")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Make room, and go on with --resume.") from error


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table of a training; none where it is missing."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]  # the last one may have been cut short
