"""A tracked series in words."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from slicer.i18n import tr as _

from ..registration.result import TrustLevel
from ..registration.tracking.frames import FrameStatus
from ..registration.tracking.motion_table import MotionRow
from .track_table import verdict_text


def summary_text(rows: Collection[MotionRow], frames: int, timed: bool) -> str:
    """How many of a series' ``frames`` were found, how far they can be trusted, and how much the head has moved.

    ``timed`` is whether the sequence says when they were taken.
    """
    untimed = "" if timed else " " + _("The sequence does not say when they were taken: they are counted.")
    if not rows:
        return _("{frames} frames, not tracked yet.").format(frames=frames) + untimed
    counts = {level: sum(row.trust is level for row in rows) for level in TrustLevel}
    text = _(
        "{tracked} of {frames} frames tracked: {good} good, {check} to check, {bad} not to be trusted, "
        "{lost} lost, {unusable} unusable."
    )
    told = text.format(
        tracked=len(rows),
        frames=frames,
        good=counts[TrustLevel.GOOD],
        check=counts[TrustLevel.CHECK],
        bad=counts[TrustLevel.DO_NOT_TRUST],
        lost=sum(row.status is FrameStatus.LOST for row in rows),
        unusable=sum(row.status is FrameStatus.UNUSABLE for row in rows),
    )
    told += untimed
    steps = [row.framewise_displacement for row in rows if np.isfinite(row.framewise_displacement)]
    if not steps:
        return told
    return (
        told
        + " "
        + _("From frame to frame the head moves by {median:.1f} mm, at most by {most:.1f} mm.").format(
            median=np.median(steps), most=max(steps)
        )
    )


def frame_text(frame: int, row: MotionRow | None, timed: bool) -> str:
    """What is known of the frame that is shown; ``timed`` as for the summary."""
    if row is None:
        return _("Frame {frame}: not tracked.").format(frame=frame)
    said = _("Frame {frame} at {time:.1f} s: {verdict}.") if timed else _("Frame {frame}: {verdict}.")
    text = said.format(frame=frame, time=row.time, verdict=verdict_text(row))
    if row.refound:
        text += " " + _("The head was searched for in the whole frame.")
    return f"{text} {row.reasons}" if row.reasons else text


def left_text(seconds: float) -> str:
    """How long a run will still take."""
    if seconds < 60:
        return _("less than a minute left")
    return _("about {minutes:.0f} min left").format(minutes=seconds / 60)


def spared_text(count: int) -> str:
    """What became of the frames that were to be tracked again, but that the person has corrected."""
    if not count:
        return ""
    return _("Corrected frames that were kept: {count}. Select them alone to track them again.").format(count=count)


def kept_text(count: int) -> str:
    """What is left of a run that did not come to its end."""
    if not count:
        return _("No frame was tracked.")
    return _("Frames that were tracked and are kept: {count}.").format(count=count)
