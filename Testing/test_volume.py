"""A volume knows where its voxels are and refuses, in a sentence, what is no scan."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from KeypointRegistrationLib.geometry import volume as volume_module
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix, sample_volume

SHEARED_LEFT_HANDED = np.array([[-0.9, 0.2, 0.1, 10], [0.1, 1.1, -0.3, -20], [0, 0.3, 2.5, 30], [0, 0, 0, 1.0]])


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, dtype=np.int16)


def test_corners_centre_and_spacing_follow_the_matrix_whatever_its_handedness():
    volume = Volume(ones(4, 5, 6), SHEARED_LEFT_HANDED)
    corner = SHEARED_LEFT_HANDED @ (5, 4, 3, 1)
    assert volume.shape == (4, 5, 6)
    assert volume.corners.shape == (8, 3)
    np.testing.assert_allclose(volume.corners[0], (10, -20, 30))
    np.testing.assert_allclose(volume.corners[7], corner[:3])
    np.testing.assert_allclose(volume.centre, volume.corners.mean(axis=0))
    np.testing.assert_allclose(
        volume.spacing, [np.hypot(0.9, 0.1), np.sqrt(0.04 + 1.21 + 0.09), np.sqrt(0.01 + 0.09 + 6.25)]
    )
    assert volume.voxel_volume == pytest.approx(abs(np.linalg.det(SHEARED_LEFT_HANDED[:3, :3])))
    np.testing.assert_allclose(volume.ras_to_ijk @ volume.ijk_to_ras, np.eye(4), atol=1e-12)


def test_moving_a_volume_moves_its_anatomy_and_shares_its_voxels():
    volume = sample_volume()
    matrix = sample_matrix()
    moved = volume.moved(matrix)
    assert moved.voxels is volume.voxels
    np.testing.assert_allclose(moved.centre, matrix[:3, :3] @ volume.centre + matrix[:3, 3])


def test_the_matrix_cannot_be_changed_behind_the_volumes_back():
    given = np.eye(4)
    volume = Volume(ones(3, 3, 3), given)
    given[0, 0] = 7
    assert volume.ijk_to_ras[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        volume.ijk_to_ras[0, 0] = 7


@pytest.mark.parametrize(
    ("voxels", "message"),
    [
        (ones(5, 5), "2 dimensions"),
        (ones(1, 5, 5), "5 × 5 × 1 voxels"),
        (ones(5, 5, 5, 3), "3 values per voxel"),
        (ones(5, 5, 5, 40), "4 dimensions"),
        (np.ones((5, 5, 5), dtype=complex), "not real numbers"),
        (np.full((5, 5, 5), "x"), "not real numbers"),
        (np.zeros((0, 5, 5)), "single slice"),
    ],
)
def test_arrays_that_are_no_scan_are_refused_by_name(voxels, message):
    with pytest.raises(InputError, match=message) as caught:
        Volume(voxels, np.eye(4), "knee.nii")
    assert "knee.nii" in str(caught.value)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), "4×4"),
        (np.diag([1, 1, np.nan, 1]), "finite"),
        (np.diag([1, 1, np.inf, 1]), "finite"),
        (np.diag([1.0, 1, 0, 1]), "spacing of zero"),
        (np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "one plane"),
        (np.diag([1.0, 1, 1, 2]), "not affine"),
    ],
)
def test_positions_that_are_none_are_refused_by_name(matrix, message):
    with pytest.raises(InputError, match=message) as caught:
        Volume(ones(5, 5, 5), matrix, "knee.nii")
    assert "knee.nii" in str(caught.value)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", ">i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8"])
def test_value_range_of_every_number_type(dtype):
    voxels = np.zeros((4, 4, 4), dtype=dtype)
    voxels[1, 2, 3] = 1
    assert Volume(voxels, np.eye(4)).value_range() == (0.0, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_single_value_that_is_not_a_number_is_refused(bad):
    voxels = np.arange(64.0).reshape(4, 4, 4)
    voxels[3, 3, 3] = bad
    with pytest.raises(InputError, match="head contains values that are not numbers"):
        Volume(voxels, np.eye(4), "head").value_range()


def test_a_constant_scan_is_refused():
    with pytest.raises(InputError, match="every voxel has the value 5"):
        Volume(np.full((4, 4, 4), 5), np.eye(4)).value_range()


def test_reading_through_a_large_scan_takes_slabs_and_little_memory(monkeypatch):
    monkeypatch.setattr(volume_module, "_SLAB_VOXELS", 1 << 14)
    volume = Volume(np.arange(64**3, dtype=np.float32).reshape(64, 64, 64), np.eye(4))
    slabs = volume.slabs()
    assert len(slabs) == 16
    assert all(np.shares_memory(slab, volume.voxels) for slab in slabs)
    tracemalloc.start()
    assert volume.value_range() == (0, 64**3 - 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < volume.voxels.nbytes / 10


def test_values_that_no_computation_can_hold_are_refused() -> None:
    voxels = np.zeros((4, 4, 4))
    voxels[0, 0, 0] = 1e300
    with pytest.raises(InputError, match="beyond"):
        Volume(voxels, np.eye(4), "scan").value_range()
