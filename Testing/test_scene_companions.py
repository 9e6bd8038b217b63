"""Other nodes move as the moving volume did, and go back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.using.companions import carry, companions, put_back
from KeypointRegistrationLib.scene.using.products import products
from KeypointRegistrationLib.scene.volumes import parent_to_world
from registered_scene import (
    PARENT_NAMES,
    PARENTS,
    R,
    add_points,
    corrected,
    nested,
    registered,
    state,
    world,
)


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

    def test_a_file_that_was_read_twice_keeps_its_companions_apart(self, scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
        result = registered(scene, PARENTS[1])
        carry(result, add_points(scene))
        save_scene(scene, tmp_path / "scene.mrb")
        assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"), False)
        first, second = find_registrations(scene)
        (mine,), (other,) = companions(first), companions(second)
        assert mine is not other
        before = world(other)
        first.remove()
        np.testing.assert_allclose(world(mine), (10, 20, 30), atol=1e-6)
        np.testing.assert_array_equal(world(other), before)
        assert companions(second) == [other]

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
