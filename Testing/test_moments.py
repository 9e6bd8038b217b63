"""Moments of probability maps against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from KeypointRegistrationLib.detection.moments import Moments, moments

SIZE, SPACING = 24, 2.0


def lattice() -> torch.Tensor:
    """Voxel positions (mm), x fastest, shape (SIZE³, 3)."""
    axis = (torch.arange(SIZE) - (SIZE - 1) / 2) * SPACING
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), z.flatten()], dim=1)


def moments_of(density: torch.Tensor) -> Moments:
    logarithm = torch.log(density / density.sum()).clamp(min=-1e4)
    return moments(logarithm[None, None], SIZE, SPACING)


def gaussian(mean: tuple[float, float, float], deviations: tuple[float, float, float]) -> torch.Tensor:
    offsets = (lattice() - torch.tensor(mean)) / torch.tensor(deviations)
    return torch.exp(-0.5 * offsets.square().sum(dim=1).double()).float() + 1e-30


def test_a_gaussian_has_its_own_mean_and_covariance_and_almost_no_divergence() -> None:
    found = moments_of(gaussian((3.0, -5.0, 1.0), (5.0, 4.0, 6.0)))
    torch.testing.assert_close(found.means[0, 0], torch.tensor([3.0, -5.0, 1.0]), atol=0.15, rtol=0)
    expected = torch.diag(torch.tensor([25.0, 16.0, 36.0])) + torch.eye(3) * SPACING**2 / 12
    torch.testing.assert_close(found.covariances[0, 0], expected, rtol=0.08, atol=0.2)
    assert 0 <= found.divergences(isotropic=False).item() < 0.03


def test_a_single_voxel_keeps_the_extent_of_a_voxel_and_a_finite_divergence() -> None:
    spike = torch.full((SIZE**3,), 1e-30)
    spike[1234] = 1.0
    found = moments_of(spike)
    torch.testing.assert_close(found.means[0, 0], lattice()[1234], atol=1e-3, rtol=0)
    torch.testing.assert_close(found.covariances[0, 0], torch.eye(3) * SPACING**2 / 12, atol=1e-3, rtol=0)
    # A uniform cube against the Gaussian of its own moments: 3/2 · log(2πe/12).
    assert found.divergences(isotropic=False).item() == pytest.approx(1.5 * math.log(2 * math.pi * math.e / 12), abs=1e-3)


def test_two_peaks_diverge_by_what_numerical_integration_says() -> None:
    deviation, distance = 3.0, 9.0
    two = gaussian((-distance, 0, 0), (deviation,) * 3) + gaussian((distance, 0, 0), (deviation,) * 3)
    x = np.linspace(-40, 40, 8001)
    density = sum(np.exp(-((x - m) ** 2) / (2 * deviation**2)) for m in (-distance, distance))
    density /= density.sum() * (x[1] - x[0])
    variance = deviation**2 + distance**2
    step = x[1] - x[0]
    expected = (
        np.sum(density * (np.log(density + 1e-300) + 0.5 * np.log(2 * np.pi * variance) + x**2 / (2 * variance))) * step
    )
    voxel_extent = math.log(1 + SPACING**2 / 12 / deviation**2)  # Sheppard's term along the two other axes
    assert moments_of(two).divergences(isotropic=False).item() == pytest.approx(expected + voxel_extent, abs=0.01)


def test_a_box_has_the_moments_of_a_box_and_diverges_as_a_single_voxel_does() -> None:
    inside = (lattice().abs() < 6 * SPACING).all(dim=1)  # 12 voxels per side, filled evenly
    found = moments_of(inside.float())
    side = 12 * SPACING
    torch.testing.assert_close(found.means[0, 0], torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(found.covariances[0, 0], torch.eye(3) * side**2 / 12, rtol=1e-3, atol=1e-2)
    assert found.entropies.item() == pytest.approx(3 * math.log(12), rel=1e-4)
    # Of what size the box is does not matter: 3/2 · log(2πe/12) again.
    assert found.divergences(isotropic=True).item() == pytest.approx(1.5 * math.log(2 * math.pi * math.e / 12), abs=1e-3)


def test_moments_keep_the_precision_of_the_maps() -> None:
    logarithm = torch.log_softmax(torch.zeros(1, 1, SIZE**3, dtype=torch.float64), dim=-1)
    assert moments(logarithm, SIZE, SPACING).covariances.dtype == torch.float64


def test_the_isotropic_divergence_also_charges_for_a_long_shape() -> None:
    found = moments_of(gaussian((0, 0, 0), (9.0, 3.0, 3.0)))
    covariance = found.covariances[0, 0].double()
    penalty = 0.5 * (3 * torch.log(covariance.trace() / 3) - torch.logdet(covariance))
    difference = found.divergences(isotropic=True) - found.divergences(isotropic=False)
    assert difference.item() == pytest.approx(penalty.item(), rel=1e-3)
    assert penalty > 0.3


def test_voxels_outside_the_scan_carry_no_weight() -> None:
    logarithm = torch.full((1, 1, SIZE**3), -1e4)
    logarithm[0, 0, :2] = math.log(0.5)
    found = moments(logarithm, SIZE, SPACING)
    assert found.entropies.item() == pytest.approx(math.log(2), rel=1e-4)
    torch.testing.assert_close(found.means[0, 0], lattice()[:2].mean(dim=0))
