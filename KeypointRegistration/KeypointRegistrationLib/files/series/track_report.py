"""A track in words and numbers: report.json, motion.csv and the lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...registration.plain import plain
from ...registration.result import ModelIdentity, TrustLevel
from ...registration.tracking.frames import FrameStatus, Track
from ...registration.tracking.motion_table import MotionRow, motion_columns, motion_rows
from ...registration.tracking.tracker import ReferenceChoice, TrackingOptions
from ..tables import table_text

#: Digits behind the point in the table: more than any of its numbers is sure of.
_DIGITS = 6


@dataclass(frozen=True)
class TrackingRun:
    """How a track came about.

    Attributes:
        options: what was asked for.
        model: which weights were used.
        device: where the network ran.
        seconds: per stage.
        timed: whether the series says when its frames were taken.
        notes: what a person should know, in sentences.
    """

    options: TrackingOptions
    model: ModelIdentity
    device: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    timed: bool = True
    notes: tuple[str, ...] = ()


def track_report(track: Track, run: TrackingRun, smoothed: Sequence[NDArray[np.float64] | None] | None = None) -> dict:
    """The content of report.json.  Lengths are mm, angles degrees, matrices RAS; what does not exist is None (null)."""
    rows = motion_rows(track, smoothed)
    reference, choice = track.reference, run.options.reference
    tracking = [motion.seconds for motion in track.frames if motion.seconds > 0]
    content = {
        "series": track.name,
        "frames_total": len(rows),
        "frames_by_status": {status.value: sum(row.status is status for row in rows) for status in FrameStatus},
        "frames_by_trust": {level.value: sum(row.trust is level for row in rows) for level in TrustLevel},
        "frames_found_again": sum(row.refound for row in rows),
        "frames_corrected": sum(row.corrected for row in rows),
        "reference": {
            "asked_for": choice.value if isinstance(choice, ReferenceChoice) else choice,
            "frame": reference.index,
            "centre_ras_mm": reference.centre,
            "radius_mm": reference.radius,
        },
        "rotation_deg": _spread([row.rotation_angle for row in rows]),
        "translation_mm": _spread([row.translation_length for row in rows]),
        "framewise_displacement_mm": _spread([row.framewise_displacement for row in rows]),
        "predicted_tre_mm": _spread([row.predicted_tre for row in rows]),
        "times_known": run.timed,
        "refined": run.options.refine,
        "smoothed": smoothed is not None,
        "seconds": {stage: round(float(value), 3) for stage, value in run.seconds.items()},
        "seconds_per_frame": float(np.median(tracking)) if tracking else None,
        "device": run.device,
        "model": run.model,
        "warnings": run.notes,
        "frames": [
            {
                "frame": row.frame,
                "time_s": row.time,
                "status": row.status.value,
                "trust": None if row.trust is None else row.trust.value,
                "reasons": motion.trust.reasons,
                "moving_to_fixed_ras": motion.moving_to_fixed,
                "smoothed_moving_to_fixed_ras": None if smoothed is None else smoothed[number],
            }
            for number, (row, motion) in enumerate(zip(rows, track.frames, strict=True))
        ],
    }
    return plain(content)


def motion_csv(rows: Sequence[MotionRow], smoothed: bool = False) -> str:
    """The table of all frames as CSV; a number that does not exist is an empty cell."""
    columns = motion_columns(smoothed)
    return table_text(
        [column.name for column in columns], [[_cell(column.value(row)) for column in columns] for row in rows]
    )


def track_summary(content: dict) -> str:
    """What a person wants to know of a report, in a few lines."""
    status, trust = content["frames_by_status"], content["frames_by_trust"]
    found = content["frames_total"] - status[FrameStatus.LOST.value] - status[FrameStatus.UNUSABLE.value]
    lines = [
        f"Frames       {found} of {content['frames_total']} aligned, {status[FrameStatus.LOST.value]} lost, "
        f"{status[FrameStatus.UNUSABLE.value]} unusable, {content['frames_found_again']} found again",
        f"Trust        {trust[TrustLevel.GOOD.value]} good, {trust[TrustLevel.CHECK.value]} to check, "
        f"{trust[TrustLevel.DO_NOT_TRUST.value]} not to be trusted",
        f"Rotation     {_words(content['rotation_deg'])}°",
        f"Translation  {_words(content['translation_mm'])} mm, at the middle of the head",
        f"Step         {_words(content['framewise_displacement_mm'])} mm from frame to frame (framewise displacement)",
    ]
    if content["seconds_per_frame"] is not None:
        lines.append(f"Seconds      {content['seconds_per_frame']:.2f} per frame, on {content['device']}")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> dict[str, float]:
    finite = np.array([value for value in values if np.isfinite(value)])
    if not finite.size:
        return {"median": float("nan"), "p95": float("nan"), "max": float("nan")}
    return {"median": float(np.median(finite)), "p95": float(np.percentile(finite, 95)), "max": float(finite.max())}


def _words(spread: dict[str, float | None]) -> str:
    if spread["median"] is None:
        return "unknown"
    return f"{spread['median']:.2f} typical, at most {spread['max']:.2f}"


def _cell(value: float | int | bool | str) -> float | int | str:
    """A number that does not exist is empty; yes and no are words, so that spreadsheets of any language show them alike."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return round(value, _DIGITS) + 0.0 if np.isfinite(value) else ""  # no −0
    return value
