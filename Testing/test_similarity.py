"""Similarity falls with misalignment, whatever the contrasts, and does not depend on how a scan is stored."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.transforms import affine
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.similarity import normalised_mutual_information
from samples import sample_matrix, sample_volume


def other_contrast(volume: Volume) -> Volume:
    """The same anatomy with dark and bright exchanged, and the background left dark."""
    values = volume.voxels.astype(float)
    return Volume(np.where(values > 0, values.max() * 1.1 - values, 0), volume.ijk_to_ras, "other")


def shift(distance: float) -> np.ndarray:
    return affine(np.eye(3), (distance, 0, 0))


@pytest.mark.parametrize("contrast", [lambda volume: volume, other_contrast])
def test_similarity_falls_the_further_the_scans_are_apart(contrast):
    fixed = sample_volume()
    moving = contrast(fixed)
    values = [normalised_mutual_information(fixed, moving, shift(distance)) for distance in (0, 4, 8, 16, 32)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1] + 0.1


def test_a_scan_compared_with_itself_is_as_alike_as_can_be_and_noise_is_not():
    fixed = sample_volume()
    noise = Volume(np.random.default_rng(0).normal(size=fixed.shape), fixed.ijk_to_ras)
    assert normalised_mutual_information(fixed, fixed, np.eye(4)) == pytest.approx(2)
    assert normalised_mutual_information(fixed, noise, np.eye(4)) < 1.05


def test_similarity_is_that_of_the_pose_not_of_the_file():
    fixed, pose = sample_volume(), sample_matrix(60)
    aligned = normalised_mutual_information(fixed, fixed, np.eye(4))
    assert normalised_mutual_information(fixed, fixed.moved(pose), np.linalg.inv(pose)) == pytest.approx(aligned)
    flipped = Volume(fixed.voxels[:, ::-1, ::-1], fixed.ijk_to_ras @ affine(np.diag([-1, -1, 1]), (39, 39, 0)))
    assert normalised_mutual_information(fixed, flipped, np.eye(4)) == pytest.approx(aligned)


def test_scaling_and_offsetting_intensities_changes_nothing():
    fixed = sample_volume()
    brighter = Volume(fixed.voxels * 3.5 + 100, fixed.ijk_to_ras)
    pose = sample_matrix(5, (2, 1, 0))
    assert normalised_mutual_information(fixed, brighter, pose) == pytest.approx(
        normalised_mutual_information(fixed, fixed, pose), abs=1e-3
    )


def test_only_voxels_in_the_mask_count():
    fixed = sample_volume()
    rng = np.random.default_rng(0)
    half = np.zeros(fixed.shape, dtype=bool)
    half[:, :, :20] = True
    spoilt = Volume(
        np.where(half, fixed.voxels, rng.permutation(fixed.voxels.ravel()).reshape(fixed.shape)), fixed.ijk_to_ras
    )
    inside = normalised_mutual_information(fixed, spoilt, np.eye(4), half)
    assert inside > 1.9
    assert normalised_mutual_information(fixed, spoilt, np.eye(4), ~half) < 1.3


def test_scans_that_do_not_meet_are_unrelated():
    fixed = sample_volume()
    assert normalised_mutual_information(fixed, fixed, shift(1000)) == 1.0
    assert normalised_mutual_information(fixed, fixed, np.eye(4), np.zeros(fixed.shape, dtype=bool)) == 1.0


def test_real_contrasts_of_one_head_are_most_alike_where_they_belong(shared_data):
    fixed, moving = (read_volume(shared_data / "mni152_2mm" / f"mni152c_2mm_{name}.nii.gz") for name in ("T1", "T2"))
    aligned = normalised_mutual_information(fixed, moving, np.eye(4))
    for pose in (sample_matrix(10, (0, 0, 0)), shift(4), affine(np.eye(3) * 1.05, (0, 0, 0))):
        assert normalised_mutual_information(fixed, moving, pose) < aligned - 0.005
