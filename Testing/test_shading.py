"""What coils do to the brightness of one scan beside another."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration import optimisation
from KeypointRegistrationLib.registration.mutual_information import BINS, Bins
from KeypointRegistrationLib.registration.optimisation import Optimiser
from KeypointRegistrationLib.registration.shading import shading, shading_at
from scipy import ndimage


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def _field(where: np.ndarray) -> np.ndarray:
    x, y, z = where.T
    return 1 + 0.2 * x - 0.15 * y * z + 0.1 * z**2


def test_a_smooth_field_is_found_whatever_the_contrast(rng: np.random.Generator) -> None:
    where = rng.uniform(-1, 1, (20_000, 3))
    tissue = rng.uniform(0, 1, len(where))
    other_contrast = 2 + np.cos(3 * tissue)
    noisy = other_contrast * _field(where) + rng.normal(scale=0.05, size=len(where))
    field = shading_at(shading(Bins(tissue).places(tissue), noisy, where), where)
    ratio = field / _field(where)
    assert ratio.std() / ratio.mean() < 0.01


def test_nothing_is_found_where_nothing_is(rng: np.random.Generator) -> None:
    where = rng.uniform(-1, 1, (20_000, 3))
    tissue = rng.uniform(0, 1, len(where))
    field = shading_at(shading(Bins(tissue).places(tissue), 3 - tissue, where), where)
    assert np.abs(field - 1).max() < 0.02


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_scan_of_one_value_has_no_shading(value: float, rng: np.random.Generator) -> None:
    where = rng.uniform(-1, 1, (500, 3))
    coefficients = shading(rng.uniform(0, BINS - 1, 500), np.full(500, value), where)
    np.testing.assert_allclose(shading_at(coefficients, where), 1, atol=1e-6)


def test_the_field_is_bounded_far_from_where_it_was_seen() -> None:
    field = shading_at(np.full(9, 5.0), np.array([[10.0, 0, 0], [-10.0, -10, 0], [0, 0, 0]]))
    np.testing.assert_allclose(field[[0, 2]], [2.0, 1.0])
    assert 0.5 <= field[1] <= 2.0


def test_shading_does_not_move_an_alignment(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """One blob of tissue twice, the second time darker towards one side."""
    size, spacing = 40, 3.0
    grid = Grid.cubic(size, spacing, np.zeros(3))
    tissue = ndimage.gaussian_filter(rng.normal(size=grid.shape), 2.0)
    tissue = 1 + 0.3 * tissue / tissue.std()
    x = grid.positions()[:, 0].reshape(grid.shape) / (size * spacing / 2)
    fixed = Volume(tissue.astype(np.float32), grid.ijk_to_ras)
    shaded = Volume((tissue * (1 + 0.4 * x)).astype(np.float32), grid.ijk_to_ras)
    region = np.zeros(grid.shape, np.uint8)
    region[6:-6, 6:-6, 6:-6] = 1
    start = affine(np.eye(3), [0.6, -0.5, 0.4])

    def error() -> float:
        optimiser = Optimiser(fixed, shaded, Volume(region, grid.ijk_to_ras))
        found = optimiser.run(optimiser.levels[-1], TransformType.RIGID, start)
        corners = np.array([[-50.0, 0, 0], [50, 0, 0], [0, 50, 0], [0, 0, 50]])
        return float(np.linalg.norm(apply(found, corners) - corners, axis=1).max())

    evened = error()
    monkeypatch.setattr(optimisation, "shading", lambda *_: np.zeros(9))
    assert evened < 0.05
    assert evened < 0.5 * error()
