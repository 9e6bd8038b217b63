"""Sampling puts every value where the anatomy is, averages what is too fine, and stays small in memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from KeypointRegistrationLib.geometry.sampling import Grid, averaged, coverage, refined_grid, sample
from KeypointRegistrationLib.geometry.transforms import affine, apply
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix
from scipy import ndimage
from scipy.spatial.transform import Rotation

GRADIENT = np.array([1.5, -2.0, 0.7])


def ramp(ijk_to_ras: np.ndarray, shape: tuple[int, int, int] = (24, 26, 28)) -> Volume:
    """A scan whose value at every RAS point is GRADIENT · point: linear interpolation must be exact."""
    grid = Grid(shape, ijk_to_ras)
    return Volume((grid.positions() @ GRADIENT).reshape(shape), ijk_to_ras)


@st.composite
def geometries(draw) -> np.ndarray:
    """IJK→RAS matrices: any turn, handedness, anisotropy, and some shear."""
    turn = Rotation.from_rotvec([draw(st.floats(-3, 3)) for _ in range(3)]).as_matrix()
    spacing = [draw(st.sampled_from([-1, 1])) * draw(st.floats(0.5, 4)) for _ in range(3)]
    shear = np.array([[1, draw(st.floats(-0.4, 0.4)), 0], [0, 1, draw(st.floats(-0.4, 0.4))], [0, 0, 1]])
    return affine(turn @ shear @ np.diag(spacing), [draw(st.floats(-100, 100)) for _ in range(3)])


@given(geometries(), st.floats(0.3, 6))
@settings(max_examples=40, deadline=None)
def test_every_value_comes_from_its_own_place_in_space(ijk_to_ras, spacing):
    volume = ramp(ijk_to_ras)
    size = max(2, int(0.3 * min(volume.spacing * 24) / spacing))
    grid = Grid.cubic(min(size, 20), spacing, volume.centre)
    values = sample(volume, grid, fill=np.nan).ravel()
    inside = np.isfinite(values)
    np.testing.assert_allclose(values[inside], (grid.positions() @ GRADIENT)[inside], atol=2e-3)
    middle = np.linalg.norm(grid.positions() - volume.centre, axis=1) < 1.5 * spacing
    if spacing < volume.spacing.min() / 2:
        assert inside[middle].all()


def test_the_moving_scan_is_sampled_where_the_transform_puts_it():
    volume = ramp(np.diag([2.0, 2, 2, 1]))
    matrix = sample_matrix()
    grid = Grid.cubic(7, 3.0, apply(matrix, volume.centre), axes=Rotation.from_rotvec([0.3, 0.2, 0.1]).as_matrix())
    expected = apply(np.linalg.inv(matrix), grid.positions()) @ GRADIENT
    np.testing.assert_allclose(sample(volume, grid, matrix).ravel(), expected, atol=1e-3)


def test_sampling_a_scan_on_its_own_grid_changes_nothing():
    volume = Volume(np.random.default_rng(0).integers(0, 1000, (9, 10, 11)).astype(np.int16), sample_matrix())
    for order in (0, 1, 3):
        np.testing.assert_allclose(sample(volume, Grid.of(volume), order=order), volume.voxels, atol=0.01)


def test_outside_the_scan_is_the_fill_value_and_coverage_says_where_that_is():
    volume = Volume(np.ones((10, 10, 10)), np.eye(4))
    grid = Grid.cubic(20, 1.0, volume.centre)
    covered = coverage(volume, grid)
    assert covered.sum() == 1000
    assert covered[5:15, 5:15, 5:15].all()
    np.testing.assert_array_equal(sample(volume, grid, fill=-3.0), np.where(covered, 1, -3))


def test_coverage_of_a_turned_scan_agrees_with_its_voxel_indices():
    volume = Volume(np.ones((6, 8, 10)), affine(sample_matrix()[:3, :3] * 2, (3, 4, 5)))
    grid = Grid.cubic(15, 2.0, volume.centre)
    ijk = apply(volume.ras_to_ijk, grid.positions())
    expected = ((ijk >= -0.5) & (ijk <= np.array([9.5, 7.5, 5.5]))).all(axis=1)
    np.testing.assert_array_equal(coverage(volume, grid).ravel(), expected)


def test_labels_keep_their_numbers_with_order_zero():
    labels = np.random.default_rng(0).choice([0, 7, 502], size=(12, 12, 12)).astype(np.uint16)
    volume = Volume(labels, np.diag([1.0, 1, 1, 1]))
    values = sample(volume, Grid.cubic(5, 4.5, volume.centre), sample_matrix(10, (0, 0, 0)), order=0)
    assert set(np.unique(values)) <= {0, 7, 502}


def test_a_coarse_grid_averages_so_that_fine_stripes_do_not_alias():
    stripes = np.zeros((48, 48, 48), dtype=np.uint8)
    stripes[:, :, ::2] = 200
    volume = Volume(stripes, np.eye(4))
    values = sample(volume, Grid.cubic(10, 4.0, volume.centre))
    np.testing.assert_allclose(values, 100, atol=1)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", ">i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8", "g"])
@pytest.mark.parametrize("spacing", [0.7, 2.5])
def test_every_number_type_can_be_sampled(dtype, spacing):
    voxels = (np.indices((12, 12, 12)).sum(axis=0) > 16).astype(dtype)
    volume, reference = Volume(voxels, np.eye(4)), Volume(voxels.astype(float), np.eye(4))
    grid = Grid.cubic(4, spacing, volume.centre)
    np.testing.assert_allclose(sample(volume, grid), sample(reference, grid), atol=1e-6)


@pytest.mark.parametrize("blocks", [(1, 1, 1), (2, 3, 4), (1, 1, 5)])
def test_averaging_blocks_keeps_the_anatomy_in_its_place(blocks):
    volume = ramp(affine(sample_matrix()[:3, :3] @ np.diag([1, 2, 3]), (5, 6, 7)))
    small = averaged(volume, blocks)
    assert small.shape == tuple(n // b for n, b in zip(volume.shape, blocks, strict=True))
    np.testing.assert_allclose(small.voxels.ravel(), Grid.of(small).positions() @ GRADIENT, rtol=1e-5, atol=1e-4)


def test_a_thin_scan_keeps_two_slices_and_is_averaged_along_the_others():
    volume = Volume(np.ones((3, 40, 40)), np.eye(4))
    assert averaged(volume, (4, 4, 4)).shape == (3, 10, 10)


def test_coarsened_grid_points_are_the_centres_of_blocks():
    grid = Grid.cubic(8, 2.0, (1, 2, 3), axes=sample_matrix()[:3, :3])
    coarse = grid.coarsened(2)
    assert coarse.shape == (4, 4, 4)
    np.testing.assert_allclose(coarse.spacing, 4.0)
    np.testing.assert_allclose(coarse.positions().mean(axis=0), (1, 2, 3))
    fine = grid.positions().reshape(8, 8, 8, 3)
    np.testing.assert_allclose(coarse.positions()[0], fine[:2, :2, :2].reshape(-1, 3).mean(axis=0))


def test_sampling_a_large_scan_coarsely_needs_a_fraction_of_its_memory():
    volume = Volume(np.ones((256, 256, 256), dtype=np.int16), np.eye(4))
    tracemalloc.start()
    sample(volume, Grid.cubic(48, 4.5, volume.centre))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < volume.voxels.nbytes / 2


def test_a_refined_grid_holds_the_cubic_spline_at_the_same_places() -> None:
    rng = np.random.default_rng(2)
    voxels = ndimage.gaussian_filter(rng.normal(size=(9, 12, 10)), 0.7).astype(np.float32)
    volume = Volume(voxels, affine(np.diag([2.0, 3.0, 4.0]), [5.0, -7.0, 1.0]))
    finer = refined_grid(volume, (2, 3, 1))
    assert finer.shape == (17, 34, 10)
    places = np.argwhere(np.ones(finer.shape))[:, ::-1]
    ijk = apply(volume.ras_to_ijk @ finer.ijk_to_ras, places)
    expected = ndimage.map_coordinates(voxels, ijk.T[::-1], order=3, mode="mirror")
    np.testing.assert_allclose(finer.voxels.ravel(), expected, atol=1e-5)
    np.testing.assert_allclose(finer.voxels[::2, ::3], voxels)
