"""The verdict: each reason alone, and none where all is well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.registration.result import ErrorPrediction, SimilarityChange, Trust, TrustLevel
from KeypointRegistrationLib.registration.trust import judge
from samples import sample_keypoints

POSITIONS = sample_keypoints(30).positions


def verdict(**changes: Any) -> Trust:
    """The verdict on a good alignment but for the changes."""
    arguments = {
        "pairs_used": 30,
        "pairs_present": 32,
        "pairs_left_out": 0,
        "pairs": 34,
        "positions": POSITIONS,
        "residual_ratio": 0.4,
        "far_apart": [],
        "largest_leverage": 0.2,
        "matrix": np.diag([1.05, 0.97, 1.02, 1.0]),
        "kind": TransformType.AFFINE,
        "similarity": SimilarityChange(before=1.05, after=1.2),
        "predicted": ErrorPrediction(centre=1.0, median=1.5, p95=2.5),
        "contradicted": False,
        "unfamiliar": False,
    }
    return judge(**(arguments | changes))


def test_a_good_alignment_needs_no_words() -> None:
    assert verdict() == Trust(TrustLevel.GOOD)


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"pairs_used": 5, "pairs_present": 6, "pairs": 6}, TrustLevel.DO_NOT_TRUST, "Only 5 keypoint pairs"),
        ({"pairs_used": 10, "pairs_present": 12, "pairs": 12}, TrustLevel.CHECK, "Few keypoint pairs (10)"),
        ({"pairs_present": 62}, TrustLevel.DO_NOT_TRUST, "Only 30 of the 62 keypoints"),
        ({"positions": POSITIONS * (1, 1, 0.05)}, TrustLevel.CHECK, "almost in a plane"),
        ({"pairs_present": 62, "pairs_left_out": 32, "pairs": 62}, TrustLevel.CHECK, "You left out 32 of the 62"),
        ({"pairs": 62}, TrustLevel.CHECK, "32 of 62 keypoints are in both scans"),
        ({"largest_leverage": 0.7}, TrustLevel.CHECK, "hangs on a single keypoint"),
        ({"unfamiliar": True}, TrustLevel.CHECK, "wider than usual"),
        ({"far_apart": ["left thalamus"]}, TrustLevel.CHECK, "left thalamus"),
        ({"far_apart": ["a", "b", "c", "d", "e"]}, TrustLevel.CHECK, "a; b; c and 2 more"),
        ({"residual_ratio": 1.1}, TrustLevel.CHECK, "2.2 times as far apart as in good"),
        ({"matrix": np.diag([1.3, 1.0, 1.0, 1.0])}, TrustLevel.CHECK, "1.30 / 1.00 / 1.00"),
        ({"matrix": np.diag([1.74, 0.93, 0.89, 1.0])}, TrustLevel.DO_NOT_TRUST, "1.74 / 0.93 / 0.89"),
        ({"similarity": SimilarityChange(1.2, 1.1)}, TrustLevel.DO_NOT_TRUST, "less alike"),
        ({"predicted": ErrorPrediction(9.0, 9.4, 12.0)}, TrustLevel.CHECK, "9.4 mm"),
        ({"contradicted": True}, TrustLevel.DO_NOT_TRUST, "one of the two is wrong"),
    ],
)
def test_every_weakness_is_told(changes: dict[str, Any], level: TrustLevel, words: str) -> None:
    found = verdict(**changes)
    assert found.level is level
    assert len(found.reasons) == 1
    assert words in found.reasons[0]


def test_scans_that_were_aligned_already_may_lose_a_little_similarity() -> None:
    assert verdict(similarity=SimilarityChange(1.1985, 1.1934)).level is TrustLevel.GOOD


def test_a_shear_is_told() -> None:
    matrix = np.eye(4)
    matrix[0, 1] = 0.6
    assert any("shears by" in reason for reason in verdict(matrix=matrix).reasons)


def test_the_worst_weakness_decides_and_comes_first() -> None:
    found = verdict(contradicted=True, residual_ratio=3.0)
    assert found.level is TrustLevel.DO_NOT_TRUST
    assert "wrong" in found.reasons[0]
    assert len(found.reasons) == 2


def test_a_similarity_that_could_not_be_measured_is_told() -> None:
    found = verdict(similarity=SimilarityChange(1.0, 1.0))
    assert found.level is TrustLevel.CHECK
    assert "could not be measured" in found.reasons[0]


def test_a_similarity_that_has_not_been_measured_yet_says_nothing() -> None:
    assert verdict(similarity=SimilarityChange(before=1.2, after=float("nan"))) == Trust(TrustLevel.GOOD)


def test_keypoints_that_a_person_has_left_out_do_not_disagree() -> None:
    assert verdict(pairs_present=50, pairs_left_out=20, pairs=50) == Trust(TrustLevel.GOOD)
