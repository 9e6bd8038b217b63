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
from .methods import PEERS, Model, our_version, title_of
from .track_series import KeptSeries


@dataclass(frozen=True)
class _Following:
    """How we follow a head: whether frames are refined by intensities, and whether a mask of the first one is given."""

    title: str
    refine: bool
    mask: bool = False


_FOLLOWING = {
    "keypoints": _Following("ours, without refinement", refine=False),
    "ours": _Following("ours", refine=True),
    "keypoints-mask": _Following("ours, without refinement, brain of the first frame given", refine=False, mask=True),
    "ours-mask": _Following("ours, brain of the first frame given", refine=True, mask=True),
}

_PEERS = ("unaligned", "ants", "elastix")

#: What can be asked for, in the order of the table.
TRACK_METHODS = (*_PEERS, *_FOLLOWING)

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


def row_name(method: str, model: Model, usual: str) -> str:
    """What rows call ``method``: the name of its ``model`` follows behind a colon where that is not the ``usual`` one."""
    return method if method in _PEERS or model == Model(usual) else f"{method}:{model.name}"


def row_title(name: str) -> str:
    """Of a method, by what rows call it."""
    method, _, model = name.partition(":")
    if method in _PEERS:
        return title_of(method)
    title = _FOLLOWING[method].title
    return title.replace("ours", model) if model else title


def wanted(method: str, series: KeptSeries) -> list[int]:
    """The frames of ``series`` that ``method`` is measured on.  Peers are told where the head is, so it must be there."""
    every = range(1, len(series.times))
    if method in _FOLLOWING:
        return list(every)
    return [index for index in every if index % _EVERY == 0 and series.truth(index).visible > 0.5]


def track_version(method: str, model: Model) -> str:
    """Version of what does the work."""
    return our_version(model) if method in _FOLLOWING else PEERS[method].version()


def aligned(method: str, series: KeptSeries, missing: list[int], model: Model) -> Iterator[FoundFrame]:
    """Align the ``missing`` frames; of a head that is followed, all frames, because each depends on the one before."""
    if method in _FOLLOWING:
        return _followed(series, _FOLLOWING[method], model)
    return _one_by_one(method, series, missing)


def _followed(series: KeptSeries, following: _Following, model: Model) -> Iterator[FoundFrame]:
    options = TrackingOptions(model.name, refine=following.refine, device="cpu")
    mask = series.simulated.brain(0) if following.mask else None
    tracker = Tracker(series, options, Detector(model.name, "cpu", model.folder), mask)
    try:
        tracker.prepare()
    except HeadNotFound:  # there seems to be no head in the first frame
        for index in range(1, len(series.times)):
            yield FoundFrame(index, None, FrameStatus.LOST.value, False, False, 0.0, 0.0)
        return
    for index in range(len(series.times)):
        series.frame(index)  # made now, so that the time it takes is not that of following
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
