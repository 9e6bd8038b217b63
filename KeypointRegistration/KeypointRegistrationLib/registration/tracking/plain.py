"""The motion of a frame as plain values: what JSON can hold, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plain import array_from, keypoints_from, number_from, plain
from ..result import ErrorPrediction, SimilarityChange, Trust, TrustLevel
from .frames import FrameMotion, FrameStatus


def plain_motion(motion: FrameMotion) -> dict[str, Any]:
    """Everything of a frame's motion in JSON's own types."""
    return plain(motion)


def motion_from(entry: dict[str, Any]) -> FrameMotion:
    """The motion that ``plain_motion`` has made plain.

    Raises:
        ValueError: if ``entry`` is no such thing.
    """
    try:
        return FrameMotion(
            index=int(entry["index"]),
            time=number_from(entry["time"]),
            status=FrameStatus(entry["status"]),
            moving_to_fixed=_maybe_array(entry["moving_to_fixed"]),
            trust=Trust(TrustLevel(entry["trust"]["level"]), tuple(entry["trust"]["reasons"])),
            keypoints=None if entry["keypoints"] is None else keypoints_from(entry["keypoints"]),
            used=None if entry["used"] is None else np.array(entry["used"], dtype=bool),
            covariance=_maybe_array(entry["covariance"]),
            fre=number_from(entry["fre"]),
            predicted_tre=_numbers(ErrorPrediction, entry["predicted_tre"]),
            similarity=_numbers(SimilarityChange, entry["similarity"]),
            refound=bool(entry["refound"]),
            corrected=bool(entry["corrected"]),
            unread=bool(entry.get("unread", False)),  # tracks of earlier versions do not say
            seconds=number_from(entry["seconds"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the motion of a frame: {error}") from error


def _maybe_array(values: list | None) -> NDArray[np.float64] | None:
    return None if values is None else array_from(values)


def _numbers(kind: type, entry: dict[str, float | None] | None) -> Any:
    return None if entry is None else kind(**{name: number_from(value) for name, value in entry.items()})
