"""Where the scans of a registration are now: hardened, renumbered by a file, or moved, be it by a third of a millimetre."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.results.placement import changes, hardened_numbering, registered_scans
from KeypointRegistrationLib.scene.using.hardening import harden
from KeypointRegistrationLib.scene.volumes import add_volume, local_ijk_to_ras, volume_from_node
from registered_scene import PARENT_NAMES, PARENTS, registered
from samples import sample_matrix, sample_registration


def harden_by(who: str, result: SceneRegistration) -> None:
    """Write the alignment into the moving volume."""
    if who == "the panel":
        harden(result)
    else:
        assert result.moving_volume.HardenTransform()


def turn(node: slicer.vtkMRMLScalarVolumeNode, axis: int = 2) -> np.ndarray:
    """Let an axis of the volume begin at its other end, as some file formats do; returns the 4×4 from new to old indices."""
    turning = np.eye(4)
    turning[axis, axis] = -1
    turning[axis, 3] = node.GetImageData().GetDimensions()[axis] - 1
    slicer.util.updateVolumeFromArray(node, np.flip(slicer.util.arrayFromVolume(node), 2 - axis).copy())
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(local_ijk_to_ras(node) @ turning))
    return turning


def nudge(node: slicer.vtkMRMLScalarVolumeNode, difference: float) -> None:
    """Change one direction of a volume: its far corners move by ``difference`` (mm) for each voxel."""
    matrix = local_ijk_to_ras(node)
    matrix[1, 0] += difference
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))


def registered_bars(scene: slicer.vtkMRMLScene) -> SceneRegistration:
    """A result of two long scans of 256 × 4 × 4 voxels."""
    bars = [Volume(np.ones((4, 4, 256), np.int16), np.eye(4), name) for name in ("Atlas", "Brain T1")]
    return add_registration(scene, *(add_volume(scene, bar) for bar in bars), sample_registration())


@pytest.mark.parametrize("parents", PARENTS, ids=PARENT_NAMES)
@pytest.mark.parametrize("who", ["the panel", "Slicer"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_hardened_volume_is_known_and_its_own_matrix_comes_back(
    scene: slicer.vtkMRMLScene, parents: tuple[np.ndarray, ...], who: str, turned: bool
) -> None:
    result = registered(scene, parents)
    original = local_ijk_to_ras(result.moving_volume)
    assert hardened_numbering(result) is None
    harden_by(who, result)
    turning = turn(result.moving_volume) if turned else np.eye(4)
    numbering = hardened_numbering(result)
    assert numbering is not None and np.allclose(numbering, turning)
    assert changes(result) == ()
    np.testing.assert_allclose(np.array(result.provenance["moving"]["ijk_to_ras"]) @ numbering, original @ turning)


def test_a_hardened_volume_is_known_without_transform_and_fixed_scan(scene: slicer.vtkMRMLScene) -> None:
    result = registered(scene, PARENTS[2])
    harden_by("Slicer", result)
    for node in (result.transform, result.fixed_volume):
        scene.RemoveNode(node)
    assert hardened_numbering(result) is not None


def test_a_volume_is_known_that_was_hardened_after_its_parents_were_moved(scene: slicer.vtkMRMLScene) -> None:
    result = registered(scene, PARENTS[1])
    result.original_parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(10, (5, 6, 7))))
    harden_by("Slicer", result)
    assert hardened_numbering(result) is not None


def test_a_volume_that_was_moved_since_is_not_taken_for_a_hardened_one(scene: slicer.vtkMRMLScene) -> None:
    result = registered(scene)
    harden_by("Slicer", result)
    matrix = sample_matrix(1) @ local_ijk_to_ras(result.moving_volume)
    result.moving_volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    assert hardened_numbering(result) is None


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_a_scan_whose_axis_a_file_has_turned_is_the_same_scan(scene: slicer.vtkMRMLScene, side: str) -> None:
    result = registered(scene, PARENTS[2])
    expected = [scan.corners.mean(axis=0) for scan in registered_scans(result)]
    node = result.fixed_volume if side == "fixed" else result.moving_volume
    before = volume_from_node(node)
    turn(node)
    after = volume_from_node(node)
    assert after.voxels[0, 1, 2] == before.voxels[-1, 1, 2]
    assert changes(result) == ()
    np.testing.assert_allclose([scan.corners.mean(axis=0) for scan in registered_scans(result)], expected)


@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_a_scan_is_followed_to_its_corners(scene: slicer.vtkMRMLScene, side: str) -> None:
    result = registered_bars(scene)
    node = result.fixed_volume if side == "fixed" else result.moving_volume
    nudge(node, 1e-5)  # 0.0026 mm at the far end: digits that a file has lost
    assert changes(result) == ()
    nudge(node, 9e-4)  # 0.23 mm
    (sentence,) = changes(result)
    assert "another position" in sentence


def test_a_transform_that_was_turned_by_little_is_told(scene: slicer.vtkMRMLScene) -> None:
    result = registered_bars(scene)
    matrix = slicer.util.arrayFromTransformMatrix(result.transform)
    matrix[1, 0] += 9e-4
    result.transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    (sentence,) = changes(result)
    assert "changed by hand" in sentence
