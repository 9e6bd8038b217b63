"""What the worker process does with the request to follow a head through a series."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .protocol import Event, FrameTracked, Progress, ReferenceFound, TrackRequest

if TYPE_CHECKING:
    from ..registration.tracking.frames import FrameMotion
    from ..registration.tracking.tracker import HeadSource

#: How much of the whole it is to find the head in the reference, as a fraction.
_PREPARED = 0.1


def track(request: TrackRequest, load_detector: Callable[[str, str], HeadSource], send: Callable[[Event], None]) -> None:
    """Find the head in the reference and follow it; tell of the reference, and of every frame as soon as it is known.

    Args:
        request: what to follow.
        load_detector: gives the detector of a model on a device, by their names.
        send: takes the events.

    Raises:
        InputError: if the series, the mask, the model or a word of the request cannot be used.
    """
    send(Progress(0.0, "Reading the series"))
    from ..files.archive import load_volume
    from ..files.track_archive import ArchivedSeries, load_motions, save_reference
    from ..registration.tracking.tracker import Tracker
    from ..registration.tracking.words import options_from_words

    series = ArchivedSeries(request.frames, request.times, request.name)
    mask = None if request.mask is None else load_volume(request.mask)
    known = {} if request.known is None else load_motions(request.known)
    options = options_from_words(
        model=request.model, refine=request.refine, device=request.device, reference=request.reference
    )
    detector = load_detector(options.model, options.device)
    tracker = Tracker(series, options, detector, mask)
    reference = tracker.prepare(lambda fraction, stage: send(Progress(_PREPARED * fraction, stage)))
    save_reference(Path(request.result), reference)
    send(ReferenceFound(request.result, detector.device))
    wanted = (
        [index for index in range(len(series.times)) if index not in known] if request.wanted is None else request.wanted
    )
    _follow(tracker.follow(known, wanted), len(wanted), send)


def _follow(motions: Iterable[FrameMotion], count: int, send: Callable[[Event], None]) -> None:
    """Tell of each motion and how far the whole is."""
    from ..registration.tracking.plain import plain_motion

    for done, motion in enumerate(motions, 1):
        send(FrameTracked(plain_motion(motion)))
        send(Progress(_PREPARED + (1 - _PREPARED) * done / count, f"Following the head: frame {done} of {count}"))
