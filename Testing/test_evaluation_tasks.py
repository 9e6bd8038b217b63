"""The benchmark's pairs: made and real scans, each with labels or a truth that holds."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation.acquisition import Scanner, degraded
from KeypointRegistrationLib.evaluation.contrasts import Contrast, brain_labels, intensities, paint
from KeypointRegistrationLib.evaluation.metrics import centroid
from KeypointRegistrationLib.evaluation.pairs import Pair, Scans, trial
from KeypointRegistrationLib.evaluation.poses import euler_pose
from KeypointRegistrationLib.evaluation.tasks import TASKS
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix

COUNTS = {"affine": 12, "oasis": 6, "contrasts": 18, "rigid": 12, "omega": 2, "foetal": 14}
EPI = Scanner(step=1.5, thickness=(2, 3), stripes=0.4, brain_only=True)


def brain() -> Volume:
    """A bright ellipsoid with a brighter ball off its middle, 1 mm voxels, nothing around it."""
    z, y, x = np.indices((50, 60, 44))
    voxels = 100.0 * ((((z - 25) / 22) ** 2 + ((y - 30) / 27) ** 2 + ((x - 22) / 19) ** 2) < 1)
    voxels += 100 * (((z - 30) ** 2 + (y - 40) ** 2 + (x - 22) ** 2) < 64)
    return Volume(voxels.astype(np.float32), affine(np.eye(3), (40, -60, 10)), "brain")


def test_a_simulated_scan_shows_the_anatomy_where_the_pose_has_brought_it():
    anatomy, pose = brain(), sample_matrix(70, (0, 0, 0))
    pose = affine(pose[:3, :3], anatomy.centre - pose[:3, :3] @ anatomy.centre + (8, -9, 10))
    scan = EPI(anatomy, pose, np.random.default_rng(0))
    np.testing.assert_allclose(centroid(scan), apply(pose, centroid(anatomy)[None])[0], atol=0.5)
    assert sorted(scan.spacing.tolist())[:2] == [3.0, 3.0]
    assert sorted(scan.spacing.tolist())[2] in (3.0, 4.5)


def test_the_field_of_view_holds_the_brain_in_every_pose_and_does_not_follow_it():
    anatomy = brain()
    volume = (anatomy.voxels > 0).sum()
    for seed in range(3):
        pose, _ = euler_pose(np.random.default_rng(seed), (90, 180), anatomy.centre)
        scan = EPI(anatomy, pose, np.random.default_rng(1))
        assert (scan.voxels > 0).sum() * scan.voxel_volume == pytest.approx(volume, rel=0.05)
        np.testing.assert_allclose(scan.centre, anatomy.centre, atol=3)


def test_both_scans_of_a_pair_are_spoilt_independently_and_come_back_with_their_seed():
    pair = Pair("brain", 0, TransformType.RIGID, lambda _rng: Scans(brain(), brain(), truth=np.eye(4)), acquire=EPI)
    first, again, other = trial(pair, 0, 0), trial(pair, 0, 0), trial(pair, 0, 1)
    np.testing.assert_array_equal(first.scans.moving.voxels, again.scans.moving.voxels)
    assert first.scans.fixed.shape != other.scans.fixed.shape or (first.scans.fixed.voxels != other.scans.fixed.voxels).any()
    assert first.scores(invert(first.pose), {}).corner_mm == pytest.approx(0, abs=1e-6)


def test_noise_and_bias_are_as_strong_as_asked_for():
    flat = np.full((40, 40, 40), 10.0)
    assert degraded(flat, np.random.default_rng(0), noise=0.05, bias=0).std() == pytest.approx(0.5, rel=0.05)
    biased = degraded(flat, np.random.default_rng(0), noise=0, bias=0.3)
    assert 0.05 < np.log(biased).std() < 0.3
    assert np.abs(np.diff(biased, axis=0)).max() < 1  # smooth


def test_slices_differ_in_brightness_along_one_axis_only():
    striped = Scanner(step=1.0, stripes=0.8, noise=0, bias=0)
    cube = Volume(np.ones((40, 40, 40), dtype=np.float32), np.eye(4))
    inner = striped(cube, np.eye(4), np.random.default_rng(2)).voxels[3:-3, 3:-3, 3:-3]
    spread = [float(inner.mean(axis=tuple(b for b in range(3) if b != a)).std()) for a in range(3)]
    assert sum(value > 1e-3 for value in spread) == 1


def test_contrasts_order_the_tissues_and_random_ones_treat_left_and_right_alike():
    labels = np.array([0, 2, 3, 4, 41, 42, 43, 506])
    t1, t2, any_look = (intensities(contrast, labels, np.random.default_rng(0)) for contrast in Contrast)
    assert t1[2] > t1[3] > t1[4]
    assert t2[2] < t2[3] < t2[4]
    assert [any_look[label] for label in (2, 3, 4)] == [any_look[label] for label in (41, 42, 43)]
    assert t1[0] == t2[0] == any_look[0] == 0


def test_a_painted_map_lies_where_its_labels_lie():
    voxels = np.zeros((20, 24, 28), dtype=np.int32)
    voxels[4:12, 6:16, 8:20], voxels[14:18, 6:16, 8:20] = 2, 506
    labels = Volume(voxels, sample_matrix(20) @ np.diag([1.0, 1.0, 1.0, 1]))
    scan = paint(labels, {0: 0.0, 2: 1.0, 506: 0.0}, np.random.default_rng(0))
    assert scan.spacing.tolist() == pytest.approx([2.0, 2.0, 2.0])
    np.testing.assert_allclose(centroid(scan), apply(labels.ijk_to_ras, [(13.5, 10.5, 7.5)])[0], atol=0.01)
    kept = brain_labels(labels)
    assert np.unique(kept.voxels).tolist() == [0, 2]  # nothing from outside the brain
    np.testing.assert_allclose(centroid(kept), centroid(scan), atol=1.0)


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_has_its_pairs_numbered_and_named(shared_data, name):
    pairs = TASKS[name].pairs(shared_data)
    assert len({pair.name for pair in pairs}) == len(pairs) == COUNTS[name]
    assert [pair.number for pair in pairs] == list(range(len(pairs)))


def test_contrasts_are_reported_within_and_across(shared_data):
    groups = [pair.group for pair in TASKS["contrasts"].pairs(shared_data)]
    assert (groups.count("within one contrast"), groups.count("across contrasts")) == (6, 12)


def test_foetal_trials_hold_a_masked_brain_and_its_truth(shared_data):
    posed = trial(TASKS["foetal"].pairs(shared_data)[1], 2, seed=0)
    for scan in (posed.scans.fixed, posed.scans.moving):
        assert 0.02 < (scan.voxels > 0).mean() < 0.4
    moved = apply(posed.scans.truth, centroid(posed.scans.moving)[None])[0]
    np.testing.assert_allclose(moved, centroid(posed.scans.fixed), atol=1.0)
