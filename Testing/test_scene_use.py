"""What is made of an alignment is right under any parents, follows corrections, and goes without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from host.mrml import RealScene, load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.companions import carry, companions, put_back
from KeypointRegistrationLib.scene.copies import inverse_transform, resampled_copy
from KeypointRegistrationLib.scene.handle import SceneRegistration
from KeypointRegistrationLib.scene.hardening import harden, is_hardened, unharden
from KeypointRegistrationLib.scene.placement import registered_scans
from KeypointRegistrationLib.scene.products import products
from KeypointRegistrationLib.scene.reslice import Interpolation
from KeypointRegistrationLib.scene.results import add_registration, find_registrations
from KeypointRegistrationLib.scene.uses import notes
from KeypointRegistrationLib.scene.volumes import add_volume, local_ijk_to_ras, parent_to_world, volume_from_node
from samples import sample_matrix, sample_registration, sample_volume
from scipy import ndimage
from test_scene_volumes import MIRRORED, SHEARED, put_under_new_transform

R = sample_registration().moving_to_fixed
PARENTS = [(), (sample_matrix(25),), (SHEARED, sample_matrix(-40), MIRRORED)]
PARENT_NAMES = ["no parents", "one", "three, sheared and mirrored"]


@pytest.fixture
def scene() -> Iterator[slicer.vtkMRMLScene]:
    with RealScene() as host:
        yield host.scene


def nested(node: slicer.vtkMRMLTransformableNode, matrices: tuple[np.ndarray, ...]) -> None:
    """Put a node under new transforms, innermost first."""
    for matrix in matrices:
        node = put_under_new_transform(node, matrix, node.GetScene())


def registered(scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...] = ()) -> SceneRegistration:
    """A result of two small scans, both under nested parents of their own."""
    fixed = add_volume(scene, sample_volume("Atlas", size=14, spacing=10.0))
    moving = add_volume(scene, sample_volume("Brain T1", size=12, spacing=12.0, seed=1).moved(np.linalg.inv(R)))
    nested(fixed, tuple(reversed(parents)))
    nested(moving, parents)
    return add_registration(scene, fixed, moving, sample_registration())


def add_points(scene: slicer.vtkMRMLScene, position: tuple[float, ...] = (10.0, 20.0, 30.0)) -> slicer.vtkMRMLNode:
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Electrodes")
    points.AddControlPoint(vtk.vtkVector3d(*position), "e1")
    return points


def world(points: slicer.vtkMRMLMarkupsNode) -> np.ndarray:
    return slicer.util.arrayFromMarkupsControlPoints(points, world=True)[0]


def state(scene: slicer.vtkMRMLScene) -> dict[str, tuple]:
    """Every node with its name, parent, attributes and exact position."""
    found = {}
    for n in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(n)
        parent = node.GetParentTransformNode() if node.IsA("vtkMRMLTransformableNode") else None
        matrix = local_ijk_to_ras(node).tobytes() if node.IsA("vtkMRMLVolumeNode") else b""
        attributes = [(name, node.GetAttribute(name)) for name in sorted(node.GetAttributeNames())]
        found[node.GetID()] = (node.GetName(), parent and parent.GetID(), attributes, matrix)
    return found


def brightest_voxels(node: slicer.vtkMRMLVolumeNode) -> list[tuple[list[float], int]]:
    """World positions and values of some voxels, in an order that does not depend on their numbering."""
    volume = volume_from_node(node)
    peaks = np.argwhere(volume.voxels > np.sort(volume.voxels, axis=None)[-6])
    places = [((volume.ijk_to_ras @ [i, j, k, 1])[:3].tolist(), int(volume.voxels[k, j, i])) for k, j, i in peaks]
    return sorted(places)


def corrected(result: SceneRegistration) -> np.ndarray:
    """Change the alignment as a person's correction does; returns the new matrix."""
    matrix = sample_matrix(5, (1, 2, 3)) @ R
    result.correct(result.correction, replace(result.registration, moving_to_fixed=matrix))
    return matrix


class TestHardening:
    @pytest.mark.parametrize("parents", PARENTS, ids=PARENT_NAMES)
    def test_it_keeps_the_volume_where_it_is_and_comes_back_to_the_last_bit(
        self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...]
    ) -> None:
        result = registered(scene, parents)
        before, voxels = state(scene), volume_from_node(result.moving_volume).voxels.copy()
        aligned = volume_from_node(result.moving_volume).ijk_to_ras
        harden(result)
        assert result.moving_volume.GetParentTransformNode() is None
        np.testing.assert_allclose(local_ijk_to_ras(result.moving_volume), aligned, atol=1e-9)
        np.testing.assert_array_equal(volume_from_node(result.moving_volume).voxels, voxels)
        assert notes(result) == ()
        unharden(result)
        assert state(scene) == before
        np.testing.assert_array_equal(volume_from_node(result.moving_volume).voxels, voxels)

    def test_it_comes_back_after_saving_and_loading(self, scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
        result = registered(scene, PARENTS[1])
        before = local_ijk_to_ras(result.moving_volume)
        harden(result)
        save_scene(scene, tmp_path / "scene.mrb")
        load_scene(scene, tmp_path / "scene.mrb")
        (loaded,) = find_registrations(scene)
        assert is_hardened(loaded)
        unharden(loaded)
        assert local_ijk_to_ras(loaded.moving_volume).tobytes() == before.tobytes()
        assert loaded.applied

    def test_a_left_handed_volume_that_a_file_has_renumbered_comes_back_to_its_place(
        self, scene: slicer.vtkMRMLScene, tmp_path: Path
    ) -> None:
        result = registered(scene, PARENTS[2])
        result.applied = False
        before = brightest_voxels(result.moving_volume)
        harden(result)
        save_scene(scene, tmp_path / "scene.mrb")
        load_scene(scene, tmp_path / "scene.mrb")
        (loaded,) = find_registrations(scene)
        assert notes(loaded) == ()
        unharden(loaded)
        loaded.applied = False
        for (position, value), (expected, same) in zip(brightest_voxels(loaded.moving_volume), before, strict=True):
            np.testing.assert_allclose(position, expected, atol=1e-6)
            assert value == same

    def test_a_scan_that_is_not_aligned_at_the_moment_is_aligned_first(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        aligned = volume_from_node(result.moving_volume).ijk_to_ras
        result.applied = False
        harden(result)
        np.testing.assert_allclose(local_ijk_to_ras(result.moving_volume), aligned, atol=1e-9)

    def test_a_volume_that_was_moved_since_is_not_moved_back(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        harden(result)
        put_under_new_transform(result.moving_volume, sample_matrix(3), scene)
        with pytest.raises(InputError, match="has been moved since it was hardened"):
            unharden(result)

    def test_it_says_when_the_alignment_has_changed_since(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        harden(result)
        corrected(result)
        (note,) = notes(result)
        assert "hardened with an earlier state" in note
        unharden(result)
        assert notes(result) == ()

    @pytest.mark.parametrize("by", ["the panel", "Slicer's own command"])
    def test_what_is_made_of_a_hardened_volume_never_has_the_alignment_twice(
        self, scene: slicer.vtkMRMLScene, by: str
    ) -> None:
        result = registered(scene)
        expected = volume_from_node(resampled_copy(result)).voxels
        harden(result) if by == "the panel" else result.moving_volume.HardenTransform()
        np.testing.assert_array_equal(volume_from_node(resampled_copy(result)).voxels, expected)
        corrected(result)
        if by == "the panel":
            matrix = result.registration.moving_to_fixed
            fixed, moving = registered_scans(result)
            inner = np.s_[1:-1, 1:-1, 1:-1]
            copy = volume_from_node(resampled_copy(result)).voxels[inner]
            assert np.abs(copy - reference(fixed, moving, matrix)[inner]).max() <= 1
        else:
            with pytest.raises(InputError, match="another position than when it was registered"):
                resampled_copy(result)

    def test_undoing_the_registration_takes_it_out_again(self, scene: slicer.vtkMRMLScene) -> None:
        fixed, moving = (add_volume(scene, sample_volume(name, size=12, spacing=12.0)) for name in ("Atlas", "Brain T1"))
        nested(moving, PARENTS[2])
        before = state(scene)
        result = add_registration(scene, fixed, moving, sample_registration())
        harden(result)
        result.remove()
        assert state(scene) == before


class TestResampling:
    @pytest.mark.parametrize("parents", PARENTS, ids=PARENT_NAMES)
    @pytest.mark.parametrize("situation", ["aligned", "not aligned", "hardened"])
    def test_it_equals_an_independent_reference(
        self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...], situation: str
    ) -> None:
        result = registered(scene, parents)
        fixed, moving = result.fixed_volume, result.moving_volume
        result.applied = False
        expected = reference(volume_from_node(fixed), volume_from_node(moving), R)
        result.applied = situation != "not aligned"
        if situation == "hardened":
            harden(result)
        copy = resampled_copy(result)
        inner = np.s_[1:-1, 1:-1, 1:-1]
        found = volume_from_node(copy)
        assert found.voxels.dtype == np.int16
        assert np.abs(found.voxels.astype(float) - expected)[inner].max() <= 1
        assert expected[inner].std() > 20
        np.testing.assert_array_equal(local_ijk_to_ras(copy), local_ijk_to_ras(fixed))
        assert copy.GetParentTransformNode() is fixed.GetParentTransformNode()

    def test_the_wrong_direction_would_be_seen(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene, PARENTS[2])
        result.applied = False
        wrong = reference(volume_from_node(result.fixed_volume), volume_from_node(result.moving_volume), np.linalg.inv(R))
        assert np.abs(volume_from_node(resampled_copy(result)).voxels - wrong).max() > 100

    def test_labels_stay_labels(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Regions")
        slicer.util.updateVolumeFromArray(
            labels, (volume_from_node(result.moving_volume).voxels // 300 * 7).astype(np.uint8)
        )
        labels.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(local_ijk_to_ras(result.moving_volume)))
        labels.CreateDefaultDisplayNodes()
        copy = resampled_copy(result, labels)
        assert copy.IsA("vtkMRMLLabelMapVolumeNode")
        values = volume_from_node(copy).voxels
        assert set(np.unique(values)) <= set(np.unique(volume_from_node(labels).voxels)) and values.max() > 0
        smooth = resampled_copy(result, labels, Interpolation.LINEAR)
        assert len(np.unique(volume_from_node(smooth).voxels)) > len(np.unique(values))

    @pytest.mark.parametrize("situation", ["beside", "carried", "put under by hand", "not aligned"])
    def test_a_further_volume_of_the_moving_scan_moves_once(self, scene: slicer.vtkMRMLScene, situation: str) -> None:
        result = registered(scene)
        result.applied = False
        further = add_volume(scene, replace(volume_from_node(result.moving_volume), name="T2"))
        result.applied = situation != "not aligned"
        if situation in ("carried", "not aligned"):
            carry(result, further)
        elif situation == "put under by hand":
            further.SetAndObserveTransformNodeID(result.transform.GetID())
        expected = volume_from_node(resampled_copy(result)).voxels
        np.testing.assert_array_equal(volume_from_node(resampled_copy(result, further)).voxels, expected)

    def test_the_background_can_be_chosen(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        fixed = result.fixed_volume
        fixed.SetOrigin(*(np.array(fixed.GetOrigin()) + 1000))
        assert set(np.unique(volume_from_node(resampled_copy(result, background=-1000)).voxels)) == {-1000}

    def test_a_copy_of_an_earlier_alignment_says_so(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        copy = resampled_copy(result)
        assert notes(result) == ()
        corrected(result)
        assert any(copy.GetName() in note and "earlier state" in note for note in notes(result))

    def test_a_scan_put_elsewhere_is_not_silently_resampled(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        put_under_new_transform(result.moving_volume, sample_matrix(3), scene).SetName("Other")
        with pytest.raises(InputError, match="is now under Other"):
            resampled_copy(result)
        assert any("is now under Other" in note for note in notes(result))


def reference(fixed, moving, moving_to_fixed: np.ndarray) -> np.ndarray:
    """The moving scan at every fixed voxel, point by point through RAS (world matrices of scans before alignment)."""
    k, j, i = np.indices(fixed.shape).reshape(3, -1)
    ras = fixed.ijk_to_ras @ np.stack([i, j, k, np.ones_like(i)])
    ijk = np.linalg.inv(moving.ijk_to_ras) @ np.linalg.inv(moving_to_fixed) @ ras
    values = ndimage.map_coordinates(
        moving.voxels.astype(float), ijk[[2, 1, 0]], order=1, mode="constant", cval=float(moving.voxels.min())
    )
    return values.reshape(fixed.shape)


@pytest.mark.parametrize("parents", PARENTS, ids=PARENT_NAMES)
def test_the_scans_are_found_where_they_were_registered(scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...]) -> None:
    result = registered(scene, parents)
    result.applied = False
    before = [volume_from_node(node).ijk_to_ras for node in (result.fixed_volume, result.moving_volume)]
    result.applied = True
    for change in (lambda: None, lambda: harden(result), lambda: nested(result.fixed_volume, (sample_matrix(9),))):
        change()
        for scan, expected in zip(registered_scans(result), before, strict=True):
            np.testing.assert_allclose(scan.ijk_to_ras, expected, atol=1e-6)
    slicer.util.updateVolumeFromArray(result.fixed_volume, np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="Atlas has other voxels"):
        registered_scans(result)


class TestInverse:
    @pytest.mark.parametrize("parents", PARENTS, ids=PARENT_NAMES)
    def test_it_takes_the_fixed_scan_to_where_the_moving_one_came_from(
        self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...]
    ) -> None:
        result = registered(scene, parents)
        before = volume_from_node(result.fixed_volume).ijk_to_ras
        inverse = inverse_transform(result)
        result.fixed_volume.SetAndObserveTransformNodeID(inverse.GetID())
        np.testing.assert_allclose(volume_from_node(result.fixed_volume).ijk_to_ras, np.linalg.inv(R) @ before, atol=1e-6)
        assert "→" in inverse.GetName() and inverse.GetName().startswith("Atlas")
        assert inverse.GetAttribute("KeypointRegistration.Direction") == "fixed to moving"

    def test_it_says_that_it_is_outdated_and_can_be_brought_up_to_date(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        inverse = inverse_transform(result)
        matrix = corrected(result)
        assert any(inverse.GetName() in note for note in notes(result))
        assert inverse_transform(result) is inverse
        np.testing.assert_allclose(slicer.util.arrayFromTransformMatrix(inverse), np.linalg.inv(matrix), atol=1e-9)
        assert notes(result) == ()


class TestCompanions:
    @pytest.mark.parametrize("own", PARENTS, ids=PARENT_NAMES)
    @pytest.mark.parametrize("parents", PARENTS, ids=PARENT_NAMES)
    def test_a_node_moves_as_the_moving_volume_did_and_follows_corrections(
        self, scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...], own: tuple[np.ndarray, ...]
    ) -> None:
        result = registered(scene, parents)
        points = add_points(scene)
        nested(points, own)
        before, parent = world(points), points.GetParentTransformNode()
        carry(result, points)
        np.testing.assert_allclose(world(points), (R @ [*before, 1])[:3], atol=1e-6)
        matrix = corrected(result)
        np.testing.assert_allclose(world(points), (matrix @ [*before, 1])[:3], atol=1e-6)
        result.applied = False
        np.testing.assert_allclose(world(points), before, atol=1e-9)
        result.applied = True
        put_back(result, points)
        assert points.GetParentTransformNode() is parent
        np.testing.assert_allclose(world(points), before, atol=1e-9)

    def test_one_beside_the_moving_volume_goes_directly_under_the_transform(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene, PARENTS[1])
        points = add_points(scene)
        points.SetAndObserveTransformNodeID(result.original_parent.GetID())
        carry(result, points)
        assert points.GetParentTransformNode() is result.transform and products(result) == []

    def test_every_kind_of_node_can_be_carried_and_is_found_again_after_loading(
        self, scene: slicer.vtkMRMLScene, tmp_path: Path
    ) -> None:
        result = registered(scene, PARENTS[2])
        kinds = ("Segmentation", "Model", "LinearTransform", "ScalarVolume")
        nodes = [scene.AddNewNodeByClass(f"vtkMRML{kind}Node", kind) for kind in kinds]
        for node in nodes:
            before = parent_to_world(node)
            carry(result, node)
            np.testing.assert_allclose(parent_to_world(node), R @ before, atol=1e-6)
        save_scene(scene, tmp_path / "scene.mrb")
        load_scene(scene, tmp_path / "scene.mrb")
        (loaded,) = find_registrations(scene)
        assert {node.GetName() for node in companions(loaded)} == set(kinds)
        loaded.remove()
        for kind in kinds:
            node = scene.GetFirstNodeByName(kind)
            assert node.GetParentTransformNode() is None and not node.GetAttributeNames()

    @pytest.mark.parametrize(
        "which, reason",
        [("fixed_volume", "stays where it is"), ("fixed_points", "stays where it is"), ("moving_volume", "already")],
    )
    def test_what_belongs_to_the_registration_is_refused(self, scene: slicer.vtkMRMLScene, which: str, reason: str) -> None:
        result = registered(scene)
        with pytest.raises(InputError, match=reason):
            carry(result, getattr(result, which))

    def test_a_parent_of_the_alignment_is_refused(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene, PARENTS[1])
        with pytest.raises(InputError, match="is above the alignment"):
            carry(result, result.original_parent)

    def test_a_node_under_a_bent_transform_is_refused_and_stays(self, scene: slicer.vtkMRMLScene) -> None:
        result = registered(scene)
        points = add_points(scene)
        bent = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
        bent.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
        points.SetAndObserveTransformNodeID(bent.GetID())
        before = state(scene)
        with pytest.raises(InputError, match="non-linear transform Bent"):
            carry(result, points)
        assert state(scene) == before


def test_undoing_the_registration_leaves_no_trace_of_any_use(scene: slicer.vtkMRMLScene) -> None:
    fixed, moving = (add_volume(scene, sample_volume(name, size=12, spacing=12.0)) for name in ("Atlas", "Brain T1"))
    nested(moving, PARENTS[2])
    points, others = add_points(scene), add_points(scene)
    nested(others, PARENTS[1])
    before = state(scene)
    result = add_registration(scene, fixed, moving, sample_registration())
    resampled_copy(result)
    inverse_transform(result)
    carry(result, points)
    carry(result, others)
    harden(result)
    result.remove()
    assert state(scene) == before


@pytest.mark.parametrize("gone", ["fixed_volume", "moving_volume", "transform"])
def test_a_deleted_node_is_named_in_a_sentence(scene: slicer.vtkMRMLScene, gone: str) -> None:
    result = registered(scene)
    points = add_points(scene)
    carry(result, points)
    resampled_copy(result)
    scene.RemoveNode(getattr(result, gone))
    word = gone.replace("_", " ")
    for use in (harden, unharden, resampled_copy, inverse_transform, lambda result: carry(result, add_points(scene))):
        with pytest.raises(InputError, match=f"The {word} of this registration is no longer in the scene"):
            use(result)
    assert any(word in note for note in notes(result))
    result.remove()
    np.testing.assert_allclose(world(points), (10, 20, 30), atol=1e-9)
