"""Which pairs an alignment needs, against all that could have been chosen."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.accuracy import error_form, predicted_error, transform_covariance
from KeypointRegistrationLib.geometry.selection import select_pairs
from KeypointRegistrationLib.geometry.transforms import TransformType, apply
from samples import sample_keypoints, sample_matrix

POINTS = sample_keypoints(10).positions
DISTANCES = np.random.default_rng(2).uniform(1.0, 4.0, len(POINTS))
ANATOMY = sample_keypoints(50, seed=9).positions
MATRIX = sample_matrix(40.0)


def error_over_anatomy(kind: TransformType, chosen: list[int]) -> float:
    """Root-mean-square error in mm that is predicted of a fit to some of the pairs, by ``geometry.accuracy``."""
    covariances = DISTANCES[chosen, None, None] ** 2 / 3 * np.eye(3)
    covariance = transform_covariance(kind, MATRIX, POINTS[chosen], covariances, 1 / DISTANCES[chosen] ** 2)
    errors = predicted_error(error_form(kind, MATRIX, covariance), apply(MATRIX, ANATOMY))
    return float(np.sqrt(np.mean(errors**2)))


def selected(kind: TransformType, least_gain: float = 0.0) -> tuple[list[int], np.ndarray]:
    found = select_pairs(kind, MATRIX, POINTS, DISTANCES, ANATOMY, least_gain)
    return found.order.tolist(), found.predicted


@pytest.mark.parametrize("kind", list(TransformType))
def test_the_error_told_of_each_number_of_pairs_is_the_predicted_one(kind: TransformType) -> None:
    order, predicted = selected(kind)
    for count in (6, 8, 10):
        assert predicted[count - 1] == pytest.approx(error_over_anatomy(kind, order[:count]), rel=1e-3)


@pytest.mark.parametrize("kind", list(TransformType))
def test_each_pair_is_the_best_of_those_left_and_the_set_hardly_worse_than_the_best_of_all_sets(kind: TransformType) -> None:
    order, predicted = selected(kind)
    for count in (6, 7):
        rest = [k for k in range(len(POINTS)) if k not in order[:count]]
        best = min(rest, key=lambda k: error_over_anatomy(kind, [*order[:count], k]))
        assert order[count] == best
        optimum = min(error_over_anatomy(kind, list(chosen)) for chosen in combinations(range(len(POINTS)), count))
        assert predicted[count - 1] <= 1.15 * optimum


def test_all_pairs_are_taken_where_each_gains_and_few_where_more_would_not() -> None:
    assert sorted(selected(TransformType.RIGID, least_gain=0.0)[0]) == list(range(10))
    order, _ = selected(TransformType.RIGID, least_gain=0.2)
    assert len(order) == 6, "no fewer than can contradict each other"
    many = sample_keypoints(200, seed=5).positions
    found = select_pairs(TransformType.AFFINE, MATRIX, many, np.ones(200), many)
    assert 12 <= len(found.order) < 100
    gains = 1 - found.predicted[12:] / found.predicted[11:-1]
    assert (gains >= 0.01).all()


def test_a_pair_that_says_little_is_left_for_last() -> None:
    distances = np.where(np.arange(len(POINTS)) == 3, 50.0, 1.0)
    order = select_pairs(TransformType.RIGID, MATRIX, POINTS, distances, ANATOMY, 0.0).order
    assert order[-1] == 3


def test_an_affine_has_pairs_enough_for_the_robust_fit() -> None:
    found = select_pairs(TransformType.AFFINE, MATRIX, sample_keypoints(40).positions, np.ones(40), ANATOMY, 0.9)
    assert len(found.order) == 12
