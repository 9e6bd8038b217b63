"""What a person sees: real slice and 3-D views, drawn off screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from host.mrml import RealScene
from host.views import SliceView, ThreeDView
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.alignment import fit
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import Registration
from KeypointRegistrationLib.scene.drawing.heatmaps import Side, hide_heatmap, show_heatmap
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.points import FIXED_STYLE, MOVING_STYLE
from KeypointRegistrationLib.scene.volumes import add_volume
from samples import sample_matrix, sample_registration, sample_volume
from scipy import ndimage
from test_scene_results import MIRRORED, SHEARED, put_under_new_transform

HEAT = np.array([0.94, 0.30, 0.63])


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture(scope="module")
def registration() -> Registration:
    return sample_registration()


def same_anatomy_twice(registration: Registration) -> tuple[Volume, Volume]:
    """A fixed scan, and the same one moved to where ``registration`` finds it."""
    fixed = sample_volume("Atlas")
    return fixed, replace(fixed.moved(np.linalg.inv(registration.moving_to_fixed)), name="Brain T1")


def patch(image: np.ndarray, row: int, column: int, radius: int = 8) -> np.ndarray:
    return image[max(0, row - radius) : row + radius + 1, max(0, column - radius) : column + radius + 1].reshape(-1, 3) / 255


def count_of_colour(pixels: np.ndarray, colour: tuple[float, float, float] | np.ndarray, tolerance: float = 0.12) -> int:
    return int((np.abs(pixels.reshape(-1, 3) - np.asarray(colour)).max(axis=1) < tolerance).sum())


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two pictures in grey levels (0 to 255)."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


class TestAlignment:
    @pytest.mark.parametrize("orientation", ["Axial", "Sagittal", "Coronal"])
    def test_the_moving_scan_looks_like_the_fixed_one_after_and_not_before(
        self, host: RealScene, registration: Registration, orientation: str
    ) -> None:
        fixed_node, moving_node = (add_volume(host.scene, volume) for volume in same_anatomy_twice(registration))
        view = SliceView(host, "Red", orientation, size=(200, 200))
        view.show(fixed_node)
        expected = view.image()
        view.composite_node.SetBackgroundVolumeID(moving_node.GetID())
        before = difference(view.image(), expected)
        added = add_registration(host.scene, fixed_node, moving_node, registration)
        for node in (added.fixed_points, added.moving_points):
            node.SetDisplayVisibility(False)
        after = difference(view.image(), expected)
        assert before > 8
        assert after < 1

    def test_it_does_so_under_nested_parents(self, host: RealScene, registration: Registration) -> None:
        fixed, moving = same_anatomy_twice(registration)
        parents = MIRRORED @ SHEARED
        fixed_node = add_volume(host.scene, fixed)
        moving_node = add_volume(host.scene, moving.moved(np.linalg.inv(parents)))
        put_under_new_transform(put_under_new_transform(moving_node, SHEARED, host.scene), MIRRORED, host.scene)
        view = SliceView(host, size=(200, 200))
        view.show(fixed_node)
        expected = view.image()
        added = add_registration(host.scene, fixed_node, moving_node, registration)
        for node in (added.fixed_points, added.moving_points):
            node.SetDisplayVisibility(False)
        view.composite_node.SetBackgroundVolumeID(moving_node.GetID())
        assert difference(view.image(), expected) < 1

    def test_real_heads_of_two_people_line_up(self, host: RealScene, shared_data: Path) -> None:
        scans, labels = (
            [
                read_volume(shared_data / "ixi_t1_2mm" / f"{name}_{kind}.nii.gz")
                for name in ("IXI565-HH-2534", "IXI577-HH-2661")
            ]
            for kind in ("T1", "dlmuse")
        )
        turn = sample_matrix(50.0)
        scans[1], labels[1] = scans[1].moved(turn), labels[1].moved(turn)
        regions = sorted(set(np.unique(labels[0].voxels)) & set(np.unique(labels[1].voxels)) - {0})
        centres = [region_centres(volume, regions) for volume in labels]
        matrix = fit(TransformType.AFFINE, centres[1], centres[0], None)
        fixed_node, moving_node = (add_volume(host.scene, scan) for scan in scans)
        view = SliceView(host, size=(200, 200))
        view.show(fixed_node)
        view.jump(centres[0].mean(axis=0))
        expected = view.image()
        view.composite_node.SetBackgroundVolumeID(moving_node.GetID())
        before = np.corrcoef(view.image().ravel(), expected.ravel())[0, 1]
        added = add_registration(host.scene, fixed_node, moving_node, replace(sample_registration(), moving_to_fixed=matrix))
        for node in (added.fixed_points, added.moving_points):
            node.SetDisplayVisibility(False)
        after = np.corrcoef(view.image().ravel(), expected.ravel())[0, 1]
        assert after > 0.85
        assert 1 - after < 0.6 * (1 - before)  # the black around the heads agrees before as well


class TestKeypoints:
    def test_a_pair_is_drawn_where_it_is_in_both_colours(self, host: RealScene, registration: Registration) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = SliceView(host)
        view.show(nodes[0])
        add_registration(host.scene, *nodes, registration)
        position = registration.fixed_keypoints.positions[0]
        view.jump(position)
        view.zoom(100)
        image = view.image()
        row, column = view.pixel(position)
        assert (row, column) == (200, 200) or abs(row - 200) + abs(column - 200) <= 2
        assert count_of_colour(patch(image, row, column), FIXED_STYLE.used) > 10
        view.jump(registration.moving_keypoints.moved(registration.moving_to_fixed).positions[0])
        assert count_of_colour(patch(view.image(), 200, 200, 12), MOVING_STYLE.used) > 10

    def test_excluded_and_missing_points_do_not_look_used(self, host: RealScene, registration: Registration) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = SliceView(host)
        view.show(nodes[0])
        empty = {}
        for k in (1, 2):
            view.jump(registration.fixed_keypoints.positions[k])
            empty[k] = view.image()
        added = add_registration(host.scene, *nodes, registration)
        added.moving_points.SetDisplayVisibility(False)
        missing, excluded = 1, 2
        view.jump(registration.fixed_keypoints.positions[missing])
        assert difference(patch(view.image(), 200, 200), patch(empty[missing], 200, 200)) == 0
        view.jump(registration.fixed_keypoints.positions[excluded])
        around = patch(view.image(), 200, 200)
        assert count_of_colour(around, FIXED_STYLE.used) == 0
        assert count_of_colour(around, FIXED_STYLE.excluded) > 5

    def test_labels_are_printed_once_per_pair(self, host: RealScene, registration: Registration) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = SliceView(host)
        view.show(nodes[0])
        added = add_registration(host.scene, *nodes, registration)
        view.jump(registration.fixed_keypoints.positions[0])
        labelled = view.image()
        added.fixed_points.GetDisplayNode().SetPointLabelsVisibility(False)
        assert (view.image() != labelled).sum() > 100
        assert not added.moving_points.GetDisplayNode().GetPointLabelsVisibility()

    def test_the_3d_view_has_no_labels_which_would_be_printed_over_each_other(
        self, host: RealScene, registration: Registration
    ) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = ThreeDView(host)
        added = add_registration(host.scene, *nodes, registration)
        view.look_from((0, 1, 0))
        before = view.image()
        for n in range(added.fixed_points.GetNumberOfDisplayNodes()):
            added.fixed_points.GetNthDisplayNode(n).SetPointLabelsVisibility(False)
        np.testing.assert_array_equal(view.image(), before)

    def test_the_3d_view_shows_both_lists(self, host: RealScene, registration: Registration) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = ThreeDView(host)
        add_registration(host.scene, *nodes, registration)
        view.look_from((0, 1, 0))
        pixels = view.image() / 255
        assert count_of_colour(pixels, FIXED_STYLE.used) > 50
        assert count_of_colour(pixels, MOVING_STYLE.used) > 50


class TestHeatmap:
    def test_it_colours_the_keypoint_and_nothing_far_from_it(self, host: RealScene, registration: Registration) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = SliceView(host)
        view.show(nodes[0])
        added = add_registration(host.scene, *nodes, registration)
        for node in (added.fixed_points, added.moving_points):
            node.SetDisplayVisibility(False)
        position = registration.fixed_keypoints.positions[0]
        view.jump(position)
        view.zoom(250)
        without = view.image()
        show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0, opacity=0.7)
        image = view.image().astype(float)
        centre = patch(image, *view.pixel(position), radius=3).mean(axis=0)
        assert centre[0] - centre[1] > 0.3, "magenta where the keypoint is"
        rows, columns = np.indices(image.shape[:2])
        far = np.hypot(rows - 200, columns - 200) > 400 * 40 / 250  # 40 mm away
        np.testing.assert_array_equal(image[far], without[far])
        hide_heatmap(added, Side.FIXED)
        np.testing.assert_array_equal(view.image(), without)

    def test_the_anatomy_stays_visible_below(self, host: RealScene, registration: Registration) -> None:
        fixed, moving = same_anatomy_twice(registration)
        nodes = [add_volume(host.scene, volume) for volume in (fixed, moving)]
        view = SliceView(host)
        view.show(nodes[0])
        added = add_registration(host.scene, *nodes, registration)
        for node in (added.fixed_points, added.moving_points):
            node.SetDisplayVisibility(False)
        view.jump(registration.fixed_keypoints.positions[0])
        show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0)
        over_anatomy = patch(view.image(), 200, 200, 3).mean(axis=0)
        view.composite_node.SetBackgroundVolumeID(None)
        over_nothing = patch(view.image(), 200, 200, 3).mean(axis=0)
        assert np.abs(over_anatomy - over_nothing).max() > 0.1

    def test_the_legend_is_drawn_for_the_extra_layer_where_the_points_are_shown(
        self, host: RealScene, registration: Registration
    ) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view, other = SliceView(host, "Red"), SliceView(host, "Green", "Coronal")
        for each in (view, other):
            each.show(nodes[0])
            each.jump((0, 0, 500))  # nothing but the legend
        added = add_registration(host.scene, *nodes, registration)
        right_edge = np.s_[:, 300:]
        without = [each.image()[right_edge] for each in (view, other)]
        show_heatmap(added, registration.fixed_heatmaps, Side.FIXED, 0, views=[view.composite_node])
        drawn = view.image()[right_edge] / 255
        assert count_of_colour(drawn, HEAT, 0.15) > 50
        assert count_of_colour(drawn, (1, 1, 1)) > 50, "white letters and numbers"
        assert difference(other.image()[right_edge], without[1]) == 0
        hide_heatmap(added, Side.FIXED)
        assert difference(view.image()[right_edge], without[0]) == 0

    def test_it_moves_with_the_moving_scan(self, host: RealScene, registration: Registration) -> None:
        nodes = [add_volume(host.scene, volume) for volume in same_anatomy_twice(registration)]
        view = SliceView(host)
        view.show(nodes[1])
        added = add_registration(host.scene, *nodes, registration)
        for node in (added.fixed_points, added.moving_points):
            node.SetDisplayVisibility(False)
        show_heatmap(added, registration.moving_heatmaps, Side.MOVING, 0, opacity=1.0)
        before = registration.moving_keypoints.positions[0]
        after = registration.moving_keypoints.moved(registration.moving_to_fixed).positions[0]
        for applied, position in ((True, after), (False, before)):
            added.applied = applied
            view.jump(position)
            red, green, _ = patch(view.image(), 200, 200, 3).mean(axis=0)
            assert red - green > 0.3


def test_the_edges_of_a_picture_face_where_radiologists_expect(host: RealScene) -> None:
    edges = {
        orientation: SliceView(host, orientation, orientation).directions()
        for orientation in ("Axial", "Coronal", "Sagittal")
    }
    assert edges["Axial"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert edges["Coronal"] == {"left": "R", "right": "L", "top": "S", "bottom": "I"}
    assert edges["Sagittal"] == {"left": "A", "right": "P", "top": "S", "bottom": "I"}


def region_centres(labels: Volume, regions: list[int]) -> np.ndarray:
    """Centres of mass (RAS mm), shape (N, 3), of regions of a label map."""
    kji = np.array(ndimage.center_of_mass(labels.voxels > 0, labels.voxels, regions))
    return kji[:, ::-1] @ labels.ijk_to_ras[:3, :3].T + labels.ijk_to_ras[:3, 3]
