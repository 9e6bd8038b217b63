"""Names of keypoints as a CSV list: one line per keypoint with model, version, index, label and name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..geometry.errors import InputError
from ..review.names import KeypointNames
from .tables import Line, read_table, table_text, write_text

_COLUMNS = ("model", "version", "index", "label", "name")


def write_names(path: str | Path, names: KeypointNames) -> None:
    """Write the list.

    Raises:
        InputError: if the file cannot be written.
    """
    lines = zip(names.labels, names.names, strict=True)
    rows = ((names.model, names.version, k, label, name) for k, (label, name) in enumerate(lines))
    write_text(path, table_text(_COLUMNS, rows))


def read_names(path: str | Path, present: KeypointNames) -> tuple[KeypointNames, str]:
    """The names of a list, for the model of ``present``, and a note for the person (empty if there is nothing to say).

    A list that names only some of the keypoints leaves the others as they are in ``present``.  One of another version of
    the model is taken if its labels are those of this version.

    Raises:
        InputError: if the list is of another model or of other keypoints, or a line cannot be used; it says which.
    """
    lines = read_table(path, _COLUMNS)
    if not lines:
        raise InputError(f"{path} names no keypoint: there is nothing below its first line.")
    _check_model(path, lines, present)
    versions = sorted({line.cells["version"] for line in lines} - {present.version})
    given: dict[int, str] = {}
    for line in lines:
        k = _index(path, line, present, bool(versions))
        if k in given:
            raise InputError(f"{path}, line {line.number}: keypoint {k} is there twice. Keep one line for it.")
        if not line.cells["name"]:
            raise InputError(f"{path}, line {line.number}: keypoint {k} has no name. Give one, or remove the line.")
        given[k] = line.cells["name"]
    try:
        names = replace(present, names=tuple(given.get(k, name) for k, name in enumerate(present.names)))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return names, _note(versions, given, present)


def _check_model(path: str | Path, lines: list[Line], present: KeypointNames) -> None:
    for line in lines:
        model = line.cells["model"]
        if model != present.model:
            raise InputError(
                f"{path}, line {line.number}: the names are for the model {model or 'without a name'}, these keypoints are "
                f"of {present.model}. Import the list of that model."
            )


def _index(path: str | Path, line: Line, present: KeypointNames, other_version: bool) -> int:
    text, label = line.cells["index"], line.cells["label"]
    if not text.isdecimal():
        raise InputError(f"{path}, line {line.number}: the index is “{text}”. It must be a whole number from 0 on.")
    k = int(text)
    if k >= len(present.labels):
        raise InputError(
            f"{path}, line {line.number}: there is no keypoint {k}. {present.model} {present.version} has "
            f"{len(present.labels)}, counted from 0."
        )
    if label != present.labels[k]:
        why = "another version of the model" if other_version else "other keypoints"
        raise InputError(
            f"{path}, line {line.number}: keypoint {k} is labelled “{label}” there and “{present.labels[k]}” in "
            f"{present.model} {present.version}. The list is of {why} and cannot be used."
        )
    return k


def _note(versions: list[str], given: dict[int, str], present: KeypointNames) -> str:
    notes = []
    if versions:
        notes.append(
            f"The list is of version {', '.join(version or 'unknown' for version in versions)} of {present.model}; its "
            f"labels are those of version {present.version}."
        )
    if len(given) < len(present.labels):
        notes.append(f"It names {len(given)} of {len(present.labels)} keypoints; the others keep their names.")
    return " ".join(notes)
