"""Following the head from frame to frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...detection.heatmaps import Detection
from ...geometry.errors import InputError
from ...geometry.transforms import TransformType, invert
from ...geometry.volume import Volume
from ..by_intensities import aligned_by_intensities
from ..options import FEWEST_KEYPOINTS, Progress, RegistrationOptions
from ..pipeline import KeypointSource, register_detected
from ..region import ball_radius
from ..result import Registration, TrustLevel
from ..rivals import Rival, rival_pose, settled
from .frames import FrameMotion, FrameStore, Reference, Series
from .mean import mean_scan
from .options import ReferenceChoice, TrackingOptions
from .usable import check_frame
from .verdict import Past, disagrees, lost, of_reference, tracked, unusable

_BATCH = 8  # frames that a graphics card looks at together


class HeadSource(KeypointSource, Protocol):
    """A detector that can be told where the head was a moment ago."""

    def detect_together(self, volumes: Sequence[Volume], start: NDArray[np.float64]) -> list[Detection]:
        """Keypoints of scans in which the head is near the pose ``start`` (``Detection.pose``)."""

    def other_head(self, volume: Volume, found: Detection) -> NDArray[np.float64] | None:
        """Middle of a head (3,), RAS mm, other than the one ``found``; None where none is seen."""


@dataclass(frozen=True, eq=False)
class _Sight:
    """A frame before it is aligned: its scan or why there is none, what was seen in it, and the seconds that took."""

    scan: Volume | None
    problem: InputError | None
    seen: Detection | None
    seconds: float


class HeadNotFound(InputError):
    """There is no head in the reference, so that nothing can be aligned to it."""


class _Unread(InputError):
    """The scan of a frame cannot be read, at least not now."""


class Tracker:
    """Follows one head through one series.

    Each frame is looked at where the head was in the last one.  Where what is found there does not convince, the head is
    searched for in the whole frame, and that finding kept which makes the frame look more like the reference.  Should
    keypoints not find it, intensities alone do, near where it was or turned any way.

    Args:
        series: the frames.
        options: how.
        detector: finds keypoints; its model makes rigid alignments.
        mask: of the head in the reference frame, or None to find it.

    Raises:
        InputError: if the model makes no rigid alignments, or the series has fewer than two frames.
    """

    def __init__(self, series: Series, options: TrackingOptions, detector: HeadSource, mask: Volume | None = None) -> None:
        if TransformType.RIGID not in detector.card.transform_types:
            raise InputError(
                f"The model {detector.card.name} makes no rigid alignments. Choose another one to follow a head."
            )
        if len(series.times) < 2:
            raise InputError(f"{series.name} has only one frame. A time series has at least two.")
        self._series = series
        self._options = options
        self._detector = detector
        self._mask = mask
        self._found: tuple[Reference, Detection] | None = None

    def prepare(self, progress: Progress | None = None, store: FrameStore | None = None) -> Reference:
        """Find the head in the reference, once.

        A mean takes as long as tracking all frames does, to the first.  Those that ``store`` holds are not tracked again,
        and the others are put into it.

        Raises:
            InputError: if the reference cannot be used; HeadNotFound if no head is found in it.
        """
        if self._found is None:
            scan, index = self._reference_scan(progress, store)
            found = self._detector.detect(scan, self._mask)
            if found.pose is None or found.keypoints.present.sum() < FEWEST_KEYPOINTS:
                raise HeadNotFound(
                    f"No head was found in {scan.name}, to which the frames should be aligned. Give a mask of the head "
                    "in it, or choose another frame as the reference."
                )
            shown = found.keypoints.positions[found.keypoints.present]
            other = self._detector.other_head(scan, found) if self._mask is None else None  # else the person has chosen
            reference = Reference(scan, index, found.keypoints, shown.mean(axis=0), ball_radius(shown), other)
            self._found = reference, found
        return self._found[0]

    def follow(
        self, known: Mapping[int, FrameMotion] | None = None, wanted: Sequence[int] | None = None
    ) -> Iterator[FrameMotion]:
        """The motion of each frame in the order of time, as soon as it is known.

        ``known`` frames are not tracked again: those of a run that was stopped, and those a person has corrected.  Only
        ``wanted`` frames are yielded (by default all that are not known).

        Raises:
            InputError: as ``prepare``.
        """
        known = known or {}
        self.prepare()
        asked = set(range(len(self._series.times))) - set(known) if wanted is None else set(wanted)
        past, sights = Past(), dict[int, _Sight]()
        for index in range(max(asked, default=-1) + 1):
            if index in asked:
                if index not in sights:
                    sights = self._look(self._together(index, asked, past), past)
                motion = self._motion(index, sights.pop(index), past)
                yield motion
                past = past.followed_by(motion)
            elif index in known:
                past = past.followed_by(known[index])

    def _reference_scan(self, progress: Progress | None, store: FrameStore | None) -> tuple[Volume, int | None]:
        choice = self._options.reference
        if isinstance(choice, int):
            return self._usable(choice), choice
        if choice is ReferenceChoice.MEAN:
            first = Tracker(
                self._series, replace(self._options, reference=ReferenceChoice.FIRST), self._detector, self._mask
            )
            return mean_scan(self._series, first.prepare(), _all_frames(first, store), progress), None
        for index in range(len(self._series.times)):
            try:
                return self._usable(index), index
            except _Unread:  # another reference today than tomorrow, and frames of the two would be mixed
                raise
            except InputError:
                continue
        raise InputError(f"No frame of {self._series.name} can be used: all are empty, constant or not finite.")

    def _usable(self, index: int) -> Volume:
        count = len(self._series.times)
        if not 0 <= index < count:
            raise InputError(
                f"{self._series.name} has no frame {index}: its {count} frames are numbered from 0 to {count - 1}."
            )
        scan = self._read(index)
        check_frame(scan)
        return scan

    def _read(self, index: int) -> Volume:
        try:
            return self._series.frame(index)
        except OSError as error:
            reason = error.strerror or error
            raise _Unread(f"{self._series.name}, frame {index} cannot be read: {reason}.") from error
        except InputError as error:
            raise _Unread(str(error)) from error

    def _together(self, first: int, asked: Collection[int], past: Past) -> list[int]:
        """Frames to look at at once: one, or the next few on a graphics card that knows where the head was."""
        most = 1 if past.motion is None or self._detector.device == "cpu" else _BATCH
        return list(takewhile(asked.__contains__, range(first, first + most)))

    def _look(self, indices: Sequence[int], past: Past) -> dict[int, _Sight]:
        """The frames and what is seen in them where the head was last; seen nothing yet where that is not known."""
        begun, scans, problems = perf_counter(), dict[int, Volume](), dict[int, InputError]()
        for index in indices:
            try:
                scans[index] = self._usable(index)
            except InputError as error:
                problems[index] = error
        seen: Sequence[Detection | None] = [None] * len(scans)
        if past.motion is not None and scans:
            seen = self._detector.detect_together(list(scans.values()), self._pose_after(past.motion))
        seconds = (perf_counter() - begun) / len(indices)
        found = dict(zip(scans, seen, strict=True))
        return {index: _Sight(scans.get(index), problems.get(index), found.get(index), seconds) for index in indices}

    def _motion(self, index: int, sight: _Sight, past: Past) -> FrameMotion:
        """The motion of one frame."""
        begun, time = perf_counter() - sight.seconds, self._series.times[index]
        reference = self.prepare()
        if sight.scan is None:
            unread = isinstance(sight.problem, _Unread)
            return unusable(index, time, str(sight.problem), unread, perf_counter() - begun)
        if index == reference.index:
            return of_reference(reference, index, time, perf_counter() - begun)
        best = self._aligned(sight.scan, sight.seen or self._detector.detect(sight.scan), past)
        searched = sight.seen is None
        if past.misses(best) and self._options.refine:
            best = self._as_before(sight.scan, best, past)
        if past.misses(best) and not searched:
            anew = self._aligned(sight.scan, self._detector.detect(sight.scan), past)
            if _better(anew, best):
                best, searched = anew, True
        if past.misses(best) and self._options.refine:
            best = self._turned(sight.scan, best, past)
        if best.refined and best.trust.level is TrustLevel.DO_NOT_TRUST and past.is_usual(best):
            best = self._by_intensities(sight.scan, best, best.moving_to_fixed)  # few keypoints agree, yet it fits
        seconds = perf_counter() - begun
        if disagrees(best) or (searched and past.rejects(best)):
            return lost(index, time, best, seconds)
        refound = searched and (past.is_lost or past.motion is not None)  # else it is found for the first time
        return tracked(index, time, best, reference, past, refound, seconds)

    def _as_before(self, scan: Volume, found: Registration, past: Past) -> Registration:
        """The frame with the head near where it was in the last one, where that looks as it usually does; else ``found``."""
        if past.motion is None:
            return found
        fixed, anatomy = self.prepare().scan, self.prepare().keypoints.positions
        continued = self._by_intensities(scan, found, settled(fixed, scan, past.motion, anatomy, self._mask))
        return continued if past.is_usual(continued) else found

    def _by_intensities(self, scan: Volume, found: Registration, pose: NDArray[np.float64]) -> Registration:
        """The frame at a ``pose`` that what is usual bears out, though the keypoints ``found`` do not."""
        sure = Rival(pose, clear=True)
        return aligned_by_intensities(found, sure, self.prepare().scan, scan, self._detector.card)

    def _turned(self, scan: Volume, found: Registration, past: Past) -> Registration:
        """The frame with the head turned as makes it look most like the reference, where it does; else ``found``."""
        fixed, anatomy = self.prepare().scan, self.prepare().keypoints.positions
        rival = rival_pose(fixed, scan, found.moving_to_fixed, anatomy, self._mask)
        if rival is None:
            return found
        turned = aligned_by_intensities(found, rival, fixed, scan, self._detector.card)
        return found if past.rejects(turned) else turned

    def _pose_after(self, motion: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the template is in a frame, 4×4, whose ``motion`` (moving → fixed) is that of the frame before."""
        assert self._found is not None and self._found[1].pose is not None
        return invert(motion) @ self._found[1].pose

    def _aligned(self, scan: Volume, seen: Detection, past: Past) -> Registration:
        """The frame aligned to the reference by what is seen in it, refined from where the head was, if that is better."""
        assert self._found is not None
        reference, found = self._found
        options = RegistrationOptions(self._options.model, TransformType.RIGID, self._options.refine, self._options.device)
        starts = () if past.motion is None else (past.motion,)
        return register_detected(reference.scan, scan, found, seen, options, self._detector, self._mask, starts=starts)


def _all_frames(tracker: Tracker, store: FrameStore | None) -> Iterator[FrameMotion]:
    """All frames of a series: those in the store, then the others, each of which is put into it."""
    known = {} if store is None else store.frames
    yield from known.values()
    for motion in tracker.follow(known):
        if store is not None:
            store.add(motion)
        yield motion


def _better(one: Registration, other: Registration) -> bool:
    """Whether the first alignment of a frame is the one to keep."""
    if disagrees(one) or disagrees(other):
        return disagrees(other) and not disagrees(one)
    return one.similarity.after > other.similarity.after
