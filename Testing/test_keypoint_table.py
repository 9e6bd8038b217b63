"""The rows of the keypoint table say what the registration says, for every kind of keypoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from KeypointRegistrationLib.registration.correction import AddedPair, Correction, PairChoice, corrected
from KeypointRegistrationLib.registration.result import KeypointStatus, Registration
from KeypointRegistrationLib.registration.table import keypoint_rows, pair_leverages
from samples import sample_registration
from test_correction import answer

MISSING, EXCLUDED = 1, 2  # of the sample


@pytest.fixture(scope="module")
def registration() -> Registration:
    return sample_registration()


def test_a_row_holds_what_is_known_of_its_pair(registration: Registration) -> None:
    row = keypoint_rows(registration, Correction.none(registration))[5]
    assert (row.keypoint, row.label, row.status) == (5, "point 6", KeypointStatus.USED)
    assert row.fixed == pytest.approx(registration.fixed_keypoints.positions[5])
    assert row.moving == pytest.approx(registration.moving_keypoints.positions[5])
    assert row.residual == pytest.approx(registration.residuals[5])
    assert row.spread == pytest.approx(registration.fixed_keypoints.spread[5])
    assert row.confidence == pytest.approx(registration.fixed_keypoints.presence[5])
    assert row.weight == pytest.approx(1 / 14)
    assert not row.placed and not row.added and row.why == ""


def test_spread_and_confidence_are_those_of_the_worse_scan(registration: Registration) -> None:
    moving = registration.moving_keypoints
    worse = replace(moving, covariances=4 * moving.covariances, presence=moving.presence / 2)
    row = keypoint_rows(replace(registration, moving_keypoints=worse), Correction.none(registration))[5]
    assert row.spread == pytest.approx(2 * moving.spread[5])
    assert row.confidence == pytest.approx(moving.presence[5] / 2)


def test_what_is_not_used_says_why_and_what_is_missing_has_no_residual(registration: Registration) -> None:
    rows = keypoint_rows(registration, Correction.none(registration))
    assert rows[MISSING].status is KeypointStatus.MISSING and np.isnan(rows[MISSING].residual)
    assert rows[MISSING].fixed is None and rows[MISSING].moving is None
    assert rows[EXCLUDED].why == "example reason: excluded" and rows[EXCLUDED].fixed is not None
    assert rows[EXCLUDED].weight == rows[EXCLUDED].leverage == 0


def test_leverages_sum_to_a_third_of_the_parameters(registration: Registration) -> None:
    assert pair_leverages(registration).sum() == pytest.approx(registration.transform_type.parameters / 3)


def test_pairs_that_determine_nothing_have_no_leverage(registration: Registration) -> None:
    moving = registration.moving_keypoints
    in_one_place = replace(registration, moving_keypoints=replace(moving, positions=np.zeros_like(moving.positions)))
    leverages = pair_leverages(in_one_place)
    assert np.isnan(leverages[registration.used]).all() and leverages[EXCLUDED] == 0


def test_what_the_person_has_done_is_told() -> None:
    original = answer()
    correction = replace(
        Correction.none(original),
        choices={3: PairChoice.LEAVE_OUT},
        moving_positions={4: tuple(original.moving_keypoints.positions[4] + 1)},
        added=(AddedPair("mine", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),),
    )
    rows = keypoint_rows(corrected(original, correction), correction)
    assert rows[3].residual > 20, "also where the pair is not used"
    assert (rows[3].status, rows[3].choice) == (KeypointStatus.LEFT_OUT, PairChoice.LEAVE_OUT)
    assert rows[4].placed and not rows[4].added
    assert rows[-1].label == "mine" and rows[-1].added and rows[-1].placed
    assert rows[-1].fixed == (1, 2, 3) and rows[-1].moving == (4, 5, 6)
    assert not rows[5].placed
