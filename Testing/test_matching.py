"""Local contrast does not see the coil, and a head is found by its looks however it is turned."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.local_contrast import evenly_bright, locally_normalised
from KeypointRegistrationLib.registration.matching import APART, Matcher, apart
from KeypointRegistrationLib.registration.refinement import refine
from KeypointRegistrationLib.registration.similarity import likeness
from scipy.spatial.transform import Rotation
from textured_head import ANATOMY, textured_head

STILL = np.eye(4)
POSE = affine(Rotation.from_rotvec(np.deg2rad(140) * np.array([0.6, 0.64, -0.48])).as_matrix(), (12.0, -8.0, 5.0))
TRUTH = invert(POSE)  # moving → fixed
SHADING = 1.0


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_the_brightness_of_a_coil_is_gone_from_local_contrast() -> None:
    plain, shaded = textured_head(STILL), textured_head(STILL, shading=SHADING)
    head = plain.voxels > 60
    seen = [locally_normalised(volume, head).voxels[head] for volume in (plain, shaded)]
    assert alike(plain.voxels[head], shaded.voxels[head]) < 0.8
    assert alike(*seen) > 0.85


def test_even_brightness_undoes_much_of_the_coil_and_keeps_how_bright_tissues_are() -> None:
    plain, shaded = textured_head(STILL), textured_head(STILL, shading=SHADING)
    head = plain.voxels > 75  # not the surface, which is darker however bright the coil is
    evened = [evenly_bright(volume, head).voxels[head] for volume in (plain, shaded)]
    contrast = locally_normalised(plain, head).voxels[head]
    assert alike(*evened) > 0.75 > 0.65 > alike(plain.voxels[head], shaded.voxels[head])
    assert alike(evened[0], plain.voxels[head]) > alike(contrast, plain.voxels[head])


def test_even_brightness_is_nothing_outside_a_mask_and_bears_scans_without_contrast() -> None:
    flat = Volume(np.full((12, 12, 12), 50.0), np.eye(4), "flat")
    everywhere = np.ones(flat.shape, dtype=bool)
    assert np.isfinite(evenly_bright(flat, everywhere).voxels).all()
    head = textured_head(STILL)
    mask = head.voxels > 60
    seen = evenly_bright(head, mask, mask).voxels
    assert (seen[~mask] == 0).all() and seen[mask].std() > 0.05


def test_local_contrast_is_nothing_where_nothing_is_and_outside_a_mask() -> None:
    flat = Volume(np.full((12, 12, 12), 50.0), np.eye(4), "flat")
    assert np.allclose(locally_normalised(flat, np.ones(flat.shape, dtype=bool)).voxels, 0)
    head = textured_head(STILL)
    mask = head.voxels > 60
    seen = locally_normalised(head, mask, mask)
    assert (seen.voxels[~mask] == 0).all() and seen.voxels[mask].std() > 0.5


def test_a_mask_keeps_what_is_outside_from_mattering() -> None:
    head = textured_head(STILL)
    mask = head.voxels > 60
    beside = Volume(np.where(mask, head.voxels, 90.0), head.ijk_to_ras, "beside")
    one, other = (locally_normalised(volume, mask, mask).voxels for volume in (head, beside))
    np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_head_is_found_turned_any_way_and_in_another_contrast(inverted: bool) -> None:
    moving = textured_head(POSE, 1, inverted=inverted, shading=SHADING)
    matcher = Matcher(textured_head(STILL), moving, ANATOMY, np.array([5.0, 5.0, -5.0]))
    best, *others = matcher.matches(3)
    assert apart(best.pose, TRUTH) < 15.0
    assert best.score == pytest.approx(matcher.score(best.pose), abs=0.02)
    assert all(other.score < best.score and apart(other.pose, best.pose) > APART for other in others)
    assert matcher.score(TRUTH) > best.score


def test_where_there_is_no_head_nothing_matches_well() -> None:
    noise = np.random.default_rng(2).normal(loc=60.0, scale=20.0, size=(36, 36, 36))
    moving = Volume(noise, textured_head(STILL).ijk_to_ras, "noise")
    assert Matcher(textured_head(STILL), moving, ANATOMY, np.zeros(3)).matches(1)[0].score < 0.4


def test_refinement_by_local_contrast_is_not_led_astray_by_the_coil() -> None:
    fixed, moving = textured_head(STILL, shading=SHADING), textured_head(POSE, 1, shading=SHADING)
    off = affine(Rotation.from_rotvec(np.deg2rad(10) * np.array([0.0, 0.6, 0.8])).as_matrix(), (3.0, -2.0, 2.0)) @ TRUTH
    refined = refine(fixed, moving, off, TransformType.RIGID, focus=ANATOMY, locally=True)
    assert refined.accepted and apart(refined.matrix, TRUTH) < 2.0


def test_refinement_begins_where_the_scans_look_most_alike() -> None:
    fixed, moving = textured_head(STILL), textured_head(POSE, 1)
    turned = affine(Rotation.from_euler("x", 180, degrees=True).as_matrix(), np.zeros(3)) @ TRUTH
    near = affine(Rotation.from_euler("z", 6, degrees=True).as_matrix(), np.zeros(3)) @ TRUTH
    alone = refine(fixed, moving, turned, TransformType.RIGID, focus=ANATOMY, locally=True)
    refined = refine(fixed, moving, turned, TransformType.RIGID, focus=ANATOMY, locally=True, starts=[near])
    assert apart(alone.matrix, TRUTH) > 45.0
    assert apart(refined.matrix, TRUTH) < 1.0


def test_one_persons_scans_are_as_alike_however_the_head_lies_under_the_coil() -> None:
    fixed, moving = textured_head(STILL, shading=SHADING), textured_head(POSE, 1, shading=SHADING)
    right, wrong = likeness(fixed, moving, TRUTH, ANATOMY), likeness(fixed, moving, np.eye(4), ANATOMY)
    same = likeness(fixed, textured_head(STILL, 1, shading=SHADING), STILL, ANATOMY)
    assert right - 1 > 0.4 * (same - 1)
    assert wrong - 1 < 0.3 * (right - 1)
