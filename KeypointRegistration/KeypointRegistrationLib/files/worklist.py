"""Worklists from CSV files: a line per pair with the columns fixed and moving, and what else is known of the pair."""

from __future__ import annotations

from pathlib import Path

from ..geometry.errors import InputError
from ..review.worklist import BrokenRow, Worklist, WorklistRow
from .tables import Line, read_table

_NEEDED = ("fixed", "moving")


def read_worklist(path: str | Path) -> Worklist:
    """The pairs of a worklist.  A row that cannot be used is listed as broken, and the others are there all the same.

    Columns: ``fixed`` and ``moving`` (files, relative to the folder of the list or absolute), and if wanted ``id``,
    ``fixed_mask``, ``moving_mask`` and ``comment``.  Others are not looked at.  Whether the files exist shows when a row's
    turn comes: they may be on a drive that is not connected yet.

    Raises:
        InputError: if the file cannot be read, lacks a column, or has no row at all.
    """
    path = Path(path).absolute()
    lines = read_table(path, _NEEDED)
    if not lines:
        raise InputError(f"{path} lists no pair: there is nothing below its first line.")
    rows: list[WorklistRow] = []
    broken: list[BrokenRow] = []
    first_lines: dict[str, int] = {}
    for line in lines:
        row = _row(line, path.parent)
        reason = _problem(line, row, first_lines)
        if reason:
            broken.append(BrokenRow(line.number, reason))
        else:
            first_lines[row.identifier or row.key] = line.number
            rows.append(row)
    return Worklist(str(path), tuple(rows), tuple(broken))


def _row(line: Line, folder: Path) -> WorklistRow:
    cells = line.cells
    files = {name: absolute_file(cells.get(name, ""), folder) for name in ("fixed", "moving", "fixed_mask", "moving_mask")}
    return WorklistRow(identifier=cells.get("id", ""), comment=cells.get("comment", ""), **files)


def absolute_file(text: str, folder: Path) -> str:
    """The file that a cell names: relative to the list's folder, with the separators of either kind of system."""
    if not text:
        return ""
    path = folder / text
    if not path.exists() and "\\" in text:  # a list that was written under Windows
        path = folder / text.replace("\\", "/")
    return str(path)


def _problem(line: Line, row: WorklistRow, first_lines: dict[str, int]) -> str:
    """Why the row cannot be used, as a sentence; empty if it can."""
    missing = [name for name in _NEEDED if not line.cells[name]]
    if missing:
        return f"The {' and the '.join(missing)} scan {'is' if len(missing) == 1 else 'are'} missing."
    if row.fixed == row.moving:
        return "Fixed and moving are the same file."
    if "\0" in "".join(line.cells.values()):
        return "It holds characters that no file name has."
    if (row.identifier or row.key) in first_lines:
        what = f"The id {row.identifier}" if row.identifier else "The same pair"
        return f"{what} is in line {first_lines[row.identifier or row.key]} already."
    return ""
