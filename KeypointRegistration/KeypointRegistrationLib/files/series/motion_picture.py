"""The motion of the head over time as a picture: rotation, translation, displacement, and what cannot be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...registration.result import TrustLevel
from ...registration.tracking.frames import FrameStatus
from ...registration.tracking.motion_table import MotionRow, Vector
from ..colours import FAINT_INK, INK, TRUST
from ..drawing import Colour, draw_dot, draw_line, draw_ring, draw_text
from .chart import Chart, blank, value_range

_WIDTH, _HEAD, _FOOT, _BOX, _GAP, _LEFT, _RIGHT = 1200, 64, 84, 190, 40, 76, 150

#: Of the axes R, A and S: told apart by colour-blind eyes too.
_AXES: tuple[tuple[str, Colour], ...] = (("R", (1.0, 0.62, 0.1)), ("A", (0.25, 0.75, 1.0)), ("S", (0.85, 0.5, 0.9)))
_WHOLE: Colour = (0.93, 0.93, 0.93)
_GAPS: dict[FrameStatus, Colour] = {FrameStatus.LOST: (1.0, 0.4, 0.35), FrameStatus.UNUSABLE: (0.6, 0.6, 0.65)}
_TINT = 0.35


@dataclass(frozen=True)
class _Part:
    """One box: its title, the least that its axis shows, and what is drawn in it."""

    title: str
    least: float
    whole: str
    vector: Callable[[MotionRow], Vector] | None
    smoothed: Callable[[MotionRow], Vector] | None
    length: Callable[[MotionRow], float]


_PARTS = (
    _Part("Rotation (°)", 2.0, "angle", lambda r: r.rotation, lambda r: r.smoothed_rotation, lambda r: r.rotation_angle),
    _Part(
        "Translation of the middle of the head (mm)",
        2.0,
        "length",
        lambda r: r.translation,
        lambda r: r.smoothed_translation,
        lambda r: r.translation_length,
    ),
    _Part("Framewise displacement (mm)", 1.0, "displacement", None, None, lambda r: r.framewise_displacement),
)


def motion_picture(name: str, rows: Sequence[MotionRow], timed: bool = True, smoothed: bool = False) -> NDArray[np.uint8]:
    """An RGB picture, shape (height, width, 3), of the motion from the reference over time, in three boxes.

    Frames in which the head was lost, and those that cannot be used, are bands; distrusted ones have a mark at the bottom of
    each box.  The smoothed motion is a pale line behind the raw one.  ``timed`` says whether times are seconds.
    """
    picture = blank(_HEAD + len(_PARTS) * (_BOX + _GAP) + _FOOT, _WIDTH)
    draw_text(picture, f"Motion of the head in {name}", (_LEFT, 20), INK, size=18)
    draw_text(picture, _counts(rows), (_LEFT, 42), FAINT_INK, size=14)
    times = np.array([row.time for row in rows])
    shown = (float(times[0]), float(times[-1]) if times[-1] > times[0] else float(times[0]) + 1.0)
    for number, part in enumerate(_PARTS):
        top = _HEAD + _GAP / 2 + number * (_BOX + _GAP)
        curves, pale = _curves(part, rows), _smoothed_curves(part, rows) if smoothed else []
        box = Chart(
            picture,
            _LEFT,
            top,
            _WIDTH - _RIGHT,
            top + _BOX,
            shown,
            value_range([values for _, _, values in curves] + [values for _, values in pale], part.least),
        )
        last = number == len(_PARTS) - 1
        box.draw_axes(part.title, ("Time (s)" if timed else "Frame") if last else "")
        _draw_gaps(box, rows)
        for colour, values in pale:
            box.draw_curve(times, values, colour, 0.45, 4.0)
        for label, colour, values in curves:
            box.draw_curve(times, values, colour, width=1.4 if label == part.whole and part.vector else 1.8)
        _draw_marks(box, rows)
        _draw_key(box, [(label, colour) for label, colour, _ in curves])
    _draw_foot(picture, smoothed)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _curves(part: _Part, rows: Sequence[MotionRow]) -> list[tuple[str, Colour, NDArray[np.float64]]]:
    whole = (part.whole, _WHOLE, np.array([part.length(row) for row in rows]))
    if part.vector is None:
        return [whole]
    vectors = np.array([part.vector(row) for row in rows])
    return [whole, *((letter, colour, vectors[:, axis]) for axis, (letter, colour) in enumerate(_AXES))]


def _smoothed_curves(part: _Part, rows: Sequence[MotionRow]) -> list[tuple[Colour, NDArray[np.float64]]]:
    if part.smoothed is None:
        return []
    vectors = np.array([part.smoothed(row) for row in rows])
    return [(colour, vectors[:, axis]) for axis, (_, colour) in enumerate(_AXES)]


def _draw_gaps(box: Chart, rows: Sequence[MotionRow]) -> None:
    """Frames without an alignment, each from halfway to the one before to halfway to the one after."""
    times = np.array([row.time for row in rows])
    edges = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
    for row, start, end in zip(rows, edges[:-1], edges[1:], strict=True):
        if row.status in _GAPS:
            box.draw_band(start, end, _GAPS[row.status], _TINT)


def _draw_marks(box: Chart, rows: Sequence[MotionRow]) -> None:
    """Below the curves: dots where the alignment is to be checked or not to be trusted, rings where it was corrected."""
    for row in rows:
        ((x, _),) = box.place([row.time], [box.values[0]])
        if row.trust in (TrustLevel.CHECK, TrustLevel.DO_NOT_TRUST):
            draw_dot(box.picture, (x, box.bottom - 5), 3.5, TRUST[row.trust])
        if row.corrected:
            draw_ring(box.picture, (x, box.bottom - 5), 5.5, INK)


def _draw_key(box: Chart, curves: list[tuple[str, Colour]]) -> None:
    for number, (label, colour) in enumerate(curves):
        y = box.top + 12 + 20 * number
        draw_line(box.picture, (box.right + 14, y), (box.right + 34, y), colour, width=2.2)
        draw_text(box.picture, label, (box.right + 42, y), FAINT_INK)


def _draw_foot(picture: NDArray, smoothed: bool) -> None:
    """What the marks mean."""
    y, x = picture.shape[0] - 34, float(_LEFT)
    for colour, label in ((TRUST[TrustLevel.CHECK], "to check"), (TRUST[TrustLevel.DO_NOT_TRUST], "not to be trusted")):
        draw_dot(picture, (x + 5, y), 3.5, colour)
        x += 16 + draw_text(picture, label, (x + 16, y), FAINT_INK) + 22
    draw_ring(picture, (x + 5, y), 5.5, INK)
    x += 16 + draw_text(picture, "corrected by a person", (x + 16, y), FAINT_INK) + 22
    for status, label in ((FrameStatus.LOST, "head lost"), (FrameStatus.UNUSABLE, "frame unusable")):
        colour, area = _GAPS[status], picture[y - 6 : y + 7, round(x) : round(x) + 12]
        area += _TINT * (np.array(colour) - area)
        x += 18 + draw_text(picture, label, (x + 18, y), FAINT_INK) + 22
    if smoothed:
        draw_line(picture, (x, y), (x + 20, y), _AXES[0][1], 0.45, 4.0)
        draw_text(picture, "smoothed", (x + 28, y), FAINT_INK)
    note = "By how much the head must turn and move to lie as in the reference (RAS).  Not for clinical use."
    draw_text(picture, note, (_LEFT, y + 20), FAINT_INK)


def _counts(rows: Sequence[MotionRow]) -> str:
    lost, unusable = (sum(row.status is status for row in rows) for status in (FrameStatus.LOST, FrameStatus.UNUSABLE))
    distrusted = sum(row.trust is TrustLevel.DO_NOT_TRUST for row in rows)
    check = sum(row.trust is TrustLevel.CHECK for row in rows)
    return f"{len(rows)} frames: {check} to check, {distrusted} not to be trusted, {lost} lost, {unusable} unusable"
