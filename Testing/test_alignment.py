"""Closed-form fits find exact answers, treat both scans alike and refuse what they cannot determine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from KeypointRegistrationLib.geometry.alignment import DegenerateError, fit
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert
from samples import sample_matrix
from scipy.spatial.transform import Rotation

RIGID, SIMILARITY, AFFINE = TransformType.RIGID, TransformType.SIMILARITY, TransformType.AFFINE
ALL = pytest.mark.parametrize("kind", list(TransformType))


def true_matrix(kind: TransformType, degrees: float = 75.0) -> np.ndarray:
    matrix = sample_matrix(degrees)
    if kind is SIMILARITY:
        return matrix @ np.diag([1.12, 1.12, 1.12, 1])
    if kind is AFFINE:
        return matrix @ affine([[1.1, 0.05, 0], [0, 0.93, -0.08], [0.02, 0, 1.02]], (0, 0, 0))
    return matrix


def cloud(seed: int, count: int = 14) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-60, 60, size=(count, 3)) + np.array([10, -40, 25])


def noisy_pair(kind: TransformType, seed: int, noise: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    moving = cloud(seed)
    rng = np.random.default_rng(seed + 1)
    return moving, apply(true_matrix(kind), moving) + rng.normal(scale=noise, size=moving.shape)


@ALL
@pytest.mark.parametrize("degrees", [0.0, 75.0, 180.0])
def test_exact_pairs_give_the_exact_transform(kind, degrees):
    truth = true_matrix(kind, degrees)
    np.testing.assert_allclose(fit(kind, cloud(0), apply(truth, cloud(0))), truth, atol=1e-9)


@pytest.mark.parametrize("kind", [RIGID, SIMILARITY])
def test_mirrored_points_never_give_a_mirroring(kind):
    matrix = fit(kind, cloud(0), cloud(0) * (-1, 1, 1))
    assert np.linalg.det(matrix[:3, :3]) > 0


def test_mirrored_points_are_refused_by_an_affine_fit():
    with pytest.raises(DegenerateError, match="inside out"):
        fit(AFFINE, cloud(0), cloud(0) * (-1, 1, 1))


@pytest.mark.parametrize("kind", [RIGID, SIMILARITY])
def test_points_in_one_plane_suffice_without_mirroring(kind):
    flat = cloud(0) * (1, 1, 0)
    truth = true_matrix(kind)
    np.testing.assert_allclose(fit(kind, flat, apply(truth, flat)), truth, atol=1e-9)


@ALL
def test_pairs_without_weight_count_nothing_and_heavy_pairs_count_more(kind):
    moving, fixed = noisy_pair(kind, seed=3)
    broken = fixed.copy()
    broken[0] += 500
    weights = np.ones(len(moving))
    weights[0] = 0
    np.testing.assert_allclose(fit(kind, moving, broken, weights), fit(kind, moving[1:], fixed[1:]), atol=1e-9)
    heavy = np.ones(len(moving))
    heavy[5] = 1e6
    miss = [np.linalg.norm(apply(fit(kind, moving, fixed, w), moving[5]) - fixed[5]) for w in (None, heavy)]
    assert miss[1] < 0.01 * miss[0]


@ALL
def test_doubling_a_weight_is_the_same_as_having_the_pair_twice(kind):
    moving, fixed = noisy_pair(kind, seed=4)
    weights = np.ones(len(moving))
    weights[2] = 2
    twice = [np.concatenate([points, points[2:3]]) for points in (moving, fixed)]
    np.testing.assert_allclose(fit(kind, moving, fixed, weights), fit(kind, *twice), atol=1e-9)


@ALL
@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_exchanging_the_scans_gives_the_inverse(kind, seed):
    moving, fixed = noisy_pair(kind, seed)
    weights = np.random.default_rng(seed).uniform(0.1, 1, len(moving))
    np.testing.assert_allclose(fit(kind, fixed, moving, weights), invert(fit(kind, moving, fixed, weights)), atol=1e-7)


@ALL
@given(seed=st.integers(0, 1000), turn=st.tuples(*[st.floats(-3, 3)] * 3), shift=st.tuples(*[st.floats(-300, 300)] * 3))
@settings(max_examples=20, deadline=None)
def test_moving_both_scans_moves_the_answer_along(kind, seed, turn, shift):
    moving, fixed = noisy_pair(kind, seed)
    pose = affine(Rotation.from_rotvec(turn).as_matrix(), shift)
    expected = fit(kind, moving, fixed)
    np.testing.assert_allclose(fit(kind, apply(pose, moving), fixed), expected @ invert(pose), atol=1e-6)
    np.testing.assert_allclose(fit(kind, moving, apply(pose, fixed)), pose @ expected, atol=1e-6)


def test_affine_fit_to_noisy_points_neither_shrinks_nor_stretches():
    rng = np.random.default_rng(0)
    sizes = []
    for seed in range(200):
        truth = cloud(seed, count=20)
        matrix = fit(AFFINE, *(truth + rng.normal(scale=8, size=truth.shape) for _ in range(2)))
        sizes.append(np.log(np.linalg.det(matrix[:3, :3])))
    assert abs(np.mean(sizes)) < 3 * np.std(sizes) / np.sqrt(len(sizes))


@pytest.mark.parametrize(
    ("kind", "points", "message"),
    [
        (RIGID, cloud(0)[:2], "at least 3"),
        (SIMILARITY, cloud(0)[:2], "at least 3"),
        (AFFINE, cloud(0)[:3], "at least 4"),
        (RIGID, np.outer(np.arange(9.0), (1, 2, 3)), "one line"),
        (AFFINE, np.outer(np.arange(9.0), (1, 2, 3)), "one line"),
        (AFFINE, cloud(0) * (1, 1, 0), "one plane"),
        (AFFINE, cloud(0) * (1, 1, 0.005), "one plane"),
        (RIGID, np.ones((9, 3)), "one place"),
    ],
)
def test_layouts_that_determine_nothing_are_refused_in_a_sentence(kind, points, message):
    with pytest.raises(DegenerateError, match=message):
        fit(kind, points, points)
    if len(points) > 4:
        with pytest.raises(DegenerateError):
            fit(kind, cloud(1, len(points)), points)


@ALL
def test_positions_that_are_not_numbers_are_refused(kind):
    points = cloud(0)
    points[3, 1] = np.nan
    with pytest.raises(DegenerateError, match="finite"):
        fit(kind, points, cloud(0))


def test_wrong_shapes_and_negative_weights_are_programming_errors():
    with pytest.raises(ValueError, match="shape"):
        fit(RIGID, cloud(0), cloud(0)[:-1])
    with pytest.raises(ValueError, match="weights"):
        fit(RIGID, cloud(0), cloud(0), -np.ones(14))


@pytest.mark.parametrize("seed", range(20))
def test_an_affine_is_fitted_to_clouds_that_are_almost_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moving = rng.uniform(-60, 60, size=(30, 3))
    fixed = moving + rng.normal(scale=10.0 ** rng.uniform(-12, -3), size=(30, 3))
    np.testing.assert_allclose(fit(TransformType.AFFINE, moving, fixed), np.eye(4), atol=1e-2)
