"""Predicted errors are the errors that repeated experiments make."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.accuracy import error_form, predicted_error, transform_covariance
from KeypointRegistrationLib.geometry.alignment import DegenerateError, fit
from KeypointRegistrationLib.geometry.transforms import TransformType, apply, invert
from samples import sample_matrix
from test_alignment import cloud, true_matrix

ALL = pytest.mark.parametrize("kind", list(TransformType))
TARGETS = np.array([[0, 0, 0], [90, 0, 0], [0, -90, 30], [40, 60, 120]], dtype=float)


def random_covariances(seed: int, count: int) -> np.ndarray:
    """Anisotropic covariances with standard deviations of about 0.3 to 2 mm."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    deviations = rng.uniform(0.3, 2.0, size=(count, 3))
    return axes @ (deviations[:, :, None] ** 2 * axes.transpose(0, 2, 1))


@ALL
@pytest.mark.parametrize("weighting", ["equal", "by precision"])
def test_prediction_agrees_with_a_monte_carlo_experiment(kind, weighting):
    rng = np.random.default_rng(7)
    moving, truth = cloud(0, 24), true_matrix(kind)
    exact = apply(truth, moving)
    covariances = random_covariances(1, 24)
    weights = np.ones(24) if weighting == "equal" else 1 / np.trace(covariances, axis1=1, axis2=2)
    roots = np.linalg.cholesky(covariances)
    targets = apply(invert(truth), TARGETS)
    squared = np.zeros(len(TARGETS))
    trials = 1500
    for _ in range(trials):
        noisy = exact + np.einsum("nij,nj->ni", roots, rng.normal(size=exact.shape))
        squared += ((apply(fit(kind, moving, noisy, weights), targets) - TARGETS) ** 2).sum(axis=1)
    covariance = transform_covariance(kind, truth, moving, covariances, weights)
    predicted = predicted_error(error_form(kind, truth, covariance), TARGETS)
    np.testing.assert_allclose(predicted, np.sqrt(squared / trials), rtol=0.06)


@ALL
def test_covariance_has_one_row_per_parameter_and_is_one(kind):
    covariance = transform_covariance(kind, true_matrix(kind), cloud(0), random_covariances(0, 14), np.ones(14))
    assert covariance.shape == (kind.parameters, kind.parameters)
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0


@ALL
def test_scale_of_the_weights_does_not_matter_and_twice_the_noise_is_twice_the_error(kind):
    def predict(factor: float, weight: float) -> np.ndarray:
        covariances = factor**2 * random_covariances(0, 14)
        covariance = transform_covariance(kind, true_matrix(kind), cloud(0), covariances, np.full(14, weight))
        return predicted_error(error_form(kind, true_matrix(kind), covariance), TARGETS)

    np.testing.assert_allclose(predict(1, 1), predict(1, 1 / 14))
    np.testing.assert_allclose(predict(2, 1), 2 * predict(1, 1))


@ALL
def test_prediction_moves_along_with_both_scans(kind):
    pose = sample_matrix(100.0, (300.0, 200.0, -150.0))
    covariances = random_covariances(0, 14)

    def predict(matrix: np.ndarray, moving: np.ndarray, errors: np.ndarray, targets: np.ndarray) -> np.ndarray:
        covariance = transform_covariance(kind, matrix, moving, errors, np.ones(14))
        return predicted_error(error_form(kind, matrix, covariance), targets)

    here = predict(true_matrix(kind), cloud(0), covariances, TARGETS)
    from_elsewhere = predict(true_matrix(kind) @ invert(pose), apply(pose, cloud(0)), covariances, TARGETS)
    turned = pose[:3, :3] @ covariances @ pose[:3, :3].T
    elsewhere = predict(pose @ true_matrix(kind), cloud(0), turned, apply(pose, TARGETS))
    np.testing.assert_allclose(from_elsewhere, here, rtol=1e-6)
    np.testing.assert_allclose(elsewhere, here, rtol=1e-6)


def test_rigid_error_grows_from_the_middle_of_the_points_outwards():
    points = cloud(0, 40)
    covariance = transform_covariance(TransformType.RIGID, np.eye(4), points, np.tile(np.eye(3), (40, 1, 1)), np.ones(40))
    form = error_form(TransformType.RIGID, np.eye(4), covariance)
    middle = points.mean(axis=0)
    rays = predicted_error(form, middle + np.arange(5)[:, None] * (20, 20, 10))
    assert (np.diff(rays) > 0).all()
    # For equal isotropic errors the translation at the centroid is the mean of N independent errors.
    assert rays[0] == pytest.approx(np.sqrt(3 / 40), rel=1e-6)


def test_points_on_a_line_have_no_predictable_rotation():
    line = np.outer(np.arange(9.0), (1, 0, 0))
    with pytest.raises(DegenerateError):
        transform_covariance(TransformType.RIGID, np.eye(4), line, np.tile(np.eye(3), (9, 1, 1)), np.ones(9))


def test_a_form_without_error_predicts_zero():
    assert (predicted_error(np.zeros((4, 4)), TARGETS) == 0).all()
