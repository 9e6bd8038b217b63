"""Mutual information of paired values against closed forms, its slopes and the optimiser's gradient against differences."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.transforms import TransformType, apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.mutual_information import BINS, Bins, mutual_information
from KeypointRegistrationLib.registration.optimisation import LEVELS, Optimiser, TooLittleOverlap
from samples import sample_matrix, sample_volume

RNG = np.random.default_rng(5)


def pairs(correlation: float, count: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    first, noise = RNG.normal(size=(2, count))
    return first, correlation * first + np.sqrt(1 - correlation**2) * noise


def placed(*values: np.ndarray) -> list[np.ndarray]:
    return [Bins(each).places(each) for each in values]


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_gaussians_have_the_information_of_their_correlation(correlation):
    found, _ = mutual_information(*placed(*pairs(correlation)))
    # The window and the ends of the range blur a little of it away, never add any.
    assert found == pytest.approx(-0.5 * np.log(1 - correlation**2), rel=0.12, abs=0.01)


def test_it_is_the_same_for_inverted_and_stretched_values():
    first, second = pairs(0.8)
    plain, _ = mutual_information(*placed(first, second))
    assert mutual_information(*placed(first, 7 - 30 * second))[0] == pytest.approx(plain, abs=1e-3)


def test_values_alike_everywhere_tell_nothing():
    information, slopes = mutual_information(np.zeros(500), np.zeros(500))
    assert information == pytest.approx(0, abs=1e-4)
    assert not slopes.any()


def test_values_beyond_the_range_count_as_its_ends_and_have_no_slope():
    bins = Bins(np.linspace(0, 1, 1000))
    np.testing.assert_allclose(bins.places(np.array([-5.0, 9.0])), [0, BINS - 1])
    first, second = placed(*pairs(0.8))
    _, slopes = mutual_information(first, second)
    ends = (second == 0) | (second == BINS - 1)
    assert ends.any()
    assert not slopes[ends].any()


def test_slopes_say_how_much_is_gained_by_moving_values():
    first, second = placed(*pairs(0.7))
    information, slopes = mutual_information(first, second)
    direction = np.sin(first) * (second > 1) * (second < BINS - 2)
    there, back = (mutual_information(first, second + step * direction)[0] for step in (0.3, -0.3))
    assert (there - back) / 0.6 == pytest.approx(np.mean(slopes * direction), rel=0.2)
    # Towards what the first values predict, there is more.
    towards = 0.3 * np.sign(slopes)
    assert mutual_information(first, np.clip(second + towards, 0, BINS - 1))[0] > information


@pytest.mark.parametrize("kind", list(TransformType))
def test_the_optimisers_gradient_is_that_of_the_information(kind):
    fixed = sample_volume("fixed", size=48, spacing=3.0)
    region = Volume((np.asarray(fixed.voxels) > 0).astype(np.uint8), fixed.ijk_to_ras)
    start = sample_matrix(4, (3, -2, 2))
    likeness = Optimiser(fixed, fixed, region)._likeness(LEVELS[0], kind, start)
    gain, step = likeness.at(start), 0.03
    assert gain.gradient.shape == (kind.parameters,)
    differences = []
    for axis in np.eye(kind.parameters):
        there, back = (likeness.at(likeness.changed(start, sign * step * axis)).value for sign in (1, -1))
        differences.append((there - back) / (2 * step))
    differences = np.array(differences)
    assert np.abs(gain.gradient - differences).max() < 0.2 * np.abs(differences).max()
    assert np.corrcoef(gain.gradient, differences)[0, 1] > 0.98


def test_a_step_of_the_optimiser_moves_the_anatomy_by_its_length():
    fixed = sample_volume("fixed", size=48, spacing=3.0)
    region = Volume((np.asarray(fixed.voxels) > 0).astype(np.uint8), fixed.ijk_to_ras)
    likeness = Optimiser(fixed, fixed, region)._likeness(LEVELS[0], TransformType.RIGID, np.eye(4))
    for axis in np.eye(6):
        moved = apply(invert(likeness.changed(np.eye(4), 0.01 * axis)), likeness._places) - likeness._places
        rms = np.sqrt((moved**2).sum(axis=1).mean())
        assert 0.5 * 0.01 * likeness.radius < rms <= 1.01 * 0.01 * likeness.radius


def test_scans_that_do_not_overlap_are_told():
    fixed = sample_volume("fixed", size=48, spacing=3.0)
    region = Volume(np.ones(fixed.shape, np.uint8), fixed.ijk_to_ras)
    optimiser = Optimiser(fixed, fixed, region)
    with pytest.raises(TooLittleOverlap):
        optimiser.run(LEVELS[0], TransformType.RIGID, sample_matrix(0, (900, 0, 0)))
