"""Keypoints in words and numbers, as the table shows them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from slicer.i18n import tr as _

from ..registration.result import KeypointStatus
from ..registration.table import KeypointRow
from ..scene.sides import Side

_NOTHING = "–"  # where there is no number

#: Words of anatomy that are written shorter in the table, where long names would look alike once they are cut.
_SHORTER = (
    (r"^left\b", "L"),
    (r"^right\b", "R"),
    (r"\bcerebral cortex\b", "cortex"),
    (r"\bcerebral white matter\b", "WM"),
    (r"\bwhite matter\b", "WM"),
    (r"\blateral ventricle\b", "lat. ventricle"),
    (r"\bmid-height\b", "mid"),
)

#: What a row is sorted by.  Numbers that there are not come last, whichever way it is sorted.
SortKey = float | str


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title, tip: what the person reads.
        text: of a row's cell.
        key: what rows are sorted by.
        is_number: whether it stands at the right.
    """

    title: str
    tip: str
    text: Callable[[KeypointRow], str]
    key: Callable[[KeypointRow], SortKey]
    is_number: bool = True


def columns() -> tuple[Column, ...]:
    """The columns in the application's language: what tells good from bad pairs first."""
    return (
        Column(
            _("Keypoint"),
            _("Name. The tick says whether the alignment uses the pair: untick it to leave it out."),
            lambda row: short_name(row.label),
            lambda row: float(row.keypoint),
            is_number=False,
        ),
        Column(_("Status"), _("What became of the pair."), short_status, short_status, is_number=False),
        Column(
            _("Residual"),
            _("Distance of the fixed from the aligned moving keypoint in mm. It says nothing about the error elsewhere."),
            lambda row: _number(row.residual, ".1f"),
            lambda row: row.residual,
        ),
        Column(
            _("Spread"),
            _("Root-mean-square radius of the keypoint's heatmap in mm, in the scan where it is wider."),
            lambda row: _number(row.spread, ".1f"),
            lambda row: row.spread,
        ),
        Column(
            _("Confidence"),
            _("Probability that the keypoint's anatomy is in the scan, in the scan where it is less likely."),
            lambda row: _number(row.confidence, ".2f"),
            lambda row: row.confidence,
        ),
        Column(
            _("Leverage"),
            _("How far the alignment follows this pair alone, from 0 to 1. No other pair contradicts one near 1."),
            lambda row: _number(row.leverage, ".2f"),
            lambda row: row.leverage,
        ),
        Column(
            _("Weight"),
            _("Part of this pair in the alignment, in percent."),
            lambda row: _number(100 * row.weight, ".1f"),
            lambda row: row.weight,
        ),
        Column(
            _("Fixed (R, A, S)"),
            _("Position in the fixed scan, RAS mm, as it was registered."),
            lambda row: _position(row.fixed),
            lambda row: row.fixed[2] if row.fixed else math.nan,
            is_number=False,
        ),
        Column(
            _("Moving (R, A, S)"),
            _("Position in the moving scan, RAS mm, as it was registered, before alignment."),
            lambda row: _position(row.moving),
            lambda row: row.moving[2] if row.moving else math.nan,
            is_number=False,
        ),
    )


def short_name(label: str) -> str:
    """A keypoint's name as short as it can be understood; the whole name is in the row's tooltip."""
    for words, shorter in _SHORTER:
        label = re.sub(words, shorter, label)
    return label


def short_status(row: KeypointRow) -> str:
    """What became of a pair, in a word or two; ``status_text`` says more."""
    words = {
        KeypointStatus.USED: _("used"),
        KeypointStatus.EXCLUDED: _("excluded"),
        KeypointStatus.LEFT_OUT: _("left out"),
        KeypointStatus.NOT_NEEDED: _("not needed"),
        KeypointStatus.MISSING: _("missing"),
    }[row.status]
    if row.added:
        return _("{status}, added").format(status=words)
    if row.placed:
        return _("{status}, moved").format(status=words)
    return words


def status_text(row: KeypointRow) -> str:
    """What became of a pair, and what the person has done to it."""
    words = {
        KeypointStatus.USED: _("used"),
        KeypointStatus.EXCLUDED: _("excluded by the fit"),
        KeypointStatus.LEFT_OUT: _("left out by you"),
        KeypointStatus.NOT_NEEDED: _("not needed"),
        KeypointStatus.MISSING: _("missing"),
    }[row.status]
    if row.added:
        return _("{status}, added by you").format(status=words)
    if row.placed:
        return _("{status}, moved by you").format(status=words)
    return words


def detail_text(row: KeypointRow) -> str:
    """A keypoint in a sentence, with the reason where it is not used."""
    text = _("{name}: {status}.").format(name=row.label, status=status_text(row))
    return f"{text} {row.why}" if row.why and row.status is not KeypointStatus.LEFT_OUT else text


def missing_heatmaps_text(sides: tuple[Side, ...]) -> str:
    """Why the heatmaps of these scans cannot be shown; empty where those of both can."""
    if len(sides) == len(Side):
        return _("There are no heatmaps of this result, or its scans or points were deleted.")
    words = {Side.FIXED: _("fixed"), Side.MOVING: _("moving")}
    return "".join(
        _("Heatmaps of the {which} volume cannot be shown: it, its keypoint list or its heatmaps were deleted.").format(
            which=words[side]
        )
        for side in sides
    )


def sorted_rows(rows: tuple[KeypointRow, ...], column: Column, descending: bool) -> list[KeypointRow]:
    """The rows in the order of a column; those without a number there come last, equal ones stay in the keypoints' order."""
    there = [row for row in rows if not _is_nan(column.key(row))]
    ordered = sorted(there, key=lambda row: _comparable(column.key(row)), reverse=descending)
    return ordered + [row for row in rows if _is_nan(column.key(row))]


def _comparable(key: SortKey) -> tuple[float, str]:
    return (0.0, key) if isinstance(key, str) else (key, "")


def _is_nan(key: SortKey) -> bool:
    return isinstance(key, float) and math.isnan(key)


def _number(value: float, form: str) -> str:
    return _NOTHING if math.isnan(value) else format(value, form)


def _position(position: tuple[float, float, float] | None) -> str:
    return _NOTHING if position is None else "  ".join(f"{value:.1f}" for value in position)
