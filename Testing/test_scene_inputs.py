"""What a registration starts from, as nodes of a real scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import slicer
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.inputs import SceneInputs, Snapshot, Watch
from KeypointRegistrationLib.scene.volumes import add_volume
from samples import sample_matrix, sample_volume


@pytest.fixture
def inputs(scene: slicer.vtkMRMLScene) -> SceneInputs:
    """Two scans, a mask on each, and a starting pose under another transform."""
    fixed, moving = (add_volume(scene, sample_volume(name, seed=seed)) for seed, name in enumerate(("fixed", "moving")))
    masks = [add_volume(scene, mask_of(sample_volume(), name)) for name in ("fixed mask", "moving mask")]
    outer, inner = transform(scene, "outer", sample_matrix(20.0)), transform(scene, "inner", sample_matrix(-50.0))
    inner.SetAndObserveTransformNodeID(outer.GetID())
    return SceneInputs(fixed, moving, *masks, inner)


def mask_of(volume: Volume, name: str = "mask") -> Volume:
    return Volume((volume.voxels > 0).astype(np.uint8), volume.ijk_to_ras, name)


def transform(scene: slicer.vtkMRMLScene, name: str, matrix: np.ndarray) -> slicer.vtkMRMLTransformNode:
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def test_usable_inputs_have_no_problem_and_are_read_where_the_scene_shows_them(inputs: SceneInputs) -> None:
    assert inputs.problem() == ""
    parent = transform(inputs.fixed.GetScene(), "parent", sample_matrix(70.0))
    for node in (inputs.moving, inputs.moving_mask):
        node.SetAndObserveTransformNodeID(parent.GetID())
    volumes = inputs.volumes()
    assert list(volumes) == ["fixed", "moving", "fixed_mask", "moving_mask"]
    np.testing.assert_allclose(volumes["moving"].ijk_to_ras, sample_matrix(70.0) @ sample_volume().ijk_to_ras)
    np.testing.assert_allclose(volumes["moving_mask"].ijk_to_ras, volumes["moving"].ijk_to_ras)


def test_the_starting_pose_is_moving_to_fixed_in_the_world_with_parents_composed(inputs: SceneInputs) -> None:
    np.testing.assert_allclose(inputs.starting_pose(), sample_matrix(20.0) @ sample_matrix(-50.0), atol=1e-12)
    assert replace(inputs, initial=None).starting_pose() is None


def test_a_starting_pose_that_cannot_be_used_is_a_sentence(inputs: SceneInputs) -> None:
    scene = inputs.fixed.GetScene()
    warp = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    assert replace(inputs, initial=warp).problem().startswith("warp is not linear.")
    under_warp = transform(scene, "under warp", np.eye(4))
    under_warp.SetAndObserveTransformNodeID(warp.GetID())
    assert replace(inputs, initial=under_warp).problem().startswith("under warp is not linear.")
    flat = transform(scene, "flat", np.diag([1.0, 1.0, 0.0, 1.0]))
    assert "flattens space" in replace(inputs, initial=flat).problem()
    mirror = transform(scene, "mirror", np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert replace(inputs, initial=mirror).problem().startswith("mirror mirrors.")


@pytest.mark.parametrize("which", ["itself", "its parent"])
def test_a_transform_that_moves_the_moving_volume_already_is_no_starting_pose(inputs: SceneInputs, which: str) -> None:
    inner, outer = inputs.initial, inputs.initial.GetParentTransformNode()
    inputs.moving.SetAndObserveTransformNodeID(inner.GetID())
    problem = replace(inputs, initial=inner if which == "itself" else outer).problem()
    assert problem.startswith("moving is already under") and "move it twice" in problem


def test_a_mask_beside_its_scan_is_a_sentence_and_one_that_overlaps_it_is_not(inputs: SceneInputs) -> None:
    aside = transform(inputs.fixed.GetScene(), "aside", np.array([[1, 0, 0, 150], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    inputs.moving_mask.SetAndObserveTransformNodeID(aside.GetID())
    assert inputs.problem() == ""
    aside.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.diag([1.0, 1, 1, 1]) + 500 * np.eye(4, k=3)))
    assert inputs.problem().startswith("The mask moving mask lies beside moving.")


def test_a_box_is_a_mask_where_the_scene_shows_it(inputs: SceneInputs) -> None:
    box = inputs.fixed.GetScene().AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    boxed = replace(inputs, moving_mask=box)
    assert "The box box is 0.0 × 0.0 × 0.0 mm: nothing fits into it." in boxed.problem()
    box.SetSize(40, 60, 50)
    box.SetCenter(5, -5, 10)
    parent = transform(inputs.fixed.GetScene(), "parent", sample_matrix(30.0))
    box.SetAndObserveTransformNodeID(parent.GetID())
    mask = boxed.volumes()["moving_mask"]
    np.testing.assert_allclose(apply(invert(sample_matrix(30.0)), mask.corners).min(axis=0), (-15, -35, -15), atol=1e-9)
    np.testing.assert_allclose(mask.centre, apply(sample_matrix(30.0), [[5, -5, 10]])[0])
    box.SetCenter(900, 0, 0)
    assert "The mask box lies beside moving." in boxed.problem()


@pytest.mark.parametrize("change", ["moved", "resized", "emptied", "removed"])
def test_a_box_that_is_no_longer_what_it_was_is_told(inputs: SceneInputs, change: str) -> None:
    box = inputs.fixed.GetScene().AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    box.SetSize(40, 60, 50)
    snapshot = Snapshot(replace(inputs, moving_mask=box))
    assert snapshot.other_changes() == ()
    heard: list[str] = []
    watch = Watch([box], lambda: heard.append("changed"))
    {
        "moved": lambda: box.SetCenter(5, 5, 5),
        "resized": lambda: box.SetSize(50, 60, 50),
        "emptied": lambda: box.SetSize(0, 0, 0),
        "removed": lambda: box.GetScene().RemoveNode(box),
    }[change]()
    told = {"resized": "moved", "emptied": "changed"}.get(change, change)
    assert snapshot.other_changes()[0].startswith(f"box was {told} while the registration ran")
    assert heard or change == "removed"
    watch.close()


def test_what_is_no_longer_in_the_scene_is_a_sentence(inputs: SceneInputs) -> None:
    inputs.fixed.GetScene().RemoveNode(inputs.fixed_mask)
    assert "no longer in the scene" in inputs.problem()
    assert "no longer in the scene" in SceneInputs(None, inputs.moving).problem()


def test_one_volume_for_both_is_a_sentence(inputs: SceneInputs) -> None:
    assert "both the fixed and the moving volume" in replace(inputs, moving=inputs.fixed).problem()


@pytest.mark.parametrize("moment", ["removed", "moved", "changed"])
def test_a_scan_that_is_no_longer_what_it_was_is_found(inputs: SceneInputs, moment: str) -> None:
    snapshot = Snapshot(inputs)
    snapshot.check_scans()
    disturb(inputs.fixed, moment)
    with pytest.raises(InputError, match=f"fixed was {moment} while the registration ran"):
        snapshot.check_scans()


@pytest.mark.parametrize("moment", ["removed", "moved", "changed"])
def test_a_mask_that_is_no_longer_what_it_was_is_told_and_spoils_nothing(inputs: SceneInputs, moment: str) -> None:
    snapshot = Snapshot(inputs)
    assert snapshot.other_changes() == ()
    disturb(inputs.fixed_mask, moment)
    snapshot.check_scans()
    (sentence,) = snapshot.other_changes()
    assert sentence.startswith(f"fixed mask was {moment} while the registration ran, which used it as it was")


def test_a_starting_pose_that_is_no_longer_what_it_was_is_told(inputs: SceneInputs) -> None:
    snapshot = Snapshot(inputs)
    inputs.initial.GetParentTransformNode().SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.eye(4)))
    assert snapshot.other_changes()[0].startswith("inner was changed")
    inputs.initial.GetScene().RemoveNode(inputs.initial)
    assert snapshot.other_changes()[0].startswith("inner was removed")


def disturb(node: slicer.vtkMRMLVolumeNode, moment: str) -> None:
    if moment == "removed":
        node.GetScene().RemoveNode(node)
    elif moment == "moved":
        parent = transform(node.GetScene(), "later", sample_matrix())
        node.SetAndObserveTransformNodeID(parent.GetID())
    else:
        slicer.util.arrayFromVolume(node)[:] = 7
        slicer.util.arrayFromVolumeModified(node)


def test_a_watch_tells_of_changes_until_it_is_closed(inputs: SceneInputs) -> None:
    told: list[str] = []
    watch = Watch([inputs.fixed, inputs.initial], lambda: told.append("changed"))
    parent = inputs.initial.GetParentTransformNode()
    for change in (
        lambda: inputs.fixed.SetAndObserveTransformNodeID(parent.GetID()),
        lambda: slicer.util.arrayFromVolumeModified(inputs.fixed),
        lambda: parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(5.0))),
    ):
        told.clear()
        change()
        assert told
    told.clear()
    watch.close()
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.eye(4)))
    assert not told
