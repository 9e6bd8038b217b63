"""Interpolation at scattered places, against SciPy's and against differences."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.interpolation import interpolated, nearest
from scipy import ndimage

RNG = np.random.default_rng(3)
VOXELS = RNG.normal(size=(7, 5, 9)).astype(np.float32)
EVERYWHERE = RNG.uniform(-4, 12, size=(5000, 3))


def scipys(voxels: np.ndarray, ijk: np.ndarray, **options) -> np.ndarray:
    return ndimage.map_coordinates(voxels, ijk[:, ::-1].T, **options)


@pytest.mark.parametrize("voxels", [VOXELS, VOXELS[:1], VOXELS[:, :, :1], VOXELS[:, ::-1, ::2]])
def test_values_are_scipys(voxels):
    values, slopes = interpolated(voxels, EVERYWHERE)
    np.testing.assert_allclose(values, scipys(voxels, EVERYWHERE, order=1, mode="nearest"), atol=1e-5)
    assert values.shape == (5000,)
    assert slopes.shape == (5000, 3)


def test_derivatives_are_those_of_the_values():
    inner = np.floor(RNG.uniform(0, (8, 4, 6), size=(500, 3))) + RNG.uniform(0.1, 0.9, size=(500, 3))
    _, slopes = interpolated(VOXELS, inner)
    for axis, step in enumerate(0.05 * np.eye(3)):
        there, back = (interpolated(VOXELS, inner + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose((there - back) / 0.1, slopes[:, axis], atol=1e-4)


def test_an_axis_of_one_voxel_has_no_slope():
    _, slopes = interpolated(VOXELS[:1], EVERYWHERE)
    assert not slopes[:, 2].any()


def test_the_nearest_voxel_is_scipys_and_0_outside():
    np.testing.assert_array_equal(nearest(VOXELS, EVERYWHERE), scipys(VOXELS, EVERYWHERE, order=0, mode="grid-constant"))
    assert nearest(VOXELS > 9, EVERYWHERE).dtype == bool
