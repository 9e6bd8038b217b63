"""What a frame's alignment is worth, seen together with those of the frames before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...geometry.accuracy import transform_covariance
from ...geometry.alignment import DegenerateError
from ...geometry.motion import displacement
from ...geometry.transforms import TransformType, invert, rotation_angle
from ..options import FEWEST_KEYPOINTS
from ..result import ErrorPrediction, Registration, SimilarityChange, Trust, TrustLevel
from .frames import FrameMotion, FrameStatus, Reference

_JUMP = 20.0  # mm between frames, over the head: heads that move as far are looked for again
_REMEMBERED = 25  # frames whose likeness to the reference is compared with
_BETTER = 0.75  # quantile of them that is usual: frames that were aligned wrong pull it down little
_ENOUGH = 3  # of them, to say what is usual
_UNLIKE = 0.6  # of the usual likeness: less is a reason for doubt
_STRANGE = 0.4  # of the usual likeness: less is not the head, or not its pose
_ALIKE = 0.75  # of the usual likeness: as much, near where the head was, lays doubts about keypoints to rest
_NEAR = 5.0  # mm between frames, over the head


@dataclass(frozen=True, eq=False)
class Past:
    """What is known of the frames before one.

    Attributes:
        motion: 4×4 moving → fixed of the last frame in which the head was found and nothing spoke against it, or None.
        index: of that frame.
        likenesses: normalised mutual information − 1 with the reference, of the last frames.
        is_lost: whether the head was looked for since then and not found.
    """

    motion: NDArray[np.float64] | None = None
    index: int = -1
    likenesses: tuple[float, ...] = ()
    is_lost: bool = False

    def followed_by(self, frame: FrameMotion) -> Past:
        """The past of the frame after ``frame``."""
        if frame.moving_to_fixed is None:
            return replace(self, is_lost=self.is_lost or frame.status is FrameStatus.LOST)
        likenesses, likeness = self.likenesses, _likeness(frame)
        if np.isfinite(likeness):
            likenesses = (*likenesses, likeness)[-_REMEMBERED:]
        if frame.trust.level is TrustLevel.DO_NOT_TRUST:
            return replace(self, likenesses=likenesses)
        return Past(frame.moving_to_fixed, frame.index, likenesses)

    def misses(self, found: Registration) -> bool:
        """Whether an alignment is likely to be wrong: the head may lie elsewhere, or quite another way."""
        if disagrees(found):
            return True
        return not self.is_usual(found) if self._usual else found.trust.level is not TrustLevel.GOOD

    def rejects(self, found: Registration) -> bool:
        """Whether an alignment is not to be trusted, seen together with the others."""
        return found.trust.level is TrustLevel.DO_NOT_TRUST or found.similarity.after - 1 < _STRANGE * self._usual

    def is_usual(self, found: Registration) -> bool:
        """Whether the frame is known to look as much like the reference as most frames before it."""
        return self._usual > 0 and found.similarity.after - 1 >= _UNLIKE * self._usual

    def bears_out(self, found: Registration, reference: Reference) -> bool:
        """Whether doubts about an alignment by intensities do not matter.

        The frame looks as much like the reference as most before it, with the head hardly moved since the last of them.
        """
        if self.motion is None or not self._usual or not found.refined:
            return False
        moved = displacement(found.moving_to_fixed, self.motion, reference.centre, reference.radius)
        return moved <= _NEAR and found.similarity.after - 1 >= _ALIKE * self._usual

    @property
    def _usual(self) -> float:
        """Likeness of the better frames; 0 where that is not known yet."""
        return float(np.quantile(self.likenesses, _BETTER)) if len(self.likenesses) >= _ENOUGH else 0.0

    def reasons(self, found: Registration, reference: Reference) -> tuple[str, ...]:
        """What is odd about an alignment after the ones before it, in sentences."""
        odd = []
        if self.motion is not None:
            moved = displacement(found.moving_to_fixed, self.motion, reference.centre, reference.radius)
            if moved > _JUMP:
                turned = rotation_angle(found.moving_to_fixed @ invert(self.motion))
                odd.append(
                    f"The head moved far since frame {self.index}: by {moved:.0f} mm on average, turned by {turned:.0f}°."
                )
        if self._usual and not self.is_usual(found):
            odd.append("The frame looks much less like the reference than most frames before it do.")
        return tuple(odd)


def _likeness(frame: FrameMotion) -> float:
    """Of a frame with the reference; NaN where it is not known, or says nothing as of the reference itself."""
    if frame.similarity is None or frame.status is FrameStatus.REFERENCE:
        return float("nan")
    return frame.similarity.after - 1


def disagrees(found: Registration) -> bool:
    """Whether there is no alignment at all: too few keypoints agree, and intensities have made none either."""
    return int(found.used.sum()) < FEWEST_KEYPOINTS and not found.by_intensities


def tracked(
    index: int, time: float, found: Registration, reference: Reference, past: Past, refound: bool, seconds: float
) -> FrameMotion:
    """The frame with its verdict."""
    odd = past.reasons(found, reference)
    trust = found.trust
    if trust.level is TrustLevel.CHECK and past.bears_out(found, reference):
        trust = Trust(TrustLevel.GOOD)
    level = TrustLevel.CHECK if odd and trust.level is TrustLevel.GOOD else trust.level
    level = TrustLevel.DO_NOT_TRUST if past.rejects(found) else level
    return FrameMotion(
        index=index,
        time=time,
        status=FrameStatus.TRACKED,
        moving_to_fixed=found.moving_to_fixed,
        trust=Trust(level, (*trust.reasons, *odd)),
        keypoints=found.moving_keypoints,
        used=found.used,
        covariance=motion_covariance(found),
        fre=found.fre,
        predicted_tre=None if found.by_intensities else found.predicted_tre,
        similarity=found.similarity,
        refound=refound,
        seconds=seconds,
    )


def lost(index: int, time: float, found: Registration, seconds: float) -> FrameMotion:
    """A frame in which no head was found that is the reference's."""
    reasons = ("The head was not found in this frame.", *found.trust.reasons)
    trust = Trust(TrustLevel.DO_NOT_TRUST, reasons)
    return FrameMotion(index, time, FrameStatus.LOST, None, trust, found.moving_keypoints, found.used, seconds=seconds)


def unusable(index: int, time: float, reason: str, unread: bool, seconds: float) -> FrameMotion:
    """A frame that shows nothing that could be aligned, or could not be read (``unread``); ``reason`` is a sentence."""
    trust = Trust(TrustLevel.DO_NOT_TRUST, (reason,))
    return FrameMotion(index, time, FrameStatus.UNUSABLE, None, trust, unread=unread, seconds=seconds)


def of_reference(reference: Reference, index: int, time: float, seconds: float) -> FrameMotion:
    """The frame that is the reference: it does not move."""
    present = reference.keypoints.present
    return FrameMotion(
        index=index,
        time=time,
        status=FrameStatus.REFERENCE,
        moving_to_fixed=np.eye(4),
        trust=Trust(TrustLevel.GOOD),
        keypoints=reference.keypoints,
        used=present,
        covariance=np.zeros((6, 6)),
        fre=0.0,
        predicted_tre=ErrorPrediction(0.0, 0.0, 0.0),
        similarity=SimilarityChange(2.0, 2.0),
        seconds=seconds,
    )


def motion_covariance(found: Registration) -> NDArray[np.float64] | None:
    """(6, 6) of rotation vector (radians) and translation (mm): expected errors, or larger residuals, propagated.

    None where keypoints do not determine the alignment.
    """
    used = found.used
    if not used.any():
        return None
    expected = found.expected_distances[used]
    ratio = max(1.0, float(np.sqrt(np.mean((found.residuals[used] / expected) ** 2))))
    errors = (ratio * expected[:, None, None]) ** 2 / 3 * np.eye(3)
    points = found.moving_keypoints.positions[used]
    try:
        spread = transform_covariance(TransformType.RIGID, found.moving_to_fixed, points, errors, found.weights[used])
    except DegenerateError:
        return None
    spread[3:, 3:] += found.error_floor**2 / 3 * np.eye(3)
    return spread
