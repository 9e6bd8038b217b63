"""A registration's heatmaps come back with its scene, one by one, all together, and coloured per keypoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from host.views import SliceView
from KeypointRegistrationLib.detection.heatmaps import Heatmaps
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.scene.drawing.dominance import dominant_keypoints, keypoint_colour, show_dominance
from KeypointRegistrationLib.scene.drawing.heatmap_store import kept_heatmaps
from KeypointRegistrationLib.scene.drawing.heatmaps import content_threshold, hide_heatmap, probability_density, show_heatmap
from KeypointRegistrationLib.scene.results import handle
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.volumes import local_ijk_to_ras, volume_from_node
from samples import sample_matrix, sample_registration
from test_scene_results import PARENTS, hierarchy_names, moved, node_names, two_volumes

REGISTRATION = sample_registration()
MAPS = {Side.FIXED: REGISTRATION.fixed_heatmaps, Side.MOVING: REGISTRATION.moving_heatmaps}


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def added(host: RealScene) -> SceneRegistration:
    return add_registration(host.scene, *two_volumes(host.scene, PARENTS["sheared, three deep"]), REGISTRATION)


def spots(*peaks: tuple[tuple[int, int, int], float], spacing: float = 5.0) -> Heatmaps:
    """Gaussian maps on a grid of 13³ points, each around an index (k, j, i) with a width in mm."""
    grid = Grid.cubic(13, spacing, (0, 0, 0))
    k, j, i = np.indices(grid.shape)
    maps = []
    for peak, width in peaks:
        squared = sum((axis - at) ** 2 for axis, at in zip((k, j, i), peak, strict=True)) * spacing**2
        map_ = np.exp(-squared / (2 * width**2))
        maps.append(map_ / map_.sum())
    return Heatmaps(np.array(maps, dtype=np.float32), grid)


class TestKept:
    @pytest.mark.parametrize("side", list(Side))
    def test_the_maps_are_kept_as_they_are(self, added: SceneRegistration, side: Side) -> None:
        kept = kept_heatmaps(added, side)
        np.testing.assert_array_equal(kept.values, MAPS[side].values)
        np.testing.assert_allclose(kept.grid.ijk_to_ras, MAPS[side].grid.ijk_to_ras)

    def test_they_come_back_from_a_file_and_are_shown_where_they_were(
        self, host: RealScene, added: SceneRegistration, tmp_path: Path
    ) -> None:
        save_scene(host.scene, tmp_path / "scene.mrb")
        load_scene(host.scene, tmp_path / "scene.mrb")
        (found,) = find_registrations(host.scene)
        for side in Side:
            kept = kept_heatmaps(found, side)
            np.testing.assert_array_equal(kept.values, MAPS[side].values)
            np.testing.assert_allclose(kept.grid.ijk_to_ras, MAPS[side].grid.ijk_to_ras)
        volume = volume_from_node(show_heatmap(found, kept_heatmaps(found, Side.MOVING), Side.MOVING, 4))
        highest = np.array(np.unravel_index(np.argmax(volume.voxels), volume.shape)[::-1])
        place = moved(REGISTRATION.moving_to_fixed, REGISTRATION.moving_keypoints.positions[4])
        assert np.linalg.norm(moved(volume.ijk_to_ras, highest) - place) < 8

    def test_nobody_sees_the_volumes_that_keep_them(self, added: SceneRegistration) -> None:
        for role in (handle.KEPT_FIXED_HEATMAPS, handle.KEPT_MOVING_HEATMAPS):
            volume = added.adopted(role)
            assert volume.GetHideFromEditors() and volume.GetNumberOfDisplayNodes() == 0
            hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(added.scene)
            assert not hierarchy.GetItemByDataNode(volume)

    def test_they_go_with_the_registration(self, host: RealScene) -> None:
        volumes = two_volumes(host.scene)
        before, items = node_names(host.scene), hierarchy_names(host.scene)
        added = add_registration(host.scene, *volumes, REGISTRATION)
        added.remove()
        assert node_names(host.scene) == before and hierarchy_names(host.scene) == items

    @pytest.mark.parametrize("damage", ["removed", "emptied", "resized", "without its grid", "grid unreadable"])
    def test_maps_that_were_damaged_are_no_maps(self, host: RealScene, added: SceneRegistration, damage: str) -> None:
        volume = added.adopted(handle.KEPT_FIXED_HEATMAPS)
        if damage == "removed":
            host.scene.RemoveNode(volume)
        elif damage == "emptied":
            volume.SetAndObserveImageData(None)
        elif damage == "resized":
            slicer.util.updateVolumeFromArray(volume, np.zeros((5, 4, 3), dtype=np.float32))
        else:
            name = "KeypointRegistration.HeatmapGrid"
            volume.SetAttribute(name, None if damage == "without its grid" else '{"shape": 3}')
        assert kept_heatmaps(added, Side.FIXED) is None
        assert kept_heatmaps(added, Side.MOVING) is not None


class TestAllTogether:
    def test_wide_maps_show_as_much_of_themselves_as_sharp_ones(self, host: RealScene, added: SceneRegistration) -> None:
        heatmaps = spots(((3, 3, 3), 5.0), ((9, 9, 9), 15.0))
        volume = show_heatmap(added, heatmaps, Side.FIXED, None, content=0.8)
        display, voxels = volume.GetDisplayNode(), slicer.util.arrayFromVolume(volume)
        shown = voxels >= display.GetLowerThreshold()
        for k in range(2):
            own = probability_density(heatmaps, k)
            region = own >= content_threshold(own, 0.8)
            assert shown[region].all()
        assert shown.mean() < 0.5

    def test_the_scale_is_in_probability_per_cubic_centimetre(self, added: SceneRegistration) -> None:
        heatmaps = spots(((4, 4, 4), 7.0), ((8, 8, 8), 7.0))
        display = show_heatmap(added, heatmaps, Side.FIXED, None).GetDisplayNode()
        peak = 1 / (np.sqrt(2 * np.pi) * 0.7) ** 3  # of a Gaussian of 0.7 cm, per cm³
        assert display.GetWindowLevelMax() == pytest.approx(peak, rel=0.02)


class TestDominance:
    def test_every_place_has_the_label_of_the_highest_map(self) -> None:
        heatmaps = spots(((3, 6, 6), 6.0), ((9, 6, 6), 6.0))
        labels, grid = dominant_keypoints(heatmaps, 0.9)
        owners = np.where(labels > 0, (labels - 1) // 4, -1)
        for k, peak in enumerate(((3, 6, 6), (9, 6, 6))):
            at = np.round(np.linalg.inv(grid.ijk_to_ras) @ heatmaps.grid.ijk_to_ras @ [*peak[::-1], 1]).astype(int)
            assert owners[tuple(at[2::-1])] == k and (labels[tuple(at[2::-1])] - 1) % 4 == 3
        middle = labels.shape[0] // 2
        assert not (owners[:middle] == 1).any() and not (owners[middle + 1 :] == 0).any()

    def test_the_shades_hold_the_parts_they_stand_for(self) -> None:
        labels, grid = dominant_keypoints(spots(((6, 6, 6), 9.0)), 0.8)
        fine_voxel = abs(np.linalg.det(grid.ijk_to_ras[:3, :3])) / 1000
        squared = ((grid.positions() ** 2).sum(axis=1)).reshape(grid.shape) / 100  # cm²
        density = np.exp(-squared / (2 * 0.9**2)) / (np.sqrt(2 * np.pi) * 0.9) ** 3
        for shade, part in enumerate((0.8, 0.6, 0.4, 0.2)):
            assert density[labels > shade].sum() * fine_voxel == pytest.approx(part, abs=0.06)

    def test_it_is_drawn_in_the_keypoints_colours_and_named_after_them(
        self, host: RealScene, added: SceneRegistration
    ) -> None:
        view = SliceView(host, size=(300, 300))
        view.show(added.fixed_volume)
        added.fixed_points.SetDisplayVisibility(False)
        added.moving_points.SetDisplayVisibility(False)
        view.jump(REGISTRATION.fixed_keypoints.positions[4])
        view.zoom(120)
        without = view.image()
        volume = show_dominance(added, MAPS[Side.FIXED], Side.FIXED, opacity=1.0)
        core = view.image()[148:153, 148:153].reshape(-1, 3) / 255
        labels, _ = dominant_keypoints(MAPS[Side.FIXED], 0.9)
        named = {volume.GetDisplayNode().GetColorNode().GetColorName(int(label)) for label in np.unique(labels)}
        assert {f"point {k + 1}" for k in range(16)} >= named - {"none"} and len(named) > 8
        palette = np.array([keypoint_colour(k, shade) for k in range(16) for shade in range(4)])
        assert np.abs(core[:, None] - palette[None]).max(axis=2).min(axis=1).max() < 0.02
        hide_heatmap(added, Side.FIXED)
        np.testing.assert_array_equal(view.image(), without)

    def test_changing_between_kinds_leaves_one_overlay_and_no_rest(self, host: RealScene, added: SceneRegistration) -> None:
        before, items = node_names(host.scene), hierarchy_names(host.scene)
        show_heatmap(added, MAPS[Side.FIXED], Side.FIXED, 3)
        show_dominance(added, MAPS[Side.FIXED], Side.FIXED)
        assert not slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", host.scene)
        show_heatmap(added, MAPS[Side.FIXED], Side.FIXED, None)
        assert added.fixed_heatmap.GetClassName() == "vtkMRMLScalarVolumeNode"
        hide_heatmap(added, Side.FIXED)
        colours = added.adopted(handle.KEYPOINT_COLOURS)
        assert {*node_names(host.scene)} - {*before} == {colours.GetID()} and hierarchy_names(host.scene) == items

    def test_it_survives_a_scene_file_and_goes_with_the_registration(
        self, host: RealScene, added: SceneRegistration, tmp_path: Path
    ) -> None:
        labels = slicer.util.arrayFromVolume(show_dominance(added, MAPS[Side.MOVING], Side.MOVING)).copy()
        save_scene(host.scene, tmp_path / "scene.mrb")
        load_scene(host.scene, tmp_path / "scene.mrb")
        (found,) = find_registrations(host.scene)
        np.testing.assert_array_equal(
            np.bincount(slicer.util.arrayFromVolume(found.moving_heatmap).ravel()), np.bincount(labels.ravel())
        )
        assert found.moving_heatmap.GetDisplayNode().GetColorNode().GetColorName(1) == "point 1"
        found.remove()
        assert not [name for name in node_names(host.scene).values() if "Keypoint colours" in name]


class TestPlace:
    @pytest.mark.parametrize("when", ["before it is shown", "afterwards"])
    def test_a_heatmap_stays_on_the_anatomy_when_the_alignment_is_hardened(
        self, added: SceneRegistration, when: str
    ) -> None:
        if when == "before it is shown":
            added.moving_volume.HardenTransform()
        node = show_heatmap(added, MAPS[Side.MOVING], Side.MOVING, 4)
        if when == "afterwards":
            added.moving_volume.HardenTransform()
            node = show_heatmap(added, MAPS[Side.MOVING], Side.MOVING, 4)
        volume = volume_from_node(node)
        highest = np.array(np.unravel_index(np.argmax(volume.voxels), volume.shape)[::-1])
        place = moved(REGISTRATION.moving_to_fixed, REGISTRATION.moving_keypoints.positions[4])
        assert np.linalg.norm(moved(volume.ijk_to_ras, highest) - place) < 8

    def test_a_heatmap_goes_along_when_the_scan_gets_another_parent(self, host: RealScene, added: SceneRegistration) -> None:
        parent = host.scene.AddNewNodeByClass("vtkMRMLTransformNode")
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(50)))
        added.fixed_volume.SetAndObserveTransformNodeID(parent.GetID())
        volume = volume_from_node(show_heatmap(added, MAPS[Side.FIXED], Side.FIXED, 4))
        highest = np.array(np.unravel_index(np.argmax(volume.voxels), volume.shape)[::-1])
        place = moved(sample_matrix(50), REGISTRATION.fixed_keypoints.positions[4])
        assert np.linalg.norm(moved(volume.ijk_to_ras, highest) - place) < 8

    @pytest.mark.parametrize("hardened", [False, True])
    def test_a_file_that_turns_an_axis_of_the_scan_does_not_turn_the_heatmap(
        self, added: SceneRegistration, hardened: bool
    ) -> None:
        scan = added.moving_volume
        expected = volume_from_node(show_heatmap(added, MAPS[Side.MOVING], Side.MOVING, 4)).ijk_to_ras
        if hardened:
            scan.HardenTransform()
        turned = local_ijk_to_ras(scan) @ np.diag([1.0, -1.0, 1.0, 1.0])
        turned[:3, 3] = (local_ijk_to_ras(scan) @ [0, scan.GetImageData().GetDimensions()[1] - 1, 0, 1])[:3]
        scan.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(turned))
        shown = volume_from_node(show_heatmap(added, MAPS[Side.MOVING], Side.MOVING, 4))
        np.testing.assert_allclose(shown.ijk_to_ras, expected, atol=1e-6)
