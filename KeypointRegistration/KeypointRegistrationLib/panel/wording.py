"""A registration in words and numbers, as the panel shows it."""

from __future__ import annotations

from html import escape

import numpy as np
from slicer.i18n import tr as _

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
    return _("<b>moving → fixed:</b> {words}.").format(words=escape(registration.description))


def predicted_error_text(registration: Registration) -> str:
    """Predicted target registration error over the anatomy."""
    error = registration.predicted_tre
    if registration.trust.level is TrustLevel.DO_NOT_TRUST:
        return _("Cannot be predicted for an alignment that is not to be trusted.")
    return _("TRE {centre:.1f} mm at the centre, {median:.1f} mm typical, up to {p95:.1f} mm in 95\u00a0% of places").format(
        median=error.median, centre=error.centre, p95=error.p95
    )


def fit_residual_text(registration: Registration) -> str:
    """Distance between the keypoint pairs that carry the fit."""
    used, total = int(registration.used.sum()), len(registration.status)
    if not used:
        return _("No FRE: none of {total} keypoints is used.").format(total=total)
    return _("FRE {fre:.1f} mm over {used} of {total} keypoints").format(fre=registration.fre, used=used, total=total)


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
