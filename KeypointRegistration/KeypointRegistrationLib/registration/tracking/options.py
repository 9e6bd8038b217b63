"""How a head is to be followed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ReferenceChoice(Enum):
    """What the frames are aligned to, where it is not one of them by number.  The value is the word used everywhere."""

    FIRST = "first"  # the first that can be used
    MEAN = "mean"  # of all trusted frames, after they were aligned to the first


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
