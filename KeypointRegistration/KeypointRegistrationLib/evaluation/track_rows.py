"""Measured frames of tracked series, kept in a CSV file so that a long benchmark can be stopped and continued."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..geometry.errors import InputError
from .metrics import RIGID_FAILURE
from .rows import replace_table


@dataclass(frozen=True)
class FrameRow:
    """One frame of one series by one method.

    Attributes:
        series: by name.
        frames: how many it has: another number makes another series.
        seed: of the series.
        simulation: digest of the code that makes the series.
        frame: index, from 0; the first is the reference.
        visible: share of the brain in the field of view.
        turned_deg: by which the head has turned since the frame before.
        spread_mm: by which the head moves while the frame is taken.
        method, version: of what has aligned it.
        status: what the method says became of it (the words of ``FrameStatus``).
        trusted: whether the method vouches for it without reserve; a method that says nothing of the kind always does.
        refound: whether the head was searched for in the whole frame.
        rotation_deg, centroid_mm, corner_mm: off the truth; None where there is no alignment, or no head in view.
        seconds, cpu_seconds: wall clock, and processor time over all cores.
    """

    series: str
    frames: int
    seed: int
    simulation: str
    frame: int
    visible: float
    turned_deg: float
    spread_mm: float
    method: str
    version: str
    status: str
    trusted: bool
    refound: bool
    rotation_deg: float | None
    centroid_mm: float | None
    corner_mm: float | None
    seconds: float
    cpu_seconds: float

    @property
    def key(self) -> tuple[str, int, int, int, str]:
        """What makes a row the measurement of the same thing."""
        return self.series, self.frames, self.seed, self.frame, self.method

    @property
    def in_view(self) -> bool:
        """Whether most of the brain can be seen."""
        return self.visible > 0.5

    @property
    def torn(self) -> bool:
        """Whether the head moves so far while the frame is taken that no one alignment is right for all its slices."""
        return self.in_view and self.spread_mm > RIGID_FAILURE

    @property
    def right(self) -> bool:
        """Whether there is an alignment that is not off by as much as a failure."""
        return self.corner_mm is not None and self.corner_mm <= RIGID_FAILURE

    @property
    def found(self) -> bool:
        """Whether the method says that it has found the head."""
        return self.status == "tracked"


_COLUMNS = [column.name for column in fields(FrameRow)]


def read_frame_rows(path: Path) -> list[FrameRow]:
    """The rows in a CSV file, none if it does not exist.

    Raises:
        InputError: if the file is not such a table.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        try:
            return [_parsed(record) for record in csv.DictReader(stream)]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a table of this benchmark ({error}). Choose another --output.") from error


def write_frame_rows(path: Path, rows: list[FrameRow]) -> None:
    """Replace the CSV file by these rows, at once: an interruption never leaves half a table."""
    replace_table(path, _COLUMNS, [asdict(row) for row in rows])


def _parsed(record: dict[str, str]) -> FrameRow:
    def number(name: str) -> float | None:
        return float(record[name]) if record[name] else None

    return FrameRow(
        series=record["series"],
        frames=int(record["frames"]),
        seed=int(record["seed"]),
        simulation=record["simulation"],
        frame=int(record["frame"]),
        visible=float(record["visible"]),
        turned_deg=float(record["turned_deg"]),
        spread_mm=float(record["spread_mm"]),
        method=record["method"],
        version=record["version"],
        status=record["status"],
        trusted=record["trusted"] == str(True),
        refound=record["refound"] == str(True),
        rotation_deg=number("rotation_deg"),
        centroid_mm=number("centroid_mm"),
        corner_mm=number("corner_mm"),
        seconds=float(record["seconds"]),
        cpu_seconds=float(record["cpu_seconds"]),
    )
