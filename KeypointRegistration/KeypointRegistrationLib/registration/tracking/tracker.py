"""Following the head from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ...geometry.volume import Volume
from ..options import Progress
from ..pipeline import KeypointSource
from .frames import FrameMotion, Reference, Series


class ReferenceChoice(Enum):
    """What the frames are aligned to, where it is not one of them by number.  The value is the word used everywhere."""

    FIRST = "first"
    MEAN = "mean"  # of all frames, after they were aligned to the first


@dataclass(frozen=True)
class TrackingOptions:
    """How to follow a head through a series.

    Attributes:
        model: name of a model bundle that makes rigid alignments.
        refine: whether each frame's keypoint alignment is followed by intensity refinement.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        reference: what the frames are aligned to; a number is the index of a frame, from 0.
    """

    model: str = "foetal-rigid"
    refine: bool = True
    device: str = "auto"
    reference: ReferenceChoice | int = ReferenceChoice.FIRST


class Tracker:
    """Follows one head through one series.

    Args:
        series: the frames.
        options: how.
        detector: finds keypoints; its model makes rigid alignments.
        mask: of the head in the reference frame, or None to find it.
    """

    def __init__(
        self, series: Series, options: TrackingOptions, detector: KeypointSource, mask: Volume | None = None
    ) -> None:
        raise NotImplementedError

    def prepare(self, progress: Progress | None = None) -> Reference:
        """Find the head in the reference, once.  InputError if the series or the reference cannot be used."""
        raise NotImplementedError

    def follow(
        self, known: Mapping[int, FrameMotion] | None = None, wanted: Sequence[int] | None = None
    ) -> Iterator[FrameMotion]:
        """The motion of each frame in the order of time, as soon as it is known.

        ``known`` frames are not tracked again: those of a run that was stopped, and those a person has corrected.  Only
        ``wanted`` frames are yielded (by default all that are not known).
        """
        raise NotImplementedError
