"""Everything that was made of an alignment goes without a trace; what is missing is named."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.using.companions import carry
from KeypointRegistrationLib.scene.using.copies import inverse_transform, resampled_copy
from KeypointRegistrationLib.scene.using.hardening import harden, unharden
from KeypointRegistrationLib.scene.using.uses import notes
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from registered_scene import (
    PARENTS,
    R,
    add_points,
    corrected,
    nested,
    registered,
    state,
    world,
)
from samples import sample_matrix, sample_registration, sample_volume


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


def test_a_scan_that_was_moved_alone_is_told_and_both_together_are_not(scene: slicer.vtkMRMLScene) -> None:
    result = registered(scene, PARENTS[1])
    assert notes(result) == ()
    outer = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Patient")
    outer.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(20)))
    result.original_parent.SetAndObserveTransformNodeID(outer.GetID())
    (note,) = notes(result)
    assert "not where this registration has put them" in note
    result.fixed_volume.GetParentTransformNode().SetAndObserveTransformNodeID(outer.GetID())
    assert notes(result) == ()


def test_a_transform_that_was_changed_by_hand_is_told(scene: slicer.vtkMRMLScene) -> None:
    result = registered(scene, PARENTS[2])
    result.transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(20)))
    (note,) = notes(result)
    assert "changed by hand" in note


def test_undoing_an_earlier_registration_leaves_a_later_one_and_its_uses_right(scene: slicer.vtkMRMLScene) -> None:
    first = registered(scene, PARENTS[1])
    points = add_points(scene)
    other = add_volume(scene, sample_volume("Other atlas", size=12, spacing=12.0))
    second = add_registration(scene, other, first.moving_volume, sample_registration())
    carry(second, points)
    where, placed = volume_from_node(second.moving_volume).ijk_to_ras, world(points)
    first.remove()
    np.testing.assert_allclose(volume_from_node(second.moving_volume).ijk_to_ras, where, atol=1e-6)
    np.testing.assert_allclose(world(points), placed, atol=1e-6)
    assert notes(second) == ()
    matrix = corrected(second) @ np.linalg.inv(R)
    np.testing.assert_allclose(volume_from_node(second.moving_volume).ijk_to_ras, matrix @ where, atol=1e-6)
    np.testing.assert_allclose(world(points), (matrix @ [*placed, 1])[:3], atol=1e-6)
    second.remove()
    np.testing.assert_allclose(world(points), (10, 20, 30), atol=1e-6)


@pytest.mark.parametrize("side", ["fixed_volume", "moving_volume"])
@pytest.mark.parametrize("change", ["other voxels", "other position"])
def test_a_scan_that_was_changed_is_told(scene: slicer.vtkMRMLScene, side: str, change: str) -> None:
    result = registered(scene)
    node = getattr(result, side)
    if change == "other voxels":
        slicer.util.updateVolumeFromArray(node, np.zeros((4, 5, 6)))
    else:
        node.SetSpacing(1.0, 2.0, 3.0)
    (note,) = notes(result)
    assert note.startswith(f"{node.GetName()} has other voxels or another position")


def test_a_renamed_scan_is_still_itself(scene: slicer.vtkMRMLScene) -> None:
    result = registered(scene)
    result.moving_volume.SetName("Patient 7")
    assert notes(result) == ()
    assert resampled_copy(result).GetName() == "Patient 7 on Atlas"
