"""The motion of a tracked series, smoothed.  It stands beside the raw motion and never replaces it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...geometry.smoothing import smoothed_motions
from ..result import TrustLevel
from .frames import FrameMotion, Track


def smoothed(track: Track) -> tuple[NDArray[np.float64] | None, ...]:
    """Smoothed 4×4 moving → fixed transforms (RAS mm), one per frame.

    Frames that are not to be trusted count as not measured.  Those between trusted ones are bridged; those before the first
    and after the last have None.
    """
    reference = track.reference
    trusted = [_is_trusted(frame) for frame in track.frames]
    return smoothed_motions(
        [frame.time for frame in track.frames],
        [frame.moving_to_fixed if good else None for frame, good in zip(track.frames, trusted, strict=True)],
        [frame.covariance for frame in track.frames],
        reference.centre,
        reference.radius,
    )


def _is_trusted(frame: FrameMotion) -> bool:
    return frame.corrected or frame.trust.level is not TrustLevel.DO_NOT_TRUST
