"""A result as one page that a colleague can read and print: HTML without scripts, with its pictures inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..geometry.volume import Volume
from ..registration.correction import Correction, PairChoice
from ..registration.result import Registration, TrustLevel
from ..registration.table import pair_distances
from ..review.annotation import Annotation
from .page_style import STYLE

_NOTICE = "For research. Not for clinical use."
_VERDICTS = {
    TrustLevel.GOOD: ("good", "Good. Look at the pictures all the same."),
    TrustLevel.CHECK: ("check", "Check this alignment."),
    TrustLevel.DO_NOT_TRUST: ("alarm", "Do not trust this alignment."),
}
# No script, no form, nothing from elsewhere: a reader's browser holds the page to it.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Story:
    """What people have done with a result, where they have.

    Attributes:
        original: the network's answer, if it was corrected.
        correction: what was changed of it.
        names: what people call the keypoints, by index; the network's labels where there is none.
        annotations: what reviewers said, the earliest first.
    """

    original: Registration | None = None
    correction: Correction | None = None
    names: Sequence[str] = ()
    annotations: Sequence[Annotation] = ()


def page(
    fixed: Volume,
    moving: Volume,
    registration: Registration,
    pictures: Iterable[tuple[str, bytes]],
    story: Story | None = None,
    written: datetime | None = None,
) -> str:
    """The page as HTML text.

    Args:
        fixed, moving: the scans, as they were registered.
        registration: the result as it is now.
        pictures: caption and PNG file content of each.
        story: what people have done with it.
        written: date on the page, with its time zone (default: now).
    """
    story = story or Story()
    date = (written or datetime.now(timezone.utc)).strftime("%Y-%m-%d %H:%M %Z")
    title = f"{moving.name} aligned to {fixed.name}"
    body = [
        f"<header><h1>{escape(title)}</h1><p>Keypoint registration, {escape(date)}</p></header>",
        _verdict(registration),
        _section("The scans", _scans(fixed, moving)),
        _section("What the alignment does", _alignment(registration)),
        _section("How accurate it is", _accuracy(registration)),
        _section("Pictures", "".join(_figure(caption, png) for caption, png in pictures)),
        _section("Changed by a person", _changes(registration, story)),
        _section("Reviewed", _reviews(story.annotations)),
        _section("Keypoints", _keypoints(registration, story.names)),
        _section("How it was made", _provenance(registration)),
        f"<footer>{_NOTICE}</footer>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _verdict(registration: Registration) -> str:
    kind, headline = _VERDICTS[registration.trust.level]
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in registration.trust.reasons)
    return f'<div class="verdict {kind}"><strong>{headline}</strong>' + (f"<ul>{reasons}</ul>" if reasons else "") + "</div>"


def _scans(fixed: Volume, moving: Volume) -> str:
    rows = []
    for role, scan in (("Fixed, stays", fixed), ("Moving, is aligned", moving)):
        size = " × ".join(str(n) for n in scan.shape[::-1])
        spacing = " × ".join(f"{mm:.2f}" for mm in scan.spacing)
        rows.append((role, scan.name, size, f"{spacing} mm"))
    return _table(("", "Name", "Voxels", "Voxel size"), rows)


def _alignment(registration: Registration) -> str:
    return (
        f"<p><strong>From the moving to the fixed scan</strong>, the alignment ({registration.transform_type.value}) "
        f"{escape(registration.description)}.</p>"
        "<p>As a matrix, it takes a point (R, A, S, 1) of the moving scan, in millimetres, to the fixed scan:</p>"
        f'<pre class="matrix">{_matrix(registration.moving_to_fixed)}</pre>'
        "<p>The file <code>transform.tfm</code> holds the same alignment the other way round, by the convention of ITK: "
        "from points of the fixed scan to the moving scan, in LPS. Slicer turns it round again as it reads it.</p>"
    )


def _accuracy(registration: Registration) -> str:
    error, similarity = registration.predicted_tre, registration.similarity
    used, total = int(registration.used.sum()), len(registration.status)
    predicted = (
        f"{_mm(error.centre)} at the centre<br>{_mm(error.median)} typical<br>up to {_mm(error.p95)} in 95 % of places"
    )
    if registration.trust.level is TrustLevel.DO_NOT_TRUST:
        predicted = "cannot be predicted<br>for an alignment that<br>is not to be trusted"
    rows = [
        (
            "Predicted target registration error (TRE)",
            predicted,
            "How far anatomy is expected to be from where it belongs after the alignment. A prediction from the keypoints, "
            "not a measurement.",
        ),
        (
            "Fiducial registration error (FRE)",
            f"{_mm(registration.fre)}<br>{used} of {total} keypoints used",
            "How far the keypoints used are from their partners after the alignment, as a root mean square. It says how "
            "well the keypoints agree, and nothing about the accuracy elsewhere.",
        ),
        (
            "Similarity (normalised mutual information)",
            f"{_number(similarity.before, 3)} before<br>{_number(similarity.after, 3)} after",
            "How much the grey values of the two scans tell about each other: 1 is nothing, 2 is everything.",
        ),
    ]
    cells = "".join(f"<tr><th>{name}</th><td>{value}</td><td>{meaning}</td></tr>" for name, value, meaning in rows)
    return f'<table class="numbers"><tbody>{cells}</tbody></table>'


def _figure(caption: str, png: bytes) -> str:
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _changes(registration: Registration, story: Story) -> str:
    correction, original = story.correction, story.original
    if correction is None or original is None or correction == Correction.none(original):
        return ""
    names = _names(registration, story.names)
    found = []
    if correction.transform_type is not original.transform_type:
        found.append(f"Alignment made {correction.transform_type.value}; it was {original.transform_type.value}.")
    if not correction.robust:
        found.append("Pairs that disagree with the others are kept.")
    if original.refined and not correction.keep_refinement:
        found.append("The refinement by intensities was taken out.")
    words = {PairChoice.LEAVE_OUT: "left out of the fit", PairChoice.USE: "used in the fit on request"}
    for k, choice in sorted(correction.choices.items()):
        found += [f"{names[k]}: {words[choice]}."] if choice in words else []
    found += [
        f"{names[k]}: weight multiplied by {factor:g}." for k, factor in sorted(correction.factors.items()) if factor != 1
    ]
    for side, moved in (("fixed", correction.fixed_positions), ("moving", correction.moving_positions)):
        before = getattr(original, f"{side}_keypoints").positions
        for k, position in sorted(moved.items()):
            found.append(
                f"{names[k]}: moved by {_mm(float(np.linalg.norm(np.subtract(position, before[k]))))} in the {side} scan."
            )
    found += [f"{pair.label}: added by hand." for pair in correction.added]
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in found)
    numbers = (
        f"FRE {_mm(original.fre)} before and {_mm(registration.fre)} after the changes; predicted TRE (typical) "
        f"{_mm(original.predicted_tre.median)} before and {_mm(registration.predicted_tre.median)} after."
    )
    return f"<ul>{items}</ul><p>{numbers}</p>"


def _reviews(annotations: Sequence[Annotation]) -> str:
    if not annotations:
        return ""
    rows = [
        (a.date.strftime("%Y-%m-%d %H:%M"), a.reviewer, a.rating.value if a.rating else "no rating", a.comment)
        for a in annotations
    ]
    return _table(("Date", "Reviewer", "Rating", "Comment"), rows)


def _keypoints(registration: Registration, names: Sequence[str]) -> str:
    fixed, moving = registration.fixed_keypoints, registration.moving_keypoints
    absent = {"fixed": registration.absent(fixed), "moving": registration.absent(moving)}
    residuals = pair_distances(registration)
    rows = []
    for k, name in enumerate(_names(registration, names)):
        status = registration.status[k]
        reason = registration.exclusion_reasons[k]
        rows.append(
            (
                str(k),
                name,
                "not found" if absent["fixed"][k] else _position(fixed.positions[k]),
                "not found" if absent["moving"][k] else _position(moving.positions[k]),
                "" if np.isnan(residuals[k]) else f"{residuals[k]:.2f}",
                status.value + (f". {reason}" if reason else ""),
            )
        )
    head = ("", "Name", "Fixed (R, A, S) mm", "Moving (R, A, S) mm", "Residual mm", "Status")
    return (
        "<p>Positions are those in each scan as it came. The residual is what the alignment leaves between a pair.</p>"
        + _table(head, rows, "keypoints")
    )


def _provenance(registration: Registration) -> str:
    model, seconds = registration.model, registration.seconds
    rows = [
        ("Model", f"{model.name} {model.version}"),
        ("SHA-256 of its weights", model.sha256),
        ("Software", f"KeypointRegistration {__version__}"),
        ("Refined by intensities", "yes" if registration.refined else "no"),
        ("Computed on", registration.device.upper()),
        ("Time", f"{seconds.get('total', sum(seconds.values())):.1f} s"),
        *(("Note", warning) for warning in registration.warnings),
    ]
    return _table((), rows, "provenance")


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "plain") -> str:
    """Every cell is plain text."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}">' + (f"<thead><tr>{top}</tr></thead>" if head else "") + f"<tbody>{lines}</tbody></table>"


def _names(registration: Registration, names: Sequence[str]) -> tuple[str, ...]:
    labels = registration.fixed_keypoints.labels
    return (*names, *labels[len(names) :])[: len(labels)]


def _matrix(matrix: NDArray[np.float64]) -> str:
    return "\n".join(" ".join(f"{value:12.6f}" for value in row) for row in matrix)


def _position(point: NDArray[np.float64]) -> str:
    return ", ".join(_number(value, 1) for value in point)


def _mm(value: float) -> str:
    return f"{_number(value, 2)} mm" if math.isfinite(value) else "unknown"


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "unknown"
