"""Measured rows, kept in a CSV file so that a long benchmark can be stopped and continued."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ..geometry.errors import InputError
from .metrics import Scores


@dataclass(frozen=True)
class Row:
    """One pair, in one pose, by one method.

    Attributes:
        bin: number of the initial-rotation bin.
        degrees: initial rotation.
        seconds, cpu_seconds: wall clock, and processor time over all cores (which a busy machine does not inflate as much).
        scores: empty where the method gave up.
        error: what it said then.
    """

    pair: str
    bin: int
    degrees: float
    method: str
    version: str
    seed: int
    seconds: float
    cpu_seconds: float
    scores: Scores = field(default_factory=Scores)
    error: str = ""

    @property
    def key(self) -> tuple[str, int, str, int]:
        """What makes a row the measurement of the same thing."""
        return self.pair, self.bin, self.method, self.seed


_SCORES = [score.name for score in fields(Scores)]
_COLUMNS = [column.name for column in fields(Row) if column.name != "scores"] + _SCORES
_STRUCTURE_COLUMNS = ["pair", "bin", "method", "version", "seed", "label", "dice", "hd95_mm"]


def read_rows(path: Path) -> list[Row]:
    """The rows in a CSV file, none if it does not exist.  A score that an older file has no column for is missing.

    Raises:
        InputError: if the file is not such a table.
    """
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        try:
            return [_parsed(record) for record in csv.DictReader(stream)]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a table of this benchmark ({error}). Choose another --output.") from error


def write_rows(path: Path, rows: list[Row]) -> None:
    """Replace the CSV file by these rows, at once: an interruption never leaves half a table."""
    records = [asdict(row) for row in rows]
    replace_table(path, _COLUMNS, [record | record.pop("scores") for record in records])


def replace_table(path: Path, columns: list[str], records: list[dict[str, float | int | str | None]]) -> None:
    """Write a CSV file in place of the one there is, at once; None becomes an empty cell."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in record.items()} for record in records)
    unfinished.replace(path)


def append_structures(path: Path, row: Row, structures: dict[int, tuple[float, float]]) -> None:
    """Add the Dice and 95 % Hausdorff distance (mm) per label of one row to a CSV file of their own.

    Lines of earlier versions stay: the column ``version`` tells them apart.
    """
    is_new = not path.exists()
    with path.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(_STRUCTURE_COLUMNS)
        for label, (dice, hd95) in structures.items():
            known = [row.pair, row.bin, row.method, row.version, row.seed]
            writer.writerow([*known, label, _text(dice), _text(hd95)])


def _text(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _parsed(record: dict[str, str]) -> Row:
    return Row(
        pair=record["pair"],
        bin=int(record["bin"]),
        degrees=float(record["degrees"]),
        method=record["method"],
        version=record["version"],
        seed=int(record["seed"]),
        seconds=float(record["seconds"]),
        cpu_seconds=float(record["cpu_seconds"]),
        scores=Scores(**{name: float(record[name]) if record.get(name) else None for name in _SCORES}),
        error=record["error"],
    )
