"""The network's shapes, its masked softmax and its learned absence."""

from __future__ import annotations

import pytest
import torch
from KeypointRegistrationLib.detection.intensity import normalised
from KeypointRegistrationLib.detection.network import KeypointDetector


@pytest.fixture(scope="module")
def detector() -> KeypointDetector:
    torch.manual_seed(0)
    return KeypointDetector(5, widths=(8, 16, 24)).eval()


def test_maps_are_probabilities_on_the_half_grid(detector: KeypointDetector) -> None:
    log_probabilities, presence = detector(torch.rand(2, 1, 16, 16, 16), torch.ones(2, 8, 8, 8, dtype=torch.bool))
    assert log_probabilities.shape == (2, 5, 512)
    assert presence.shape == (2, 5)
    torch.testing.assert_close(log_probabilities.exp().sum(dim=-1), torch.ones(2, 5))


def test_no_probability_falls_outside_the_scan(detector: KeypointDetector) -> None:
    valid = torch.zeros(1, 8, 8, 8, dtype=torch.bool)
    valid[0, 2:4] = True
    log_probabilities, _ = detector(torch.rand(1, 1, 16, 16, 16), valid)
    inside = log_probabilities.exp()[..., valid.flatten(1)[0]].sum(dim=-1)
    torch.testing.assert_close(inside, torch.ones(1, 5))


def test_an_anatomy_is_absent_when_no_voxel_beats_its_threshold(detector: KeypointDetector) -> None:
    image, valid = torch.rand(1, 1, 16, 16, 16), torch.ones(1, 8, 8, 8, dtype=torch.bool)
    with torch.no_grad():
        _, presence = detector(image, valid)
        detector.absence += 1000.0
        _, beaten = detector(image, valid)
        detector.absence -= 1000.0
    torch.testing.assert_close(presence - beaten, torch.full((1, 5), 1000.0), atol=1e-2, rtol=0)


def test_normalised_intensities_ignore_outliers_and_what_is_not_covered() -> None:
    image = torch.linspace(0, 1, 32**3).reshape(32, 32, 32).clone()
    image[0, 0, 0] = 1e6
    covered = torch.ones_like(image, dtype=torch.bool)
    covered[16:] = False
    scaled = normalised(image, covered)
    assert scaled[:16].max() == 1
    assert scaled[16:].abs().max() == 0
    assert scaled[8].mean() == pytest.approx(0.53, abs=0.02)
