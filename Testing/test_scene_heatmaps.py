"""Heatmaps lie over their anatomy, say what they show, and leave the user's views as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from hypothesis import given, settings
from hypothesis import strategies as st
from KeypointRegistrationLib.registration.result import Registration
from KeypointRegistrationLib.scene.drawing.heatmaps import (
    Side,
    content_threshold,
    hide_heatmap,
    probability_density,
    show_heatmap,
)
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.viewing import slices
from KeypointRegistrationLib.scene.volumes import volume_from_node
from samples import sample_registration
from test_scene_results import PARENTS, hierarchy_names, moved, node_names, two_volumes


@pytest.fixture
def scene() -> Iterator[slicer.vtkMRMLScene]:
    with RealScene() as host:
        for name in ("Red", "Green"):
            view = host.scene.AddNewNodeByClass("vtkMRMLSliceNode")
            view.SetLayoutName(name)
            view.SetOrientationToAxial()
            layers = host.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
            layers.SetLayoutName(name)
        yield host.scene


@pytest.fixture
def registration() -> Registration:
    return sample_registration()


@pytest.fixture
def added(scene: slicer.vtkMRMLScene, registration: Registration) -> SceneRegistration:
    return add_registration(scene, *two_volumes(scene, PARENTS["sheared, three deep"]), registration)


def peak(node: slicer.vtkMRMLScalarVolumeNode) -> np.ndarray:
    """World position of the largest value."""
    volume = volume_from_node(node)
    index = np.unravel_index(np.argmax(volume.voxels), volume.shape)[::-1]
    return moved(volume.ijk_to_ras, np.array(index))


class TestPlace:
    def test_a_map_peaks_at_its_keypoint_before_and_after(
        self, added: SceneRegistration, registration: Registration
    ) -> None:
        node = show_heatmap(added, registration.moving_heatmaps, Side.MOVING, 4)
        position = registration.moving_keypoints.positions[4]
        half_a_voxel = registration.moving_heatmaps.grid.spacing.max() * np.sqrt(3) / 2
        assert np.linalg.norm(peak(node) - moved(registration.moving_to_fixed, position)) < half_a_voxel
        added.applied = False
        assert np.linalg.norm(peak(node) - position) < half_a_voxel

    def test_the_fixed_map_lies_in_the_fixed_scan(self, added: SceneRegistration, registration: Registration) -> None:
        node = show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 4)
        assert node.GetParentTransformNode() is added.fixed_volume.GetParentTransformNode()
        assert np.linalg.norm(peak(node) - registration.fixed_keypoints.positions[4]) < 8

    def test_without_the_scan_it_is_refused(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration
    ) -> None:
        scene.RemoveNode(added.fixed_points)
        with pytest.raises(ValueError, match="no longer in the scene"):
            show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0)


class TestContent:
    def test_values_are_probability_per_cubic_centimetre(self, registration: Registration) -> None:
        heatmaps = registration.fixed_heatmaps
        density = probability_density(heatmaps, 3)
        assert density.sum() * np.prod(heatmaps.grid.spacing) / 1000 == pytest.approx(1, rel=1e-4)

    def test_the_maximum_shows_every_keypoint(self, registration: Registration) -> None:
        every = probability_density(registration.fixed_heatmaps, None)
        for k in range(len(registration.status)):
            assert (every >= probability_density(registration.fixed_heatmaps, k)).all()

    @given(st.integers(0, 2**32 - 1), st.floats(0.05, 1))
    @settings(max_examples=30, deadline=None)
    def test_the_threshold_keeps_the_asked_for_part_and_hardly_more(self, seed: int, content: float) -> None:
        density = np.random.default_rng(seed).exponential(size=(6, 7, 8)) ** 3
        threshold = content_threshold(density, content)
        total = density.sum()
        assert density[density >= threshold].sum() >= content * total * (1 - 1e-9)
        assert density[density > threshold].sum() <= content * total * (1 + 1e-9)

    def test_an_empty_map_has_a_threshold_too(self) -> None:
        assert content_threshold(np.zeros((3, 3, 3)), 0.9) == 0

    def test_stepping_through_keypoints_changes_one_volume(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration
    ) -> None:
        first = show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0)
        nodes = scene.GetNumberOfNodes()
        for k in (1, 2, None):
            assert show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, k) is first
        assert scene.GetNumberOfNodes() == nodes
        assert first.GetName() == "Atlas heatmap: all keypoints"

    def test_the_legend_names_the_keypoint_and_the_unit(self, scene: slicer.vtkMRMLScene, added: SceneRegistration) -> None:
        registration = sample_registration()
        node = show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 6)
        (legend,) = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", scene)
        assert legend.GetTitleText() == "point 7\nprobability, fixed scan"
        assert "cm³" in legend.GetLabelFormat()
        assert legend.GetDisplayableNode() is node
        assert legend.GetNumberOfViewNodeIDs() == 2


class TestViews:
    def test_the_scans_in_the_views_stay(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration
    ) -> None:
        for view in slices.slice_layers(scene):
            view.SetBackgroundVolumeID(added.fixed_volume.GetID())
            view.SetForegroundVolumeID(added.moving_volume.GetID())
        node = show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0, opacity=0.4)
        for view in slices.slice_layers(scene):
            assert view.GetBackgroundVolumeID() == added.fixed_volume.GetID()
            assert view.GetForegroundVolumeID() == added.moving_volume.GetID()
            assert view.GetNthLayerVolumeID(3) == node.GetID()
            assert view.GetNthLayerOpacity(3) == pytest.approx(0.4)

    def test_both_scans_maps_can_be_shown_at_once(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration
    ) -> None:
        fixed = show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0)
        moving = show_heatmap(added, registration.moving_heatmaps, Side.MOVING, 0)
        view = slices.slice_layers(scene)[0]
        assert [view.GetNthLayerVolumeID(n) for n in (3, 4)] == [fixed.GetID(), moving.GetID()]
        hide_heatmap(added, Side.FIXED)
        assert moving.GetID() in [view.GetNthLayerVolumeID(n) for n in (3, 4)]

    def test_it_is_shown_in_the_chosen_views_only(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration
    ) -> None:
        red, green = slices.slice_layers(scene)
        show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0)
        node = show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0, views=[green])
        assert green.GetNthLayerVolumeID(3) == node.GetID()
        assert red.GetNthLayerVolumeID(3) is None


class TestComingAndGoing:
    def test_hiding_removes_all_of_it(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration
    ) -> None:
        before, items = node_names(scene), hierarchy_names(scene)
        for side, heatmaps in ((Side.FIXED, registration.fixed_heatmaps), (Side.MOVING, registration.moving_heatmaps)):
            show_heatmap(added, heatmaps, side, 0)
        hide_heatmap(added, Side.FIXED)
        assert added.moving_heatmap.GetDisplayNode().GetColorNode() is not None
        hide_heatmap(added, Side.MOVING)
        hide_heatmap(added, Side.MOVING)
        assert node_names(scene) == before
        assert hierarchy_names(scene) == items

    def test_undo_of_the_registration_takes_the_heatmaps_along(
        self, scene: slicer.vtkMRMLScene, registration: Registration
    ) -> None:
        fixed, moving = two_volumes(scene)
        before = node_names(scene)
        added = add_registration(scene, fixed, moving, registration)
        show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0)
        show_heatmap(added, registration.moving_heatmaps, Side.MOVING, None)
        added.remove()
        assert node_names(scene) == before
        assert all(view.GetNthLayerVolumeID(3) is None for view in slices.slice_layers(scene))

    def test_it_survives_a_scene_file(
        self, scene: slicer.vtkMRMLScene, added: SceneRegistration, registration: Registration, tmp_path: Path
    ) -> None:
        node = show_heatmap(added, registration.moving_heatmaps, Side.MOVING, 4)
        where, values = peak(node), np.sort(volume_from_node(node).voxels, axis=None)
        limits = node.GetDisplayNode().GetLowerThreshold(), node.GetDisplayNode().GetWindowLevelMax()
        save_scene(scene, tmp_path / "scene.mrb")
        load_scene(scene, tmp_path / "scene.mrb")
        (found,) = find_registrations(scene)
        read = found.moving_heatmap
        np.testing.assert_allclose(peak(read), where, atol=1e-3)
        np.testing.assert_array_equal(np.sort(volume_from_node(read).voxels, axis=None), values)  # Slicer may turn an axis
        display = read.GetDisplayNode()
        assert (display.GetLowerThreshold(), display.GetWindowLevelMax()) == pytest.approx(limits, rel=1e-4)
        assert display.GetApplyThreshold()
        assert display.GetColorNode().GetName() == "Keypoint heat"
        assert read.GetParentTransformNode() is found.transform
        (legend,) = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", scene)
        assert legend.GetTitleText() == "point 5\nprobability, moving scan"
        assert show_heatmap(found, registration.moving_heatmaps, Side.MOVING, 5) is read
        found.remove()
        assert not slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", scene)
        assert scene.GetSingletonNode("KeypointRegistrationHeat", "vtkMRMLColorTableNode") is None
