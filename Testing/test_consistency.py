"""Anatomical consistency of keypoints, on tables small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation.consistency import consistency


def test_keypoints_that_are_always_in_the_same_structure_are_wholly_consistent() -> None:
    found = consistency([[3, 7, 0], [3, 7, 0], [3, 7, 0]])
    assert found.share == 1
    assert found.entropy == 0


def test_share_and_entropy_are_means_over_keypoints() -> None:
    found = consistency(np.array([[3, 1], [3, 2], [5, 3], [3, 0]]))
    assert found.share == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert found.entropy == pytest.approx((-0.75 * math.log(0.75) - 0.25 * math.log(0.25) + math.log(4)) / 2)


def test_outside_counts_as_a_structure_of_its_own() -> None:
    assert consistency([[0], [0], [4], [0]]).share == 0.75


def test_no_scans_are_refused() -> None:
    with pytest.raises(ValueError, match="table of scans and keypoints"):
        consistency([])
