"""Stands in for the tracker in tests of what is around it: it knows every motion beforehand and looks at no voxel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import Trust, TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion, FrameStatus, Reference, Series
from KeypointRegistrationLib.registration.tracking.tracker import TrackingOptions
from sample_track import lost_motion, sample_motion, sample_reference


class TrackerDouble:
    """Says of frame i that the head has turned by 2° · i; it is lost in the frames ``lost``.

    Attributes:
        followed: the frames of all trackers that were followed so far, in order.
    """

    lost: frozenset[int] = frozenset()
    followed: list[int]

    def __init__(self, series: Series, options: TrackingOptions, detector: object, mask: Volume | None = None) -> None:
        self._series, self._options, self._mask = series, options, mask

    def prepare(self, progress: Callable[[float, str], None] | None = None, store: object = None) -> Reference:
        """The first frame, whatever was asked for."""
        if progress is not None:
            progress(0.5, "Finding the head")
        return replace(sample_reference(), scan=self._series.frame(0))

    def follow(
        self, known: Mapping[int, FrameMotion] | None = None, wanted: Sequence[int] | None = None
    ) -> Iterator[FrameMotion]:
        """The motions of the wanted frames."""
        times = self._series.times
        for index in range(len(times)) if wanted is None else wanted:
            if wanted is None and known is not None and index in known:
                continue
            self.followed.append(index)
            yield replace(self._motion(index), index=index, time=times[index])

    def _motion(self, index: int) -> FrameMotion:
        if index in self.lost:
            return lost_motion(index)
        if index == 0:
            return replace(
                sample_motion(0), status=FrameStatus.REFERENCE, moving_to_fixed=np.eye(4), trust=Trust(TrustLevel.GOOD)
            )
        return sample_motion(index, degrees=2.0 * index)


def tracker_double(lost: frozenset[int] = frozenset()) -> type[TrackerDouble]:
    """A class of stand-ins that remember together what they followed."""
    return type("Tracker", (TrackerDouble,), {"lost": lost, "followed": []})
