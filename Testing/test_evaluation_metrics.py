"""Overlap, distance of surfaces and errors of a pose, against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation.metrics import (
    box_corners,
    corner_displacement,
    dice_per_label,
    equitrack_errors,
    larger_regions,
    rotation_error,
    translation_error,
)
from KeypointRegistrationLib.evaluation.surfaces import hausdorff_95, surface_points
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix
from scipy.spatial.transform import Rotation

RIGID, AFFINE = TransformType.RIGID, TransformType.AFFINE


def label_map() -> Volume:
    """Two boxes of 8000 mm³ (labels 7 and 300) and one of 64 mm³ (label 9), 2 mm voxels."""
    labels = np.zeros((30, 30, 30), dtype=np.uint16)
    labels[5:15, 5:15, 5:15] = 7
    labels[5:15, 5:15, 16:26] = 300
    labels[20:22, 20:22, 20:22] = 9
    return Volume(labels, affine(2 * np.eye(3), (-30, -30, -30)), "labels")


def test_dice_is_one_for_itself_and_falls_as_boxes_slide_apart():
    labels = label_map()
    assert dice_per_label(labels, labels, np.eye(4)) == {7: 1.0, 9: 1.0, 300: 1.0}
    slid = dice_per_label(labels, labels, affine(np.eye(3), (0, 0, 4)))  # 2 of 10 slices
    assert slid[7] == pytest.approx(0.8)
    assert slid[9] == 0


def test_dice_follows_a_pose_that_only_the_matrix_knows():
    labels, pose = label_map(), sample_matrix(80)
    assert dice_per_label(labels, labels.moved(pose), invert(pose))[7] > 0.98
    assert dice_per_label(labels, labels.moved(pose), np.eye(4))[7] < 0.6


def test_the_hausdorff_distance_is_in_mm_whatever_the_voxels():
    labels = label_map()
    for spacing in ((2, 2, 2), (1, 3, 5)):
        boxes = Volume(labels.voxels, sample_matrix(30) @ np.diag([*spacing, 1.0]), "boxes")
        surface = surface_points(boxes)[300]
        assert len(surface) == 10**3 - 8**3
        assert hausdorff_95(surface, surface, np.eye(4)) == 0
        along = boxes.ijk_to_ras[:3, 2] / spacing[2]  # slid along K by 1.5 mm: nothing of the box's end is nearer
        assert hausdorff_95(surface, surface, affine(np.eye(3), 1.5 * along)) == pytest.approx(1.5, abs=1e-9)


def test_a_few_stray_voxels_do_not_set_the_hausdorff_distance():
    labels = label_map()
    stray = labels.voxels.copy()
    stray[28, 28, 28] = 300
    surface, with_stray = (surface_points(Volume(v, labels.ijk_to_ras))[300] for v in (labels.voxels, stray))
    assert hausdorff_95(surface, with_stray, np.eye(4)) == 0


def test_structures_next_to_each_other_have_surfaces_where_they_touch():
    voxels = np.zeros((6, 6, 6), dtype=np.uint8)
    voxels[1:5, 1:5, 1:3], voxels[1:5, 1:5, 3:5] = 1, 2
    surfaces = surface_points(Volume(voxels, np.eye(4)))
    assert {label: len(points) for label, points in surfaces.items()} == {1: 32, 2: 32}


def test_only_regions_that_are_large_in_both_maps_count():
    labels = label_map()
    assert larger_regions(labels) == [7, 300]
    without = Volume(np.where(labels.voxels == 300, 0, labels.voxels), labels.ijk_to_ras)
    assert larger_regions(labels, without) == [7]


def test_errors_against_a_known_pose():
    truth = sample_matrix(40)
    corners = box_corners(label_map())
    assert corner_displacement(truth, truth, corners) == pytest.approx(0, abs=1e-9)
    shifted = affine(np.eye(3), (0, 3, 4)) @ truth
    assert corner_displacement(shifted, truth, corners) == pytest.approx(5)
    assert rotation_error(shifted, truth) == pytest.approx(0, abs=1e-5)
    turned = sample_matrix(6, (0, 0, 0)) @ truth
    assert rotation_error(turned, truth) == pytest.approx(6)
    assert translation_error(turned, truth, (0, 0, 0)) == pytest.approx(0, abs=1e-9)
    assert translation_error(shifted, truth, (50, 60, 70)) == pytest.approx(5)


def test_equitracks_errors_are_about_the_grids_own_axes_centre_and_voxels():
    grid = Grid((30, 40, 50), sample_matrix(50, (70, 5, 9)) @ np.diag([2.0, 2.0, 4.0, 1]))
    axes = affine(grid.ijk_to_ras[:3, :3] / grid.spacing, np.zeros(3))
    middle = apply(grid.ijk_to_ras, [(24.5, 19.5, 14.5)])[0]

    def motion(angles, voxels):
        turn = axes @ affine(Rotation.from_euler("XYZ", angles, degrees=True).as_matrix(), np.zeros(3)) @ invert(axes)
        shift = axes[:3, :3] @ (np.array(voxels) * grid.spacing)
        return affine(turn[:3, :3], middle - turn[:3, :3] @ middle + shift)

    euler, shift = equitrack_errors(motion((13, -24, 36), (1, 2, 6)), motion((10, -20, 31), (0, 0, 0)), grid)
    assert euler == pytest.approx((3 + 4 + 5) / 3)
    assert shift == pytest.approx(3)
    euler, _ = equitrack_errors(motion((179, 0, 0), (0, 0, 0)), motion((-179, 0, 0), (0, 0, 0)), grid)
    assert euler == pytest.approx(2 / 3)


def test_brain_box_is_that_of_the_voxels_above_zero():
    corners = box_corners(label_map())
    np.testing.assert_allclose(corners.min(axis=0), (-20, -20, -20))
    np.testing.assert_allclose(corners.max(axis=0), (20, 12, 12))
