"""A registration in words and numbers, as the panel shows it."""

from __future__ import annotations

from html import escape

import numpy as np
from slicer.i18n import tr as _

from ..geometry.transforms import describe
from ..registration.result import Registration, Trust, TrustLevel


def trust_html(trust: Trust) -> str:
    """The verdict and its reasons."""
    headline = {
        TrustLevel.GOOD: _("Good. Look at the images all the same."),
        TrustLevel.CHECK: _("Check this alignment."),
        TrustLevel.DO_NOT_TRUST: _("Do not trust this alignment."),
    }[trust.level]
    return f"<b>{headline}</b>" + "".join(f"<br>• {escape(reason)}" for reason in trust.reasons)


def transform_html(registration: Registration) -> str:
    """What ``moving_to_fixed`` does to the moving scan, with its direction."""
    used = registration.used
    points = registration.moving_keypoints.positions[used]
    centre = points.mean(axis=0) if len(points) else np.zeros(3)
    words = describe(registration.moving_to_fixed, centre)
    return _("<b>moving → fixed:</b> {words}.").format(words=escape(words))


def predicted_error_text(registration: Registration) -> str:
    """Predicted target registration error over the anatomy."""
    error = registration.predicted_tre
    return _("TRE {median:.1f} mm typical, {centre:.1f} mm at the centre, below {p95:.1f} mm in 95\u00a0%").format(
        median=error.median, centre=error.centre, p95=error.p95
    )


def fit_residual_text(registration: Registration) -> str:
    """Distance between the keypoint pairs that carry the fit."""
    return _("FRE {fre:.1f} mm over {used} of {total} keypoints").format(
        fre=registration.fre, used=int(registration.used.sum()), total=len(registration.status)
    )


def similarity_text(registration: Registration) -> str:
    """How alike the scans are before and after.  After a correction that takes a moment to measure."""
    before, after = registration.similarity.before, registration.similarity.after
    if np.isnan(after):
        return _("NMI {before:.3f} before, not yet measured after").format(before=before)
    return _("NMI {before:.3f} before, {after:.3f} after").format(before=before, after=after)


def computation_text(registration: Registration) -> str:
    """Model, device and time."""
    seconds = registration.seconds.get("total", sum(registration.seconds.values()))
    text = _("{model} {version}, refined, {seconds:.1f} s on {device}")
    if not registration.refined:
        text = _("{model} {version}, not refined, {seconds:.1f} s on {device}")
    return text.format(
        model=registration.model.name,
        version=registration.model.version,
        seconds=seconds,
        device=registration.device.upper(),
    )
