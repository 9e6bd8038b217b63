"""A registration in the scene: anatomy moves where it should, and everything goes in, comes back and goes out again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.registration.result import KeypointStatus, Registration
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.results.points import points_locked
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from samples import sample_matrix, sample_registration, sample_volume
from test_scene_volumes import MIRRORED, SHEARED, put_under_new_transform

DEFINED, MISSING = slicer.vtkMRMLMarkupsNode.PositionDefined, slicer.vtkMRMLMarkupsNode.PositionMissing
PARENTS = {
    "no parent": (),
    "one": (sample_matrix(25),),
    "left-handed": (MIRRORED, sample_matrix(70)),
    "sheared, three deep": (SHEARED, sample_matrix(-40), np.linalg.inv(SHEARED) @ MIRRORED),
}


def two_volumes(scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...] = ()) -> tuple:
    """A fixed volume and a moving one under nested parents, innermost first."""
    small = [sample_volume(name, size=12, spacing=12.0, seed=seed) for seed, name in enumerate(("Atlas", "Brain T1"))]
    fixed, moving = (add_volume(scene, volume) for volume in small)
    node = moving
    for matrix in parents:
        node = put_under_new_transform(node, matrix, scene)
    return fixed, moving


def node_names(scene: slicer.vtkMRMLScene) -> dict[str, str]:
    nodes = (scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes()))
    return {node.GetID(): node.GetName() for node in nodes}


def hierarchy_names(scene: slicer.vtkMRMLScene) -> list[str]:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    return [hierarchy.GetItemName(items.GetId(n)) for n in range(items.GetNumberOfIds())]


def world_points(node: slicer.vtkMRMLMarkupsNode) -> np.ndarray:
    return slicer.util.arrayFromMarkupsControlPoints(node, world=True)


def statuses(node: slicer.vtkMRMLMarkupsNode) -> list[int]:
    return [node.GetNthControlPointPositionStatus(k) for k in range(node.GetNumberOfControlPoints())]


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


class TestPlacement:
    @pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS.keys())
    def test_anatomy_moves_by_moving_to_fixed_whatever_the_parents(
        self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...]
    ) -> None:
        fixed, moving = two_volumes(scene, parents)
        corners_before, fixed_before = volume_from_node(moving).corners, volume_from_node(fixed).corners
        registration = sample_registration()
        add_registration(scene, fixed, moving, registration)
        expected = moved(registration.moving_to_fixed, corners_before)
        np.testing.assert_allclose(volume_from_node(moving).corners, expected, atol=1e-8)
        np.testing.assert_array_equal(volume_from_node(fixed).corners, fixed_before)

    @pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS.keys())
    def test_keypoints_stay_on_their_anatomy_before_and_after(
        self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...]
    ) -> None:
        fixed, moving = two_volumes(scene, parents)
        put_under_new_transform(fixed, SHEARED, scene)
        registration = sample_registration()
        added = add_registration(scene, fixed, moving, registration)
        positions = registration.moving_keypoints.positions
        np.testing.assert_allclose(world_points(added.fixed_points), registration.fixed_keypoints.positions, atol=1e-8)
        np.testing.assert_allclose(
            world_points(added.moving_points), moved(registration.moving_to_fixed, positions), atol=1e-8
        )
        added.applied = False
        np.testing.assert_allclose(world_points(added.moving_points), positions, atol=1e-8)
        added.applied = True
        np.testing.assert_allclose(
            world_points(added.moving_points), moved(registration.moving_to_fixed, positions), atol=1e-8
        )

    def test_the_fixed_keypoints_follow_when_the_fixed_scan_is_moved(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene)
        parent = put_under_new_transform(fixed, np.eye(4), scene)
        added = add_registration(scene, fixed, moving, sample_registration())
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(SHEARED))
        expected = moved(SHEARED, added.registration.fixed_keypoints.positions)
        np.testing.assert_allclose(world_points(added.fixed_points), expected, atol=1e-8)

    def test_nothing_else_under_the_same_parent_moves(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene, (sample_matrix(25),))
        fixed.SetAndObserveTransformNodeID(moving.GetTransformNodeID())
        before = volume_from_node(fixed).corners
        add_registration(scene, fixed, moving, sample_registration())
        np.testing.assert_array_equal(volume_from_node(fixed).corners, before)

    def test_the_transform_says_which_scan_it_moves_and_to_which(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene)
        transform = add_registration(scene, fixed, moving, sample_registration()).transform
        assert transform.GetNodeReference("spatialRegistrationMoving") is moving
        assert transform.GetNodeReference("spatialRegistrationFixed") is fixed
        assert transform.GetName() == "Brain T1 → Atlas (rigid)"

    def test_one_scan_cannot_be_both(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, _ = two_volumes(scene)
        before = node_names(scene)
        with pytest.raises(InputError, match="both the fixed and the moving volume"):
            add_registration(scene, fixed, fixed, sample_registration())
        assert node_names(scene) == before


class TestPointLists:
    def test_both_lists_have_every_keypoint_at_its_index(self, scene: slicer.vtkMRMLScene) -> None:
        registration = sample_registration()
        added = add_registration(scene, *two_volumes(scene), registration)
        for node in (added.fixed_points, added.moving_points):
            labels = [node.GetNthControlPointLabel(k) for k in range(node.GetNumberOfControlPoints())]
            assert labels == list(registration.fixed_keypoints.labels)

    def test_a_missing_keypoint_is_missing_where_it_is_absent_only(self, scene: slicer.vtkMRMLScene) -> None:
        registration = sample_registration()
        presence = registration.moving_keypoints.presence.copy()
        presence[1] = 0.1
        registration = replace(registration, moving_keypoints=replace(registration.moving_keypoints, presence=presence))
        added = add_registration(scene, *two_volumes(scene), registration)
        assert statuses(added.moving_points) == [DEFINED, MISSING] + [DEFINED] * 14
        assert statuses(added.fixed_points) == [DEFINED] * 16

    def test_where_the_result_does_not_say_which_scan_lacks_it_both_lists_do(self, scene: slicer.vtkMRMLScene) -> None:
        added = add_registration(scene, *two_volumes(scene), sample_registration())
        for node in (added.fixed_points, added.moving_points):
            assert statuses(node) == [DEFINED, MISSING] + [DEFINED] * 14

    def test_a_keypoint_without_a_position_is_missing(self, scene: slicer.vtkMRMLScene) -> None:
        registration = sample_registration()
        positions = registration.fixed_keypoints.positions.copy()
        positions[5] = np.nan
        status = list(registration.status)
        status[5] = KeypointStatus.MISSING
        keypoints = replace(registration.fixed_keypoints, positions=positions)
        added = add_registration(
            scene, *two_volumes(scene), replace(registration, fixed_keypoints=keypoints, status=tuple(status))
        )
        assert statuses(added.fixed_points)[5] == MISSING
        assert np.isnan(added.registration.fixed_keypoints.positions[5]).all()

    def test_points_in_and_out_of_the_fit_look_different_and_say_why(self, scene: slicer.vtkMRMLScene) -> None:
        node = add_registration(scene, *two_volumes(scene), sample_registration()).moving_points
        selected = [node.GetNthControlPointSelected(k) for k in range(node.GetNumberOfControlPoints())]
        assert selected == [True, False, False] + [True] * 13
        assert node.GetNthControlPointDescription(2) == "example reason: excluded"
        display = node.GetDisplayNode()
        assert display.GetSelectedColor() != display.GetColor()

    def test_each_point_carries_its_numbers(self, scene: slicer.vtkMRMLScene) -> None:
        registration = sample_registration()
        added = add_registration(scene, *two_volumes(scene), registration)
        for node, keypoints in (
            (added.fixed_points, registration.fixed_keypoints),
            (added.moving_points, registration.moving_keypoints),
        ):
            for name, expected in {
                "confidence": keypoints.presence,
                "spread": keypoints.spread,
                "residual": registration.residuals,
            }.items():
                np.testing.assert_allclose(slicer.util.arrayFromMarkupsControlPointData(node, name), expected)
        assert added.fixed_points.GetMeasurement("residual").GetUnits() == "mm"

    @pytest.mark.parametrize(("count", "labelled"), [(100, True), (101, False)])
    def test_many_labels_are_not_drawn(self, scene: slicer.vtkMRMLScene, count: int, labelled: bool) -> None:
        node = add_registration(scene, *two_volumes(scene), sample_registration(count)).fixed_points
        assert node.GetDisplayNode().GetPointLabelsVisibility() is labelled

    def test_the_lists_are_safe_from_a_slip_of_the_mouse(self, scene: slicer.vtkMRMLScene) -> None:
        node = add_registration(scene, *two_volumes(scene), sample_registration()).fixed_points
        assert points_locked(node)
        assert node.GetFixedNumberOfControlPoints()


class TestStateFromTheScene:
    def test_the_whole_result_comes_back(self, scene: slicer.vtkMRMLScene) -> None:
        registration = sample_registration()
        added = add_registration(scene, *two_volumes(scene), registration, RegistrationOptions(model="brain-affine"))
        (found,) = find_registrations(scene)
        assert_same_result(found.registration, registration)
        assert found.identifier == added.identifier
        assert found.provenance["options"]["model"] == "brain-affine"
        assert found.provenance["moving"]["name"] == "Brain T1"
        assert found.transform.GetAttribute("KeypointRegistration.ModelSHA256") == registration.model.sha256

    def test_everything_survives_a_scene_file(self, scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
        fixed, moving = two_volumes(scene, PARENTS["sheared, three deep"])
        before = node_names(scene)
        registration = sample_registration()
        added = add_registration(scene, fixed, moving, registration)
        corners = volume_from_node(moving).corners
        selected = [added.moving_points.GetNthControlPointSelected(k) for k in range(16)]
        names = sorted(hierarchy_names(scene))
        save_scene(scene, tmp_path / "scene.mrb")
        load_scene(scene, tmp_path / "scene.mrb")

        (found,) = find_registrations(scene)
        assert_same_result(found.registration, registration)
        assert found.applied
        np.testing.assert_allclose(volume_from_node(found.moving_volume).corners, corners, atol=1e-4)
        present = np.arange(16) != 1  # Slicer's file does not hold the position of a missing point; the record does
        expected = registration.fixed_keypoints.positions
        np.testing.assert_allclose(world_points(found.fixed_points)[present], expected[present], atol=1e-6)
        expected = moved(registration.moving_to_fixed, registration.moving_keypoints.positions)
        np.testing.assert_allclose(world_points(found.moving_points)[present], expected[present], atol=1e-6)
        assert statuses(found.moving_points) == [DEFINED, MISSING] + [DEFINED] * 14
        assert [found.moving_points.GetNthControlPointSelected(k) for k in range(16)] == selected
        for name, values in {
            "confidence": registration.moving_keypoints.presence,
            "residual": registration.residuals,
        }.items():
            read = slicer.util.arrayFromMarkupsControlPointData(found.moving_points, name)
            np.testing.assert_allclose(read, values, rtol=1e-5)
        assert points_locked(found.moving_points)
        assert found.transform.GetNodeReference("spatialRegistrationFixed") is found.fixed_volume
        assert found.original_parent.GetParentTransformNode() is not None
        assert sorted(hierarchy_names(scene)) == names
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        assert hierarchy.GetItemName(found.folder) == "Brain T1 → Atlas (rigid)"

        found.remove()
        left = {
            name for name in node_names(scene).values() if "Storage" not in name
        }  # saving adds storage nodes to the user's
        assert left == {name for name in before.values() if "Storage" not in name}

    @pytest.mark.parametrize("text", ["", "my notes", "[]", '{"format": 2}', '{"format": 1, "registration": {}}'])
    def test_a_damaged_record_is_no_registration_and_stops_no_other(self, scene: slicer.vtkMRMLScene, text: str) -> None:
        volumes = two_volumes(scene)
        damaged, sound = (add_registration(scene, *volumes, sample_registration()) for _ in range(2))
        damaged.record.SetText(text)
        assert [found.identifier for found in find_registrations(scene)] == [sound.identifier]
        damaged.remove()
        sound.remove()
        assert volumes[1].GetParentTransformNode() is None

    def test_a_file_read_twice_into_one_scene_gives_two_that_undo_apart(
        self, scene: slicer.vtkMRMLScene, tmp_path: Path
    ) -> None:
        add_registration(scene, *two_volumes(scene), sample_registration())
        save_scene(scene, tmp_path / "scene.mrb")
        assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
        first, second = find_registrations(scene)
        assert first.transform is not second.transform
        assert first.folder != second.folder
        second.remove()
        assert first.transform is not None
        assert first.folder
        assert first.applied
        assert find_registrations(scene)[0].record is first.record


class TestUndo:
    @pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS.keys())
    def test_the_scene_is_as_it_was(self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...]) -> None:
        fixed, moving = two_volumes(scene, parents)
        parent, corners = moving.GetParentTransformNode(), volume_from_node(moving).corners
        before, items = node_names(scene), hierarchy_names(scene)
        add_registration(scene, fixed, moving, sample_registration()).remove()
        assert node_names(scene) == before
        assert hierarchy_names(scene) == items
        assert moving.GetParentTransformNode() is parent
        np.testing.assert_array_equal(volume_from_node(moving).corners, corners)
        assert find_registrations(scene) == []

    def test_twice_does_no_harm(self, scene: slicer.vtkMRMLScene) -> None:
        added = add_registration(scene, *two_volumes(scene), sample_registration())
        added.remove()
        before = node_names(scene)
        added.remove()
        assert node_names(scene) == before

    @pytest.mark.parametrize(
        "deleted", ["transform", "fixed_points", "moving_points", "record", "fixed_volume", "moving_volume"]
    )
    def test_it_works_after_the_user_has_deleted_a_node(self, scene: slicer.vtkMRMLScene, deleted: str) -> None:
        fixed, moving = two_volumes(scene, (sample_matrix(25),))
        parent = moving.GetParentTransformNode()
        before = node_names(scene)
        added = add_registration(scene, fixed, moving, sample_registration())
        gone = getattr(added, deleted)
        before = {node: name for node, name in before.items() if node != gone.GetID()}
        scene.RemoveNode(gone)
        assert getattr(added, deleted) is None
        added.remove()
        displays = [node for node in node_names(scene) if "Display" in node and node not in before]
        assert {node: name for node, name in node_names(scene).items() if node not in displays} == before
        if deleted != "moving_volume":
            assert moving.GetParentTransformNode() is parent

    def test_the_original_parent_may_be_gone(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene, (sample_matrix(25),))
        added = add_registration(scene, fixed, moving, sample_registration())
        scene.RemoveNode(added.original_parent)
        added.remove()
        assert moving.GetParentTransformNode() is None

    def test_a_hardened_volume_gets_its_own_matrix_back(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene, (sample_matrix(25), SHEARED))
        parent, corners = moving.GetParentTransformNode(), volume_from_node(moving).corners
        added = add_registration(scene, fixed, moving, sample_registration())
        assert moving.HardenTransform()
        added.remove()
        assert moving.GetParentTransformNode() is parent
        np.testing.assert_allclose(volume_from_node(moving).corners, corners, atol=1e-6)

    def test_where_the_user_has_put_the_volume_it_stays(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene)
        added = add_registration(scene, fixed, moving, sample_registration())
        chosen = put_under_new_transform(moving, SHEARED, scene)
        added.remove()
        assert moving.GetParentTransformNode() is chosen

    def test_what_the_user_put_under_the_transform_or_into_the_folder_stays(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene, (sample_matrix(25),))
        added = add_registration(scene, fixed, moving, sample_registration())
        segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "tumour")
        segmentation.SetAndObserveTransformNodeID(added.transform.GetID())
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        hierarchy.CreateItem(added.folder, segmentation)
        added.remove()
        assert scene.IsNodePresent(segmentation)
        assert segmentation.GetParentTransformNode() is moving.GetParentTransformNode()
        item = hierarchy.GetItemByDataNode(segmentation)
        assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()

    def test_a_handle_from_a_closed_scene_touches_nothing_in_the_next(self, scene: slicer.vtkMRMLScene) -> None:
        old = add_registration(scene, *two_volumes(scene), sample_registration())
        scene.Clear(0)
        new = add_registration(scene, *two_volumes(scene), sample_registration())
        assert old.transform is None
        before = node_names(scene)
        old.remove()
        assert node_names(scene) == before
        assert new.applied


class TestSeveral:
    def test_names_are_readable_and_unique(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = two_volumes(scene)
        before = node_names(scene)
        first = add_registration(scene, fixed, moving, sample_registration())
        first.applied = False
        add_registration(scene, fixed, moving, sample_registration(seed=1))
        made = [name for node, name in node_names(scene).items() if node not in before]
        assert len(set(made)) == len(made)
        assert {"Brain T1 → Atlas (rigid)", "Atlas keypoints (fixed)", "Brain T1 keypoints (moving)"} <= set(made)

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first in, first out", "last in, first out"])
    def test_one_on_top_of_another_can_be_undone_in_any_order(
        self, scene: slicer.vtkMRMLScene, order: tuple[int, int]
    ) -> None:
        fixed, moving = two_volumes(scene, (sample_matrix(25),))
        before, start = node_names(scene), volume_from_node(moving).corners
        first = sample_registration()
        second = replace(sample_registration(), moving_to_fixed=sample_matrix(-15))
        both = [add_registration(scene, fixed, moving, result) for result in (first, second)]
        after_both = moved(second.moving_to_fixed @ first.moving_to_fixed, start)
        np.testing.assert_allclose(volume_from_node(moving).corners, after_both, atol=1e-8)
        both[order[0]].remove()
        halfway = after_both if order[0] == 0 else moved(first.moving_to_fixed, start)
        np.testing.assert_allclose(volume_from_node(moving).corners, halfway, atol=1e-8)
        both[order[1]].remove()
        assert node_names(scene) == before
        np.testing.assert_allclose(volume_from_node(moving).corners, start, atol=1e-8)


def test_views_are_told_once(scene: slicer.vtkMRMLScene) -> None:
    fixed, moving = two_volumes(scene)
    ends = []
    scene.AddObserver(slicer.vtkMRMLScene.EndBatchProcessEvent, lambda *_: ends.append(1))
    added = add_registration(scene, fixed, moving, sample_registration())
    assert len(ends) == 1
    added.remove()
    assert len(ends) == 2


def assert_same_result(found: Registration, expected: Registration) -> None:
    """Equal in everything but the heatmaps and the last digits."""
    for name in ("moving_to_fixed", "weights", "residuals", "error_form"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12, err_msg=name)
    for side in ("fixed_keypoints", "moving_keypoints"):
        for name in ("positions", "covariances", "presence", "divergences"):
            ours, theirs = (getattr(getattr(result, side), name) for result in (found, expected))
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, err_msg=f"{side}.{name}")
        assert getattr(found, side).labels == getattr(expected, side).labels
    compared = {"transform_type", "requested_type", "status", "exclusion_reasons", "fre", "predicted_tre", "similarity"}
    for name in compared | {"trust", "refined", "device", "model", "seconds", "warnings"}:
        assert getattr(found, name) == getattr(expected, name), name
