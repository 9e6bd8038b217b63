"""Robust fits leave out wrong pairs, and fall back in steps that they announce."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.alignment import DegenerateError, fit
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.robust import robust_fit
from KeypointRegistrationLib.geometry.transforms import TransformType, apply
from samples import sample_matrix
from test_alignment import true_matrix

RIGID, SIMILARITY, AFFINE = TransformType.RIGID, TransformType.SIMILARITY, TransformType.AFFINE
ALL = pytest.mark.parametrize("kind", list(TransformType))
SIGMA = 1.5  # mm per axis and scan
NOISE = SIGMA * np.sqrt(6)  # expected root-mean-square distance of a pair
TARGETS = np.array([[0, 0, 0], [60, 0, 0], [0, 80, 0], [0, 0, 60], [-40, -40, -40]], dtype=float)


def keypoints(positions: np.ndarray) -> Keypoints:
    count = len(positions)
    labels = tuple(f"point {k}" for k in range(count))
    return Keypoints(labels, positions, np.tile(np.eye(3), (count, 1, 1)), np.ones(count), np.zeros(count))


def pairs(kind: TransformType, seed: int, count: int = 32, outliers: float = 0.0):
    """Moving and fixed keypoints with Gaussian noise, and which pairs are wrong (fixed point off by 40 mm sd)."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-60, 60, size=(count, 3))
    moving = points + rng.normal(scale=SIGMA, size=points.shape)
    fixed = apply(true_matrix(kind), points) + rng.normal(scale=SIGMA, size=points.shape)
    wrong = np.zeros(count, dtype=bool)
    wrong[rng.choice(count, round(outliers * count), replace=False)] = True
    fixed[wrong] += rng.normal(scale=40, size=(wrong.sum(), 3))
    return keypoints(moving), keypoints(fixed), wrong


def target_error(kind: TransformType, matrix: np.ndarray) -> float:
    offsets = apply(matrix, TARGETS) - apply(true_matrix(kind), TARGETS)
    return float(np.sqrt((offsets**2).sum(axis=1).mean()))


@ALL
def test_without_wrong_pairs_it_is_as_good_as_plain_least_squares(kind):
    robust, plain = [], []
    for seed in range(40):
        moving, fixed, _ = pairs(kind, seed)
        result = robust_fit(kind, moving, fixed, np.ones(32, bool), np.full(32, NOISE))
        robust.append(target_error(kind, result.matrix))
        plain.append(target_error(kind, fit(kind, moving.positions, fixed.positions)))
        assert result.transform_type is kind
        assert result.notes == ()
    assert np.median(robust) < 1.03 * np.median(plain)


@pytest.mark.parametrize(
    ("kind", "outliers", "median", "worst"),
    [
        (RIGID, 0.1, 1.2, 2.5),
        (RIGID, 0.3, 1.3, 2.5),
        (RIGID, 0.5, 1.6, 4.0),
        (SIMILARITY, 0.3, 1.3, 3.0),
        (AFFINE, 0.1, 1.8, 3.5),
        (AFFINE, 0.3, 2.0, 5.0),
    ],
)
def test_wrong_pairs_hardly_matter(kind, outliers, median, worst):
    errors, plain = [], []
    for seed in range(40):
        moving, fixed, _ = pairs(kind, seed, outliers=outliers)
        result = robust_fit(kind, moving, fixed, np.ones(32, bool), np.full(32, NOISE))
        errors.append(target_error(kind, result.matrix))
        plain.append(target_error(kind, fit(kind, moving.positions, fixed.positions)))
    assert np.median(errors) < median
    assert np.percentile(errors, 95) < worst
    assert np.median(plain) > 2.5 * np.median(errors)


def test_wrong_pairs_are_named_and_weightless_and_their_residual_is_told():
    moving, fixed, wrong = pairs(RIGID, seed=5, outliers=0.3)
    result = robust_fit(RIGID, moving, fixed, np.ones(32, bool), np.full(32, NOISE))
    far = wrong & (result.residuals > 4 * NOISE)
    assert far.sum() >= 7
    assert not result.inliers[far].any()
    assert (result.weights[~result.inliers] == 0).all()
    assert result.weights.sum() == pytest.approx(1)
    assert (~result.inliers & ~wrong).sum() <= 1


@ALL
def test_unusable_pairs_take_no_part_whatever_they_hold(kind):
    moving, fixed, _ = pairs(kind, seed=2)
    usable = np.ones(32, dtype=bool)
    usable[[0, 7]] = False
    noise = np.where(usable, NOISE, np.nan)
    broken = fixed.positions.copy()
    broken[~usable] = 1e5
    first = robust_fit(kind, moving, fixed, usable, noise)
    second = robust_fit(kind, moving, keypoints(broken), usable, noise)
    np.testing.assert_array_equal(first.matrix, second.matrix)
    assert np.isnan(first.residuals[~usable]).all()
    assert np.isfinite(first.residuals[usable]).all()
    assert (first.weights[~usable] == 0).all()


@ALL
def test_weights_are_inverse_variances(kind):
    moving, fixed, _ = pairs(kind, seed=1)
    noise = np.full(32, NOISE)
    noise[:8] = 1.5 * NOISE
    weights = robust_fit(kind, moving, fixed, np.ones(32, bool), noise).weights
    assert weights[0] / weights[-1] == pytest.approx(1.5**-2)


@ALL
def test_the_answer_does_not_depend_on_where_the_scans_lie(kind):
    moving, fixed, _ = pairs(kind, seed=6, outliers=0.2)
    pose = sample_matrix(130.0, (250.0, -90.0, 40.0))
    here = robust_fit(kind, moving, fixed, np.ones(32, bool), np.full(32, NOISE))
    there = robust_fit(kind, moving.moved(pose), fixed, np.ones(32, bool), np.full(32, NOISE))
    np.testing.assert_allclose(there.matrix @ pose, here.matrix, atol=1e-6)
    np.testing.assert_array_equal(here.inliers, there.inliers)


def test_exact_pairs_without_any_scatter_are_all_used():
    moving, _, _ = pairs(RIGID, seed=0)
    result = robust_fit(RIGID, moving, moving.moved(sample_matrix()), np.ones(32, bool), np.full(32, 1.0))
    assert result.inliers.all()
    np.testing.assert_allclose(result.matrix, sample_matrix(), atol=1e-9)


def test_pairs_that_scatter_more_than_expected_are_accepted_and_it_is_said():
    moving, fixed, _ = pairs(AFFINE, seed=3)
    result = robust_fit(AFFINE, moving, fixed, np.ones(32, bool), np.full(32, NOISE / 2.8))
    assert result.transform_type is AFFINE
    assert result.inliers.mean() >= 0.5
    assert any("less well than expected" in note for note in result.notes)


@pytest.mark.parametrize(("count", "expected"), [(11, SIMILARITY), (3, RIGID)])
def test_too_few_pairs_for_an_affine_fall_back_and_say_so(count, expected):
    moving, fixed, _ = pairs(RIGID, seed=0)
    usable = np.arange(32) < count
    result = robust_fit(AFFINE, moving, fixed, usable, np.full(32, NOISE))
    assert result.transform_type is expected
    assert all(word in " ".join(result.notes) for word in ("instead", expected.value))
    rotation = result.matrix[:3, :3] / np.cbrt(np.linalg.det(result.matrix[:3, :3]))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)


def test_pairs_near_a_plane_give_a_similarity_instead_of_an_affine():
    rng = np.random.default_rng(0)
    flat = rng.uniform(-60, 60, size=(32, 3)) * (1, 1, 0.05)
    moving, fixed = keypoints(flat), keypoints(flat + rng.normal(scale=0.5, size=flat.shape))
    result = robust_fit(AFFINE, moving, fixed, np.ones(32, bool), np.full(32, 1.0))
    assert result.transform_type is SIMILARITY
    assert "plane" in result.notes[0]


@pytest.mark.parametrize("count", [0, 2])
def test_two_pairs_fit_nothing(count):
    moving, fixed, _ = pairs(RIGID, seed=0)
    with pytest.raises(DegenerateError, match="at least 3"):
        robust_fit(AFFINE, moving, fixed, np.arange(32) < count, np.full(32, NOISE))


def test_pairs_on_a_line_fit_nothing():
    line = keypoints(np.outer(np.arange(16.0), (5, 1, 2)))
    with pytest.raises(DegenerateError, match="line"):
        robust_fit(RIGID, line, line, np.ones(16, bool), np.ones(16))


def test_noise_must_be_positive_where_it_is_used():
    moving, fixed, _ = pairs(RIGID, seed=0)
    with pytest.raises(ValueError, match="noise"):
        robust_fit(RIGID, moving, fixed, np.ones(32, bool), np.zeros(32))
