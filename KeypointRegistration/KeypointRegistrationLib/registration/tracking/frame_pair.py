"""A frame and its reference as a registration like any other, which a person can look at and correct with the same tools."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...detection.bundle import Card
from ...geometry.alignment import DegenerateError
from ...geometry.keypoints import Keypoints
from ...geometry.transforms import TransformType, apply, invert
from ..assessment import Circumstances, assess
from ..keypoint_fit import Expectation, KeypointFit, expectation, fit_keypoints, without_fit
from ..pairs import Pairing, pair_up
from ..result import ModelIdentity, Registration, SimilarityChange
from .frames import FrameMotion, FrameStatus
from .verdict import motion_covariance

_UNMEASURED = SimilarityChange(float("nan"), float("nan"))
_SAME = 1e-6  # matrices nearer than this are the same: what remains is rounding


def frame_registration(
    reference: Keypoints, motion: FrameMotion, card: Card, device: str, guess: NDArray[np.float64]
) -> Registration:
    """The alignment of a frame to the reference, with the verdict of the track.

    Args:
        reference: keypoints of the reference, in its RAS mm.
        motion: what was found of the frame.
        card: of the model that has found it.
        device: where.
        guess: 4×4 moving → fixed RAS where the frame has no alignment: where the head was last.
    """
    moving = motion.keypoints
    if moving is None:  # nothing was looked for: where the keypoints would be, as places that a person may start from
        moving = replace(reference.moved(invert(guess)), presence=np.zeros(len(reference)))
    one_person = replace(card, variation=np.zeros(len(reference)))
    pairing, expected = pair_up(reference, moving), expectation(one_person, reference, moving)
    aligned = _aligned(motion, reference, moving, pairing, expected, guess)
    matrix = aligned.fit.matrix if motion.moving_to_fixed is None else motion.moving_to_fixed
    similarity = motion.similarity or _UNMEASURED
    circumstances = Circumstances(similarity, similarity)
    result = assess(reference, moving, aligned, matrix, TransformType.RIGID, circumstances)
    return replace(
        result,
        trust=motion.trust,
        fre=motion.fre,
        predicted_tre=motion.predicted_tre or result.predicted_tre,
        refined=not np.allclose(matrix, aligned.fit.matrix, atol=_SAME),
        device=device,
        model=ModelIdentity(card.name, card.version, card.sha256),
        seconds={"track": motion.seconds},
    )


def corrected_motion(motion: FrameMotion, registration: Registration) -> FrameMotion:
    """The motion of a frame after a person has corrected its ``registration``."""
    return replace(
        motion,
        status=FrameStatus.TRACKED,
        moving_to_fixed=registration.moving_to_fixed,
        trust=registration.trust,
        keypoints=registration.moving_keypoints,
        used=registration.used,
        covariance=motion_covariance(registration),
        fre=registration.fre,
        predicted_tre=registration.predicted_tre,
        similarity=registration.similarity,
        corrected=True,
    )


def _aligned(
    motion: FrameMotion,
    reference: Keypoints,
    moving: Keypoints,
    pairing: Pairing,
    expected: Expectation,
    guess: NDArray[np.float64],
) -> KeypointFit:
    """The fit of the keypoints that were used; none where the head was not found."""
    reason = motion.trust.reasons[0] if motion.trust.reasons else motion.status.value
    if motion.moving_to_fixed is None:
        return without_fit(guess, TransformType.RIGID, reference, moving, pairing, expected, DegenerateError(reason))
    matrix, used = motion.moving_to_fixed, pairing.usable if motion.used is None else motion.used & pairing.usable
    apart = np.linalg.norm(apply(matrix, moving.positions) - reference.positions, axis=1)
    pairing = pairing.after_fit(used, apart, expected.distances)
    try:
        fitted = fit_keypoints(TransformType.RIGID, reference, moving, pairing, expected, trusted=used)
    except DegenerateError as error:
        return without_fit(matrix, TransformType.RIGID, reference, moving, pairing, expected, error)
    return replace(fitted, trusted=np.zeros(len(reference), dtype=bool))
