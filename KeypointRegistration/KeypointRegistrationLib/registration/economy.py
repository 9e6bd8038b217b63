"""An alignment by as few keypoint pairs as determine it nearly as well as all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..geometry.alignment import DegenerateError
from ..geometry.keypoints import Keypoints
from ..geometry.selection import select_pairs
from .keypoint_fit import KeypointFit, fit_keypoints
from .prediction import error_prediction


def economised(aligned: KeypointFit, fixed: Keypoints, moving: Keypoints) -> KeypointFit:
    """``aligned``, fitted anew to those of its pairs that it needs; each of the others gets the reason.

    Pairs are chosen from those that agree (``geometry.selection``), so that a wrong one is not mistaken for an
    informative one.
    """
    fit, expected = aligned.fit, aligned.expected
    used = np.flatnonzero(fit.inliers)
    points = moving.positions[used]
    chosen = used[select_pairs(fit.transform_type, fit.matrix, points, expected.distances[used], points).order]
    needless = np.setdiff1d(used, chosen)
    try:
        again = fit_keypoints(fit.transform_type, fixed, moving, aligned.pairing.without(needless, ""), expected)
    except DegenerateError:
        return aligned
    predicted = error_prediction(again.form, fixed.positions).median
    reason = (
        f"The {len(chosen)} chosen pairs predict an error of {predicted:.1f} mm, which it would improve by less than 1 %."
    )
    notes = fit.notes + again.fit.notes
    return replace(again, fit=replace(again.fit, notes=notes), pairing=again.pairing.without(needless, reason))
