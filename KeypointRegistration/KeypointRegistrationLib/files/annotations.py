"""Annotations of many registrations as one CSV or JSON file, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..geometry.errors import InputError
from ..review.annotation import (
    AnnotatedRegistration,
    Annotation,
    annotation_from_entry,
    merged,
    registration_entry,
    registration_from_entry,
    verdict,
)
from .tables import Line, read_table, read_text, table_text, write_text

_FORMAT = 1
_COLUMNS = (
    *("registration", "fixed", "moving", "model", "version", "sha256", "transform_type", "trust", "fre_mm"),
    *("predicted_tre_centre_mm", "predicted_tre_median_mm", "predicted_tre_p95_mm"),
    *("pairs_left_out", "pairs_moved", "pairs_added", "corrected", "correction"),
    *("latest", "rating", "reviewer", "date", "comment", "judged"),
)
_LATER_COLUMNS = ("corrected", "correction", "judged")  # which lists written before do not have
_NEEDED = tuple(column for column in _COLUMNS if column not in _LATER_COLUMNS)


def write_annotations(path: str | Path, registrations: Iterable[AnnotatedRegistration]) -> None:
    """Write all registrations with all that was said of them, as JSON if the name ends in .json, else as CSV.

    The CSV has a line per annotation; ``latest`` is ``yes`` for the rating that holds, whatever comments came after it.  A
    registration of which nothing was said has one line without rating.  ``corrected`` is ``yes`` if people have changed
    anything of the network's answer; a rating whose ``judged`` differs from ``correction`` is older than the last change.

    Raises:
        InputError: if the file cannot be written.
    """
    registrations = list(registrations)
    as_json = Path(path).suffix.lower() == ".json"
    write_text(path, _json_text(registrations) if as_json else _csv_text(registrations))


def read_annotations(path: str | Path) -> tuple[AnnotatedRegistration, ...]:
    """What ``write_annotations`` wrote.

    Raises:
        InputError: if it is another file, or damaged.
    """
    if Path(path).suffix.lower() == ".json":
        return _from_json(path)
    collected: dict[str, AnnotatedRegistration] = {}
    for line in read_table(path, _NEEDED):
        try:
            annotated = _from_line(line)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{path}, line {line.number} cannot be used: {error}") from error
        earlier = collected.get(annotated.identifier)
        if earlier is not None:
            annotated = _with_history(annotated, merged(earlier.history, annotated.history))
        collected[annotated.identifier] = annotated
    return tuple(collected.values())


def _json_text(registrations: list[AnnotatedRegistration]) -> str:
    content = {"format": _FORMAT, "registrations": [registration_entry(annotated) for annotated in registrations]}
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _from_json(path: str | Path) -> tuple[AnnotatedRegistration, ...]:
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not a list of annotations: it is damaged in line {error.lineno}.") from error
    if not isinstance(content, dict) or "registrations" not in content:
        raise InputError(f"{path} is not a list of annotations. Choose one that was exported here.")
    if content.get("format") != _FORMAT:
        raise InputError(f"{path} was written by another version of this extension. Update the extension, or use the CSV.")
    found = []
    for position, entry in enumerate(content["registrations"], start=1):
        try:
            found.append(registration_from_entry(entry))
        except ValueError as error:
            raise InputError(f"{path}: entry {position} cannot be used: {error}") from error
    return tuple(found)


def _csv_text(registrations: list[AnnotatedRegistration]) -> str:
    rows: list[list[object]] = []
    for annotated in registrations:
        entry = registration_entry(annotated)
        tre, corrections = entry["predicted_tre_mm"], entry["corrections"]
        about = [
            *(entry["identifier"], entry["fixed"], entry["moving"], *entry["model"].values()),
            *(entry["transform_type"], entry["trust"], _number(entry["fre_mm"])),
            *(_number(value) for value in tre.values()),
            *(*corrections.values(), "yes" if entry["corrected"] else "no", entry["correction"]),
        ]
        holding = verdict(annotated.history)
        for annotation in annotated.history:
            latest = "yes" if annotation is holding else "no"
            rating = annotation.rating.value if annotation.rating else ""
            said = (rating, annotation.reviewer, annotation.date.isoformat(), annotation.comment, annotation.judged)
            rows.append([*about, latest, *said])
        if not annotated.history:
            rows.append([*about, *[""] * 6])
    return table_text(_COLUMNS, rows)


def _from_line(line: Line) -> AnnotatedRegistration:
    cells = line.cells
    history: tuple[Annotation, ...] = ()
    if cells["date"]:
        history = (annotation_from_entry(cells),)
    entry: dict[str, Any] = {
        "identifier": cells["registration"],
        "fixed": cells["fixed"],
        "moving": cells["moving"],
        "model": {"name": cells["model"], "version": cells["version"], "sha256": cells["sha256"]},
        "transform_type": cells["transform_type"],
        "trust": cells["trust"],
        "fre_mm": _value(cells["fre_mm"]),
        "predicted_tre_mm": {name: _value(cells[f"predicted_tre_{name}_mm"]) for name in ("centre", "median", "p95")},
        "corrections": {name: cells[f"pairs_{name}"] for name in ("left_out", "moved", "added")},
        "correction": cells.get("correction", ""),
        "history": [],
    }
    return _with_history(registration_from_entry(entry), history)


def _with_history(annotated: AnnotatedRegistration, history: tuple[Annotation, ...]) -> AnnotatedRegistration:
    return replace(annotated, history=history)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _value(text: str) -> float | None:
    value = float(text) if text else None
    return None if value is None or not math.isfinite(value) else value
