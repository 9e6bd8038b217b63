"""A time series of scans, and what became of each of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...geometry.keypoints import Keypoints
from ...geometry.volume import Volume
from ..result import ErrorPrediction, SimilarityChange, Trust


class Series(Protocol):
    """Scans of one person in the order of time.  Frames are read when they are asked for, one at a time."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def times(self) -> tuple[float, ...]:
        """Of the frames in seconds, ascending; frame numbers where no times are known."""

    def frame(self, index: int) -> Volume:
        """The scan at position ``index`` (0 to len(times) − 1); InputError if it cannot be read."""


class FrameStatus(Enum):
    """What became of a frame.  The value is the word in tables and files."""

    REFERENCE = "reference"  # the frame that the others are aligned to
    TRACKED = "tracked"
    LOST = "lost"  # the head was not found, or not where anything agrees
    UNUSABLE = "unusable"  # the scan is empty, constant or not finite, or could not be read


@dataclass(frozen=True, eq=False)
class FrameMotion:
    """Where the head is in one frame.

    Attributes:
        index: of the frame in its series, from 0.
        time: in seconds.
        status: what became of it.
        moving_to_fixed: 4×4 rigid RAS transform (mm) of the frame onto the reference; None where the head was not found.
        trust: verdict and reasons, in sentences.
        keypoints: of the frame, in its own RAS; None where none were looked for.
        used: which of them carry the alignment, (K,).
        covariance: (6, 6) of the motion's rotation vector (radians) and translation (mm), as ``geometry.accuracy`` has it.
        fre: root-mean-square residual in mm of the pairs used.
        predicted_tre: predicted error in mm.
        similarity: normalised mutual information with the reference before and after the alignment.
        refound: whether the head had been lost, or moved far, and was found again in the whole frame.
        corrected: whether a person has corrected it; a corrected frame is kept when the series is tracked again.
        unread: whether its scan could not be read.  That may pass, so such a frame is not finished: it is tried again.
        seconds: that it took.
    """

    index: int
    time: float
    status: FrameStatus
    moving_to_fixed: NDArray[np.float64] | None
    trust: Trust
    keypoints: Keypoints | None = None
    used: NDArray[np.bool_] | None = None
    covariance: NDArray[np.float64] | None = None
    fre: float = float("nan")
    predicted_tre: ErrorPrediction | None = None
    similarity: SimilarityChange | None = None
    refound: bool = False
    corrected: bool = False
    unread: bool = False
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """Whether the frame has an alignment."""
        return self.moving_to_fixed is not None


class FrameStore(Protocol):
    """Where finished frames are kept, whatever ends the run; those that could not be read are none."""

    @property
    def frames(self) -> dict[int, FrameMotion]:
        """Those that are in it, by their index."""

    def add(self, motion: FrameMotion) -> None:
        """Put one into it."""


@dataclass(frozen=True, eq=False)
class Reference:
    """What the frames of a series are aligned to.

    Attributes:
        scan: a frame, or the mean of frames aligned to the first.
        index: of the frame; None where it is a mean.
        keypoints: of ``scan``, in its RAS.
        centre: RAS mm (3,), the mean of those of its keypoints that are present, near the middle of the head: motion is
            told there.
        radius: mm of a ball whose points are as far from its middle as those keypoints: displacement is averaged over it.
        other_head: RAS mm (3,), middle of a second head that is seen in ``scan`` and not followed; None where there is none.
    """

    scan: Volume
    index: int | None
    keypoints: Keypoints
    centre: NDArray[np.float64]
    radius: float
    other_head: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Track:
    """A tracked series: its reference, and one motion per frame in the order of time."""

    name: str
    reference: Reference
    frames: tuple[FrameMotion, ...]
