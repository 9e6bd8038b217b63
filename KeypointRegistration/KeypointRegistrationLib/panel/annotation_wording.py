"""Ratings and comments in words, as the panel shows them."""

from __future__ import annotations

from collections.abc import Sequence

from slicer.i18n import tr as _

from ..review.annotation import Annotation, Rating
from ..review.worklist_state import RowStatus
from ..scene.notes.worklist import Line


def rating_text(rating: Rating) -> str:
    """What a reviewer thinks."""
    return {Rating.ACCEPT: _("Accept"), Rating.ACCEPTABLE: _("Acceptable"), Rating.REJECT: _("Reject")}[rating]


def annotation_text(history: Sequence[Annotation], *, outdated: bool) -> str:
    """What was said last of a registration, and whether its rating is ``outdated``: older than the last correction."""
    said = _line(history[-1]) if history else _("Not rated.")
    return "\n".join([said, _("Rated before the last correction.")]) if outdated else said


def annotation_history_text(history: Sequence[Annotation]) -> str:
    """Everything that was said of a registration, a line each, the latest first."""
    lines = [_line(entry) for entry in reversed(history)]
    return "\n".join(lines) if lines else _("Nobody has said anything of this registration.")


def _line(annotation: Annotation) -> str:
    what = _("Comment") if annotation.rating is None else rating_text(annotation.rating)
    date = f"{annotation.date.astimezone():%Y-%m-%d %H:%M}"
    words = _("{what}: {reviewer}, {date}.").format(what=what, reviewer=annotation.reviewer, date=date)
    return f"{words} {annotation.comment}".strip()


def line_state_text(line: Line) -> str:
    """What was done with a row of a worklist."""
    if line.rating is not None:
        return rating_text(line.rating)
    return {
        RowStatus.OPEN: _("Open"),
        RowStatus.FAILED: _("Failed"),
        RowStatus.REGISTERED: _("Not rated"),
        RowStatus.RATED: _("Rated"),
    }[line.status]
