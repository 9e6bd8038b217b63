"""Simulated series: a head moves in a womb as its truth says, and its frames are made anew from their seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation.adult_series import adult_series
from KeypointRegistrationLib.evaluation.foetal_head import head_around
from KeypointRegistrationLib.evaluation.series_simulation import Sequence
from KeypointRegistrationLib.evaluation.trajectory import Liveliness, Trajectory
from KeypointRegistrationLib.evaluation.womb import marked_heads, without_head
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.transforms import affine, apply, invert, rotation_angle
from phantom_series import PLACE, STILL, brain, scan, series


def test_heads_are_marked_in_all_scans_of_wombs():
    heads = marked_heads()
    assert len(heads) == 16
    assert all(25 < head.radius < 55 for head in heads.values())


def test_a_head_has_a_dark_skull_around_the_brain_and_ends_smoothly():
    head = head_around(brain())
    along = np.linspace(0, 45, 200)
    line = Grid((1, 1, 200), affine(np.diag([along[1], 1, 1]), head.centre))
    values, opacity = (sample(volume, line).ravel() for volume in (head.values, head.opacity))
    assert values[along < 5] == pytest.approx(1, abs=0.05)
    assert values[(along > 17) & (along < 24)].min() < 0.3
    assert (opacity[along < 20] > 0.99).all()
    assert (opacity[along > head.reach] == 0).all()
    assert (np.abs(np.diff(opacity)) < 0.1).all()


def test_nothing_of_the_old_head_is_left_in_the_womb():
    before, after = scan(), without_head(scan(), PLACE, np.random.default_rng(1)).scan
    distances = np.linalg.norm(Grid.of(before).positions() - PLACE.centre, axis=1).reshape(before.shape)
    inner, rim = distances < 20, (distances > 23) & (distances < 26)
    assert before.voxels[inner].mean() > 5 * before.voxels[rim].mean()
    assert after.voxels[inner].mean() == pytest.approx(after.voxels[rim].mean(), rel=0.1)
    far = distances > PLACE.radius + 21
    np.testing.assert_array_equal(after.voxels[far], before.voxels[far])


def test_frames_brought_together_by_the_truth_look_alike():
    moving = series(Liveliness(turns=2, turn_degrees=(60, 90), away=0))
    first, last = moving.frame(0), moving.frame(11)
    to_first = moving.truth(0).pose @ invert(moving.truth(11).pose)
    assert rotation_angle(to_first) > 20
    inside = moving.brain(0).voxels > 0
    alike = {}
    for name, matrix in (("aligned", to_first), ("unaligned", np.eye(4))):
        moved = sample(last, Grid.of(first), matrix)
        alike[name] = np.corrcoef(moved[inside], first.voxels[inside])[0, 1]
    assert alike["aligned"] > 0.6
    assert alike["aligned"] > alike["unaligned"] + 0.2


def test_the_brain_lies_where_the_truth_says():
    moving = series(Liveliness())
    middle = apply(moving.truth(4).pose, head_around(brain()).centre[None])[0]
    mask = moving.brain(4)
    found = apply(mask.ijk_to_ras, np.argwhere(mask.voxels > 0)[:, ::-1].mean(axis=0)[None])[0]
    np.testing.assert_allclose(found, middle, atol=1.5)
    assert moving.truth(4).visible == 1


def test_frames_come_back_with_their_seed_in_any_order():
    one, other = series(Liveliness()), series(Liveliness())
    backwards = [other.frame(index).voxels for index in (7, 2)][::-1]
    for index, voxels in zip((2, 7), backwards, strict=True):
        np.testing.assert_array_equal(one.frame(index).voxels, voxels)
    assert (one.frame(2).voxels != series(Liveliness(), seed=4).frame(2).voxels).any()


def test_a_head_that_is_away_is_not_seen():
    still = series(STILL, Sequence(noise=0, drift=0, stripes=0))
    here = [index for index in range(12) if still.truth(index).visible > 0]
    gone = [index for index in range(12) if still.truth(index).visible == 0]
    assert len(gone) == 2
    inside = still.brain(here[0]).voxels > 0
    seen, unseen = still.frame(here[0]).voxels[inside], still.frame(gone[0]).voxels
    assert abs(np.corrcoef(unseen[inside], seen)[0, 1]) < 0.3 or unseen[inside].std() == 0


def test_slices_of_a_frame_show_a_turning_head_in_different_poses():
    turning = series(Liveliness(turns=1, turn_degrees=(80, 90), turn_frames=1.0, away=0))
    assert max(turning.truth(index).spread for index in range(12)) > 5
    assert series(STILL).truth(0).spread == pytest.approx(0, abs=1e-6)


def test_moved_tissue_is_striped():
    moving = [series(Liveliness(drift_mm=20, away=0), Sequence(noise=0, drift=0, stripes=s)) for s in (0.0, 0.6)]
    calm, stirred = (each.frame(6).voxels for each in moving)
    inside = moving[0].brain(6).voxels > 0
    shown = [k for k in range(len(inside)) if inside[k].sum() > 20]
    gains = [float(stirred[k][inside[k]].mean() / calm[k][inside[k]].mean()) for k in shown]
    assert min(gains) < 0.9
    assert max(gains) - min(gains) > 0.05


def test_a_trajectory_turns_by_as_much_as_it_may_and_drifts_slowly_between():
    path = Trajectory(60, Liveliness(turns=3, turn_degrees=(30, 90), away=3), np.random.default_rng(5))
    poses = [path.pose(time) for time in range(61)]
    steps = [rotation_angle(after @ invert(before)) for before, after in pairwise(poses)]
    assert sum(step > 10 for step in steps) in range(3, 7)  # a turn may span two frames
    assert np.median(steps) < 2
    assert len(path.away) == 3


def test_an_adult_moves_a_little_in_air():
    moving = adult_series(brain(), 30, 0)
    turned = [rotation_angle(moving.truth(index).pose @ invert(moving.truth(0).pose)) for index in range(30)]
    assert 1 < max(turned) < 30
    assert min(moving.truth(index).visible for index in range(30)) > 0.9
    for index in (0, 29):
        still = sample(moving.frame(index), Grid.of(brain()), invert(moving.truth(index).pose))
        assert np.corrcoef(still.ravel(), brain().voxels.ravel())[0, 1] > 0.9
