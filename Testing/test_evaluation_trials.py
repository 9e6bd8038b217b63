"""Random poses, and trials that hide one and score the way back."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation.pairs import Pair, Scans, trial
from KeypointRegistrationLib.evaluation.poses import BINS, euler_pose, random_pose
from KeypointRegistrationLib.geometry.transforms import TransformType, apply, invert, rotation_angle
from samples import sample_matrix, sample_volume
from scipy.spatial.transform import Rotation
from small_pair import small_pair

RIGID, AFFINE = TransformType.RIGID, TransformType.AFFINE


@pytest.mark.parametrize("number", range(len(BINS)))
def test_random_poses_lie_in_their_bin_and_come_back_with_their_seed(number):
    centre = np.array([10.0, -20, 30])
    for seed in range(20):
        pose, degrees = random_pose(np.random.default_rng(seed), BINS[number], centre)
        assert BINS[number][0] <= degrees <= BINS[number][1]
        assert rotation_angle(pose) == pytest.approx(degrees, abs=1e-6)
        assert np.abs(apply(pose, centre) - centre).max() <= 20
        again, _ = random_pose(np.random.default_rng(seed), BINS[number], centre)
        np.testing.assert_array_equal(pose, again)


@pytest.mark.parametrize("number", range(len(BINS)))
def test_poses_as_equitrack_draws_them_turn_at_most_90_degrees_about_each_axis(number):
    for seed in range(10):
        pose, degrees = euler_pose(np.random.default_rng(seed), BINS[number], np.zeros(3))
        assert BINS[number][0] <= degrees <= BINS[number][1]
        assert rotation_angle(pose) == pytest.approx(degrees, abs=1e-6)
        assert np.abs(Rotation.from_matrix(pose[:3, :3]).as_euler("XYZ", degrees=True)).max() <= 90


@pytest.mark.parametrize("kind", [RIGID, AFFINE])
def test_a_trial_hides_its_pose_in_the_moving_scan_and_scores_the_way_back(kind):
    posed = trial(small_pair(kind), 2, seed=3)
    assert 45 <= rotation_angle(posed.pose) <= 90
    perfect, nothing = (posed.scores(matrix, posed.structures(matrix)) for matrix in (invert(posed.pose), np.eye(4)))
    if kind is AFFINE:
        assert perfect.dice == pytest.approx(1, abs=0.01)
        assert perfect.hd95_mm == pytest.approx(0, abs=1e-6)
        assert nothing.dice < 0.9
        assert nothing.hd95_mm > 5
        assert perfect.corner_mm is None
        assert list(posed.structures(np.eye(4))) == [7]
    else:
        errors = (perfect.corner_mm, perfect.centroid_mm, perfect.equitrack_euler_deg, perfect.equitrack_shift_voxels)
        assert errors == pytest.approx((0, 0, 0, 0), abs=1e-6)
        assert nothing.rotation_deg == pytest.approx(posed.degrees)
        assert perfect.dice is None
        assert posed.structures(np.eye(4)) == {}


def test_scans_that_are_not_in_one_space_keep_their_own_truth():
    offset = sample_matrix(5, (10, 0, 0))

    def read(_rng: np.random.Generator) -> Scans:
        return Scans(sample_volume(), sample_volume().moved(invert(offset)), truth=offset)

    posed = trial(Pair("a", 0, RIGID, read), 1, seed=0)
    assert posed.scores(offset @ invert(posed.pose), {}).corner_mm == pytest.approx(0, abs=1e-6)
