"""What becomes of doubts about a frame, seen together with the frames before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.transforms import affine
from KeypointRegistrationLib.registration.result import SimilarityChange, Trust, TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion, Reference
from KeypointRegistrationLib.registration.tracking.verdict import Past, tracked
from samples import sample_keypoints, sample_registration, sample_volume

FOUND = replace(sample_registration(), refined=True)
REFERENCE = Reference(sample_volume("head", size=8, spacing=20.0), 0, sample_keypoints(16), np.zeros(3), 40.0)
DOUBTED = Trust(TrustLevel.CHECK, ("They were aligned by intensities alone: look whether they fit.",))
USUAL = 0.2


def verdict(likeness: float, moved: float, trust: Trust = DOUBTED, refined: bool = True, known: int = 5) -> FrameMotion:
    """Of a frame as alike to the reference as told, ``moved`` mm after frames that all were as alike as usual."""
    similarity = SimilarityChange(1.0, 1 + likeness)
    found = replace(FOUND, trust=trust, similarity=similarity, refined=refined)
    before = affine(np.eye(3), (moved, 0, 0)) @ found.moving_to_fixed
    return tracked(7, 14.0, found, REFERENCE, Past(before, 6, (USUAL,) * known), False, 1.0)


def test_doubts_are_laid_to_rest_by_a_frame_that_looks_as_usual_near_where_the_head_was():
    frame = verdict(0.9 * USUAL, 1.0)
    assert frame.trust == Trust(TrustLevel.GOOD)


@pytest.mark.parametrize(
    "frame",
    [
        verdict(0.7 * USUAL, 1.0),
        verdict(0.9 * USUAL, 8.0),
        verdict(0.9 * USUAL, 1.0, refined=False),
        verdict(0.9 * USUAL, 1.0, known=2),
    ],
    ids=["less alike", "further off", "keypoints alone", "nothing usual yet"],
)
def test_else_they_are_told(frame: FrameMotion):
    assert frame.trust == DOUBTED


def test_a_frame_whose_likeness_is_not_known_says_nothing_of_what_is_usual():
    """A person has corrected it so that it hardly overlaps with the reference, say."""
    frame = verdict(0.9 * USUAL, 1.0)
    past = Past(np.eye(4), 6, (USUAL,) * 5)
    after = past.followed_by(replace(frame, similarity=SimilarityChange(1.1, float("nan")), corrected=True))
    assert after.likenesses == past.likenesses
    assert after.index == frame.index  # it is followed from all the same
    assert after.is_usual(replace(FOUND, similarity=SimilarityChange(1.0, 1 + USUAL)))


def test_what_is_not_to_be_trusted_stays_so():
    refused = Trust(TrustLevel.DO_NOT_TRUST, ("Few keypoint pairs agree with the alignment.",))
    assert verdict(USUAL, 0.0, refused).trust == refused
    assert verdict(0.3 * USUAL, 0.0).trust.level is TrustLevel.DO_NOT_TRUST


def test_a_good_frame_that_is_odd_is_to_be_checked():
    frame = verdict(0.9 * USUAL, 30.0, Trust(TrustLevel.GOOD))
    assert frame.trust.level is TrustLevel.CHECK
    assert frame.trust.reasons[0].startswith("The head moved far since frame 6: by 30 mm")
