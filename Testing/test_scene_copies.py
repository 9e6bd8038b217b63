"""What is made of an alignment for use elsewhere is right under any parents, in the right direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import slicer
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.results.placement import registered_scans
from KeypointRegistrationLib.scene.using.companions import carry
from KeypointRegistrationLib.scene.using.copies import inverse_transform, resampled_copy
from KeypointRegistrationLib.scene.using.hardening import harden
from KeypointRegistrationLib.scene.using.reslice import Interpolation
from KeypointRegistrationLib.scene.using.uses import notes
from KeypointRegistrationLib.scene.volumes import add_volume, local_ijk_to_ras, volume_from_node
from registered_scene import (
    PARENT_NAMES,
    PARENTS,
    R,
    corrected,
    nested,
    reference,
    registered,
)
from samples import sample_matrix
from test_scene_volumes import put_under_new_transform


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
