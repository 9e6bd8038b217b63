"""Refinement makes a rough alignment exact, in any storage and contrast, and gives the input back when it should."""

from __future__ import annotations

import tracemalloc
from functools import cache

import numpy as np
import pytest
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, decompose, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.refinement import refine
from KeypointRegistrationLib.registration.region import head_region, region_around
from KeypointRegistrationLib.registration.working_copy import coarsened, cropped, working_copy
from samples import sample_matrix, sample_volume

RIGID, SIMILARITY, AFFINE = TransformType.RIGID, TransformType.SIMILARITY, TransformType.AFFINE
CORNERS = 60.0 * np.array([[r, a, s] for r in (-1, 1) for a in (-1, 1) for s in (-1, 1)])
STRETCH = affine([[1.06, 0.03, 0], [0, 0.95, -0.02], [0.01, 0, 1.03]], (0, 0, 0))
TRUTH = {RIGID: sample_matrix(50), SIMILARITY: sample_matrix(50) @ np.diag([1.05, 1.05, 1.05, 1])}
TRUTH[AFFINE] = sample_matrix(50) @ STRETCH


@cache
def head() -> Volume:
    return sample_volume("fixed", size=64, spacing=2.5)


def inverted(volume: Volume) -> Volume:
    values = volume.voxels.astype(float)
    return Volume(np.where(values > 0, 1.2 * values.max() - values, 0), volume.ijk_to_ras, "moving")


def rough(truth: np.ndarray, degrees: float = 5.0, shift: float = 8.0) -> np.ndarray:
    """``truth`` followed by an error like that of a rough keypoint alignment."""
    return sample_matrix(degrees, (shift / np.sqrt(3),) * 3) @ truth


def error(matrix: np.ndarray, truth: np.ndarray, corners: np.ndarray = CORNERS) -> float:
    """Mean distance in mm between where the two transforms put the corners of the fixed head."""
    return float(np.linalg.norm(apply(matrix @ invert(truth), corners) - corners, axis=1).mean())


@pytest.mark.parametrize(
    ("kind", "contrast", "within"),
    [(RIGID, lambda volume: volume, 0.3), (RIGID, inverted, 0.5), (SIMILARITY, inverted, 0.5), (AFFINE, inverted, 0.7)],
)
def test_a_rough_alignment_becomes_exact(kind, contrast, within):
    fixed, truth = head(), TRUTH[kind]
    moving = contrast(fixed).moved(invert(truth))
    result = refine(fixed, moving, rough(truth), kind)
    assert error(rough(truth), truth) > 8
    assert result.accepted
    assert error(result.matrix, truth) < within
    assert result.similarity_after > result.similarity_before
    assert result.reason.startswith("Refined by")


def test_rigid_refinement_never_stretches_and_similarity_stretches_evenly():
    fixed = head()
    moving = fixed.moved(invert(TRUTH[AFFINE]))
    rigid = decompose(refine(fixed, moving, rough(TRUTH[RIGID]), RIGID).matrix)
    np.testing.assert_allclose(rigid.stretch, np.eye(3), atol=1e-6)
    similar = decompose(refine(fixed, moving, rough(TRUTH[RIGID]), SIMILARITY).matrix)
    np.testing.assert_allclose(similar.stretch, np.eye(3) * similar.scales.mean(), atol=1e-6)


def test_the_same_call_gives_the_same_answer():
    fixed, moving = head(), inverted(head()).moved(invert(TRUTH[RIGID]))
    first, second = (refine(fixed, moving, rough(TRUTH[RIGID]), RIGID).matrix for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_sheared_and_left_handed_scans_are_ordinary_input():
    fixed = head()
    axes = np.array([[-2.6, 0.4, 0.0], [0.3, 2.4, -0.5], [0.0, 0.6, 2.7]])
    sheared = Grid((64, 64, 64), affine(axes, -axes @ np.full(3, 31.5)))
    moving = Volume(sample(fixed, sheared), sheared.ijk_to_ras, "moving").moved(invert(TRUTH[RIGID]))
    assert error(refine(fixed, moving, rough(TRUTH[RIGID]), RIGID).matrix, TRUTH[RIGID]) < 0.5
    back = refine(moving, fixed, invert(rough(TRUTH[RIGID])), RIGID).matrix
    assert error(invert(back), TRUTH[RIGID]) < 0.5


def test_thick_slices_are_ordinary_input():
    fixed = head()
    thick = Grid((22, 100, 100), affine(np.diag([1.6, 1.6, 7.0]), (-79, -79, -73)))
    moving = Volume(sample(fixed, thick), thick.ijk_to_ras, "moving").moved(invert(TRUTH[RIGID]))
    assert error(refine(fixed, moving, rough(TRUTH[RIGID]), RIGID).matrix, TRUTH[RIGID]) < 1.0


def test_what_does_not_belong_to_the_anatomy_does_not_pull_when_a_focus_is_given():
    fixed = head()
    truth = TRUTH[RIGID]
    ras = Grid.of(fixed).positions()
    # A neck that the other scan holds at another angle.
    neck = lambda offset: 900.0 * ((np.abs(ras - (offset, 0, -70)) < (25, 25, 22)).all(axis=1)).reshape(fixed.shape)  # noqa: E731
    with_neck = Volume(np.maximum(fixed.voxels, neck(0.0)), fixed.ijk_to_ras)
    bent = Volume(np.maximum(fixed.voxels, neck(18.0)), fixed.ijk_to_ras).moved(invert(truth))
    focus = np.random.default_rng(0).uniform(-25, 25, size=(30, 3)) + np.array([0, 5, 15])
    assert error(refine(with_neck, bent, rough(truth), RIGID, focus=focus).matrix, truth) < 0.2


def test_keypoints_and_intensities_are_weighed_between_anatomies_and_not_within_one():
    fixed = head()
    surely, hardly = (np.diag([0, 0, 0, error**2]) for error in (0.3, 30.0))
    for kind in (RIGID, AFFINE):
        moving, start = inverted(fixed).moved(invert(TRUTH[RIGID])), rough(TRUTH[RIGID], 2, 3)
        free, held, loose = (refine(fixed, moving, start, kind, q).matrix for q in (None, surely, hardly))
        if kind is RIGID:
            np.testing.assert_allclose(held, free, atol=1e-9)
        else:
            assert error(held, start) < 0.9 * error(free, start)
            assert error(loose, free) < 0.1


def test_masks_keep_what_is_outside_them_out():
    fixed, truth = head(), TRUTH[RIGID]
    rng = np.random.default_rng(1)
    inside = np.linalg.norm(Grid.of(fixed).positions(), axis=1).reshape(fixed.shape) < 45
    spoilt = Volume(np.where(inside, fixed.voxels, rng.integers(0, 1500, fixed.shape)), fixed.ijk_to_ras)
    mask = Volume(inside.astype(np.uint8), fixed.ijk_to_ras, "mask")
    moved_mask = mask.moved(invert(truth))
    result = refine(fixed, spoilt.moved(invert(truth)), rough(truth, 3, 5), RIGID, None, mask, moved_mask)
    assert result.accepted
    assert error(result.matrix, truth) < 0.7


def test_an_alignment_that_is_already_right_stays_right():
    fixed = head()
    moving = inverted(fixed).moved(invert(TRUTH[RIGID]))
    assert error(refine(fixed, moving, TRUTH[RIGID], RIGID).matrix, TRUTH[RIGID]) < 0.3


def assert_unchanged(result, start: np.ndarray, word: str) -> None:
    assert not result.accepted
    np.testing.assert_array_equal(result.matrix, start)
    assert result.similarity_after == result.similarity_before
    assert result.reason.startswith("Not refined")
    assert word in result.reason


def test_a_change_beyond_what_the_keypoints_allow_is_refused():
    fixed, truth = head(), TRUTH[RIGID]
    start = rough(truth, 8.0, 22.0)
    moving = fixed.moved(invert(truth))
    assert refine(fixed, moving, start, RIGID).accepted
    sure = np.diag([0.0, 0, 0, 0.25])  # keypoints that know the answer to half a millimetre
    assert_unchanged(refine(fixed, moving, start, RIGID, sure), start, "keypoints")
    unsure = np.diag([0.0, 0, 0, 100.0])
    assert refine(fixed, moving, start, RIGID, unsure).accepted


def test_scans_that_do_not_meet_come_back_as_they_were():
    fixed = head()
    start = affine(np.eye(3), (900, 0, 0))
    assert_unchanged(refine(fixed, fixed, start, RIGID), start, "overlap")


def test_a_mask_without_voxels_leaves_nothing_to_compare():
    fixed = head()
    empty = Volume(np.zeros(fixed.shape, dtype=np.uint8), fixed.ijk_to_ras)
    assert_unchanged(refine(fixed, fixed, np.eye(4), RIGID, None, empty), np.eye(4), "too little")


def test_unrelated_scans_are_not_declared_alike():
    fixed = head()
    noise = Volume(np.random.default_rng(0).normal(size=fixed.shape), fixed.ijk_to_ras)
    result = refine(fixed, noise, np.eye(4), RIGID, np.diag([0.0, 0, 0, 1.0]))
    assert result.similarity_after < 1.1


def test_progress_is_told_for_every_level():
    told: list[tuple[float, str]] = []
    refine(head(), head(), np.eye(4), RIGID, progress=lambda fraction, stage: told.append((fraction, stage)))
    assert [stage for _, stage in told] == ["Refining at 4 mm", "Refining at 2 mm"]
    assert [fraction for fraction, _ in told] == [0.0, 0.5]


def test_real_contrasts_of_one_head_are_brought_together(shared_data):
    fixed, moving = (read_volume(shared_data / "mni152_2mm" / f"mni152c_2mm_{name}.nii.gz") for name in ("T1", "T2"))
    moving = moving.moved(invert(sample_matrix(70)))
    result = refine(fixed, moving, rough(sample_matrix(70)), RIGID)
    assert result.accepted
    assert error(result.matrix, sample_matrix(70)) < 0.6


def test_working_copies_are_small_views_of_the_right_place():
    volume = head()
    part = cropped(volume, np.array([[-10.0, -10, -10], [10, 10, 10]]), margin=5.0)
    assert np.shares_memory(part.voxels, volume.voxels)
    assert max(part.shape) < 20
    index = apply(part.ras_to_ijk, [[0.0, 0, 0]])[0]
    np.testing.assert_allclose(apply(volume.ijk_to_ras @ invert(volume.ijk_to_ras) @ part.ijk_to_ras, [index]), 0, atol=1e-9)
    far = cropped(volume, np.full((2, 3), 1e4), margin=5.0)
    assert far.shape == volume.shape
    assert coarsened(volume, 5.0).shape == (32, 32, 32)
    hot = np.array(volume.voxels)
    hot[0, 0, 0] = 30_000
    assert working_copy(Volume(hot, volume.ijk_to_ras), 2.0).voxels.max() < 3000


def test_regions_hold_the_head_or_the_surroundings_of_the_points():
    volume = head()
    region = head_region(coarsened(volume, 5.0))
    assert 0.2 < region.mean() < 0.95
    grid = Grid.of(volume)
    points = np.random.default_rng(0).uniform(-20, 20, size=(40, 3))
    around = region_around(points, 10.0, grid)
    distance = np.linalg.norm(grid.positions(), axis=1).reshape(grid.shape)
    assert around[distance < 10].all()
    assert not around[distance > 60].any()
    flat = region_around(points * (1, 1, 0), 10.0, grid)
    assert flat[distance < 9].all()
    assert not flat[distance > 60].any()


def test_a_large_scan_is_refined_in_a_fraction_of_its_memory():
    small = head()
    voxels = small.voxels.astype(np.uint8).repeat(5, axis=0).repeat(5, axis=1).repeat(5, axis=2)
    large = Volume(voxels, small.ijk_to_ras @ affine(np.eye(3) / 5, (-0.4, -0.4, -0.4)))
    truth = TRUTH[RIGID]
    tracemalloc.start()
    result = refine(large, small.moved(invert(truth)), rough(truth, 2, 3), RIGID)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * voxels.nbytes
    assert error(result.matrix, truth) < 0.5
