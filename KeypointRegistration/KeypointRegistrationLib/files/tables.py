"""CSV files from and for spreadsheets: any usual separator in, no formulas out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..geometry.errors import InputError

_SEPARATORS = ",;\t"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets calculate instead of showing it
_MOST_CHARACTERS = 50_000_000


@dataclass(frozen=True)
class Line:
    """One line of a table below its header.

    Attributes:
        number: of the line in the file, counted from 1.
        cells: by the column's name in small letters; a cell that the line lacks is empty.
    """

    number: int
    cells: dict[str, str]


def read_text(path: str | Path) -> str:
    """The text of a file, in UTF-8 or, where it is none, as Western spreadsheets write it.

    Raises:
        InputError: if it cannot be read, or is no text.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(content) > _MOST_CHARACTERS or b"\0" in content:
        raise InputError(f"{path} is not a text file. Choose another one.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        InputError: if it cannot be written; a file of that name is then as it was.
    """
    path = Path(path)
    aside = path.with_name(f".{path.name}.unfinished")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror or error}. Choose another place.") from error


def read_table(path: str | Path, needed: Sequence[str]) -> list[Line]:
    """The lines of a CSV file with a header, separated by comma, semicolon or tab.  Empty lines are left out.

    Args:
        path: of the file.
        needed: columns that it must have, in small letters.

    Raises:
        InputError: if the file cannot be read or lacks a column.
    """
    text = read_text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return list(_lines(reader, path, needed))
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file: line {reader.line_num} cannot be taken apart ({error}).") from error


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV text with a header, in which no cell is a formula (a quote in front keeps such a text a text)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return text.getvalue()


def unquoted(cell: str) -> str:
    """A cell as it was before ``table_text`` put a quote in front of it."""
    return cell[1:] if cell.startswith("'") and _is_formula_behind_quotes(cell) else cell


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _is_formula_behind_quotes(value) else value


def _is_formula_behind_quotes(cell: str) -> bool:
    """Behind none, too.  A quote that a person has typed gets another one in front, so that reading does not lose it."""
    return cell.lstrip("'").startswith(_FORMULA_STARTS)


def _lines(reader: Iterator[list[str]], path: str | Path, needed: Sequence[str]) -> Iterator[Line]:
    header: list[str] | None = None
    begin = 1
    for cells in reader:
        number, begin = begin, reader.line_num + 1  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip().lower() for cell in cells]
            _check_header(header, path, needed)
        else:
            padded = [*cells, *[""] * (len(header) - len(cells))]
            yield Line(number, {name: unquoted(cell.strip()) for name, cell in zip(header, padded, strict=False) if name})
    if header is None:
        raise InputError(f"{path} is empty. Its first line must name the columns: {', '.join(needed)}.")


def _check_header(header: list[str], path: str | Path, needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(missing)}. Its first line must name the columns: "
            f"{', '.join(needed)}."
        )
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    if doubled:
        raise InputError(f"{path} has more than one column {doubled[0]}. Keep one of them.")
