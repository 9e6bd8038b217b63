"""Lists of time series from CSV files: a line per series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...geometry.errors import InputError
from ..tables import Line, read_table
from ..worklist import absolute_file


@dataclass(frozen=True)
class ListedSeries:
    """One series of a list.

    Attributes:
        line: of the list, from 1.
        series: its file or folder, absolute.
        identifier: the line's own name in the list; may be empty.
        mask: file of a mask of the head in its reference, absolute, or empty.
        reference: what its frames are aligned to, in the words of the command line, or empty.
        problem: why the line cannot be used, as a sentence; empty if it can.
    """

    line: int
    series: str
    identifier: str = ""
    mask: str = ""
    reference: str = ""
    problem: str = ""


def read_series_list(path: str | Path) -> tuple[ListedSeries, ...]:
    """The series of a list, those of lines that cannot be used among them.

    Columns: ``series`` (a file or folder, relative to the folder of the list or absolute), and if wanted ``id``, ``mask``
    and ``reference``.  Others are not looked at.  Whether the files exist shows when a line's turn comes.

    Raises:
        InputError: if the file cannot be read, lacks the column, or lists nothing.
    """
    path = Path(path).absolute()
    lines = read_table(path, ("series",))
    if not lines:
        raise InputError(f"{path} lists no series: there is nothing below its first line.")
    listed: list[ListedSeries] = []
    for line in lines:
        listed.append(_listed(line, path.parent, {entry.identifier: entry.line for entry in listed}))
    return tuple(listed)


def _listed(line: Line, folder: Path, lines: dict[str, int]) -> ListedSeries:
    cells = line.cells
    identifier, problem = cells.get("id", ""), ""
    if not cells["series"]:
        problem = "The series is missing."
    elif "\0" in "".join(cells.values()):
        problem = "It holds characters that no file name has."
    elif identifier and identifier in lines:
        problem = f"The id {identifier} is in line {lines[identifier]} already."
    series, mask = absolute_file(cells["series"], folder), absolute_file(cells.get("mask", ""), folder)
    return ListedSeries(line.number, series, identifier, mask, cells.get("reference", ""), problem)
