"""How the frames of a series are aligned to its first one: by following the head, or each by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detection.detector import Detector
from ..geometry.transforms import TransformType
from ..registration.result import TrustLevel
from ..registration.tracking.frames import FrameStatus
from ..registration.tracking.options import TrackingOptions
from ..registration.tracking.tracker import HeadNotFound, Tracker
from .methods import PEERS, Model, our_version
from .track_series import KeptSeries

#: What can be asked for, in the order of the table.
TRACK_METHODS = ("unaligned", "ants", "elastix", "keypoints", "ours")

_TRACKED = {"keypoints": False, "ours": True}  # whether frames are refined by intensities
_EVERY = 6  # of the frames that are aligned by themselves, one in so many is measured: none depends on another
_MARGIN = 5.0  # mm around the true brain that peers see


@dataclass(frozen=True, eq=False)
class FoundFrame:
    """What a method says of a frame.  ``moving_to_fixed`` (4×4, RAS mm, onto the first frame) is None where it has none."""

    index: int
    moving_to_fixed: NDArray[np.float64] | None
    status: str
    trusted: bool
    refound: bool
    seconds: float
    cpu_seconds: float


def wanted(method: str, series: KeptSeries) -> list[int]:
    """The frames of ``series`` that ``method`` is measured on.  Peers are told where the head is, so it must be there."""
    every = range(1, len(series.times))
    if method in _TRACKED:
        return list(every)
    return [index for index in every if index % _EVERY == 0 and series.truth(index).visible > 0.5]


def track_version(method: str, model: Model) -> str:
    """Version of what does the work."""
    return our_version(model) if method in _TRACKED else PEERS[method].version()


def aligned(method: str, series: KeptSeries, missing: list[int], model: Model) -> Iterator[FoundFrame]:
    """Align the ``missing`` frames; of a head that is followed, all frames, because each depends on the one before."""
    if method in _TRACKED:
        return _followed(series, TrackingOptions(model.name, refine=_TRACKED[method], device="cpu"), model)
    return _one_by_one(method, series, missing)


def is_sequential(method: str) -> bool:
    """Whether a frame depends on those before it."""
    return method in _TRACKED


def _followed(series: KeptSeries, options: TrackingOptions, model: Model) -> Iterator[FoundFrame]:
    tracker = Tracker(series, options, Detector(model.name, "cpu", model.folder))
    try:
        tracker.prepare()
    except HeadNotFound:  # there seems to be no head in the first frame
        for index in range(1, len(series.times)):
            yield FoundFrame(index, None, FrameStatus.LOST.value, False, False, 0.0, 0.0)
        return
    motions = tracker.follow()
    while True:
        started = time.process_time()
        motion = next(motions, None)
        if motion is None:
            return
        if motion.status is FrameStatus.REFERENCE:
            continue
        yield FoundFrame(
            motion.index,
            motion.moving_to_fixed,
            motion.status.value,
            motion.trust.level is TrustLevel.GOOD,
            motion.refound,
            motion.seconds,
            time.process_time() - started,
        )


def _one_by_one(method: str, series: KeptSeries, missing: list[int]) -> Iterator[FoundFrame]:
    fixed = series.boxed(0, _MARGIN)
    for index in missing:
        moving = series.boxed(index, _MARGIN)
        started, started_cpu = time.perf_counter(), time.process_time()
        matrix: NDArray[np.float64] | None = None
        status = FrameStatus.TRACKED
        try:
            matrix = PEERS[method].align(fixed, moving, TransformType.RIGID)
        except RuntimeError:  # how ITK, and with it every peer, reports that it found nothing
            status = FrameStatus.LOST
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
        yield FoundFrame(index, matrix, status.value, True, False, seconds, cpu_seconds)
