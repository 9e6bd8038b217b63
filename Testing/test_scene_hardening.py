"""The alignment written into the moving volume, and taken out again to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.results.placement import registered_scans
from KeypointRegistrationLib.scene.using.copies import resampled_copy
from KeypointRegistrationLib.scene.using.hardening import harden, is_hardened, unharden
from KeypointRegistrationLib.scene.using.uses import notes
from KeypointRegistrationLib.scene.volumes import add_volume, local_ijk_to_ras, volume_from_node
from registered_scene import (
    PARENT_NAMES,
    PARENTS,
    brightest_voxels,
    corrected,
    nested,
    reference,
    registered,
    state,
)
from samples import sample_matrix, sample_registration, sample_volume
from test_scene_volumes import put_under_new_transform


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
