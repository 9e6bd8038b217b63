"""Predicted errors against the errors there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from KeypointRegistrationLib.evaluation import calibration_check
from KeypointRegistrationLib.evaluation.calibration_check import SHARES, Calibration, calibration_table
from KeypointRegistrationLib.geometry.volume import Volume


def drawn(told: float) -> Calibration:
    """Gaussian errors of 3 mm root-mean-square length of which ``told`` mm is predicted."""
    errors = np.linalg.norm(np.random.default_rng(0).normal(scale=3 / np.sqrt(3), size=(20000, 3)), axis=1)
    return Calibration("made up", 2, errors, np.full(20000, told))


def test_errors_that_are_predicted_rightly_fill_each_radius_as_they_should() -> None:
    np.testing.assert_allclose(drawn(3.0).within(), SHARES, atol=0.01)


def test_errors_that_are_predicted_too_small_lie_outside() -> None:
    assert (drawn(2.0).within() < np.array(SHARES) - 0.1).all()


def test_the_table_tells_errors_predictions_and_shares() -> None:
    row = calibration_table([drawn(3.0)]).splitlines()[-1]
    assert row == "| made up (2) | 20000 | 2.7 / 4.9 | 2.7 / 4.8 | 50 % | 90 % | 95 % |"


def test_centroids_are_told_in_ras() -> None:
    voxels = np.zeros((10, 12, 14), dtype=np.uint8)
    voxels[2:5, 6:9, 1:4], voxels[7, 7, 7] = 3, 5
    matrix = np.array([[0, -2, 0, 5], [3, 0, 0, -1], [0, 0, 4, 2], [0, 0, 0, 1.0]])
    found = calibration_check._centroids(Volume(voxels, matrix, "labels"), [3, 5])
    np.testing.assert_allclose(found, [[-9, 5, 14], [-9, 20, 30]])


def test_on_real_scans_most_errors_lie_within_the_radius_that_is_predicted_to_hold_95_percent(shared_data: Path) -> None:
    from KeypointRegistrationLib.detection.detector import Detector

    found = calibration_check.measure(shared_data, Detector("brain-affine", "cpu"), limit=1)
    everything = Calibration(
        "all",
        len(found),
        np.concatenate([calibration.errors for calibration in found]),
        np.concatenate([calibration.predicted for calibration in found]),
    )
    assert everything.within()[2] > 0.85
    assert np.median(everything.predicted) < 2 * np.median(everything.errors), "else anything would lie within"
