"""Ellipsoids, residual arrows and rings are where the keypoints are, and are not built anew for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from host.views import SliceView, ThreeDView
from KeypointRegistrationLib.registration.correction import Correction, PairChoice, corrected
from KeypointRegistrationLib.registration.result import KeypointStatus
from KeypointRegistrationLib.scene.drawing.arrows import RESIDUAL, hide_arrows, residual_scale, show_arrows
from KeypointRegistrationLib.scene.drawing.ellipsoids import SPREAD, hide_ellipsoids, show_ellipsoids
from KeypointRegistrationLib.scene.drawing.glyphs import unit_arrow, unit_ball
from KeypointRegistrationLib.scene.drawing.legends import legend_of
from KeypointRegistrationLib.scene.drawing.marks import show_marks
from KeypointRegistrationLib.scene.results import handle
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.results.points import CHOSEN_COLOUR, FIXED_STYLE, LEFT_OUT_COLOUR, PLACED_COLOUR
from KeypointRegistrationLib.scene.sides import Side
from samples import sample_registration
from test_correction import answer
from test_scene_results import PARENTS, hierarchy_names, moved, node_names, two_volumes
from test_scene_views import count_of_colour, patch
from vtk.util.numpy_support import vtk_to_numpy

REGISTRATION = sample_registration()
MISSING, EXCLUDED = 1, 2
BALL, ARROW = len(unit_ball().points), len(unit_arrow().points)


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def added(host: RealScene) -> SceneRegistration:
    return add_registration(host.scene, *two_volumes(host.scene, PARENTS["sheared, three deep"]), REGISTRATION)


def world_points(model: slicer.vtkMRMLModelNode, size: int) -> np.ndarray:
    """Points of every glyph in world RAS mm, shape (n, size, 3)."""
    points = vtk_to_numpy(model.GetPolyData().GetPoints().GetData()).astype(float)
    matrix = np.eye(4)
    if model.GetParentTransformNode() is not None:
        to_world = slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes
        vtk_matrix = slicer.util.vtkMatrixFromArray(matrix)
        to_world(model.GetParentTransformNode(), None, vtk_matrix)
        matrix = slicer.util.arrayFromVTKMatrix(vtk_matrix)
    return moved(matrix, points).reshape(-1, size, 3)


def data(model: slicer.vtkMRMLModelNode, name: str, size: int) -> np.ndarray:
    return vtk_to_numpy(model.GetPolyData().GetPointData().GetArray(name)).reshape(-1, size)


@pytest.mark.parametrize("shape", [unit_ball(), unit_arrow()], ids=["ball", "arrow"])
def test_a_shape_is_closed_and_its_normals_look_outwards(shape: object) -> None:
    corners = shape.points[shape.triangles]
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume > 0.1
    np.testing.assert_allclose(np.linalg.norm(shape.normals, axis=1), 1)
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    real = np.linalg.norm(faces, axis=1) > 1e-9
    outwards = np.einsum("fi,fi->f", faces, shape.normals[shape.triangles].sum(axis=1))
    assert (outwards[real] > 0).all()


class TestEllipsoids:
    @pytest.mark.parametrize("multiple", [1.0, 2.5])
    def test_half_axes_are_standard_deviations_in_both_scans(self, added: SceneRegistration, multiple: float) -> None:
        turned = REGISTRATION.moving_keypoints.moved(REGISTRATION.moving_to_fixed)
        for side, keypoints in ((Side.FIXED, REGISTRATION.fixed_keypoints), (Side.MOVING, turned)):
            ellipsoids = world_points(show_ellipsoids(added, side, multiple), BALL)
            present = [k for k in range(16) if k != MISSING]
            assert len(ellipsoids) == 15
            for glyph, k in zip(ellipsoids, present, strict=True):
                offsets = glyph - keypoints.positions[k]
                distances = np.einsum("ni,ij,nj->n", offsets, np.linalg.inv(keypoints.covariances[k]), offsets)
                np.testing.assert_allclose(distances, multiple**2, rtol=1e-3)

    def test_each_carries_its_spread(self, added: SceneRegistration) -> None:
        values = data(show_ellipsoids(added, Side.FIXED), SPREAD, BALL)
        np.testing.assert_allclose(values[0], REGISTRATION.fixed_keypoints.spread[0])

    def test_they_go_with_their_scan(self, added: SceneRegistration) -> None:
        model = show_ellipsoids(added, Side.MOVING)
        aligned = world_points(model, BALL).mean(axis=1)
        added.applied = False
        before = world_points(model, BALL).mean(axis=1)
        np.testing.assert_allclose(moved(REGISTRATION.moving_to_fixed, before), aligned, atol=1e-3)

    def test_nothing_is_built_or_drawn_anew_where_nothing_has_changed(self, added: SceneRegistration) -> None:
        surface = show_ellipsoids(added, Side.FIXED).GetPolyData()
        time = surface.GetMTime()
        assert show_ellipsoids(added, Side.FIXED).GetPolyData() is surface and surface.GetMTime() == time
        added.transform.Inverse()
        assert show_ellipsoids(added, Side.FIXED).GetPolyData() is surface and surface.GetMTime() == time

    def test_one_moved_point_moves_one_ellipsoid_in_place(self, host: RealScene) -> None:
        original = answer()
        added = add_registration(host.scene, *two_volumes(host.scene), original)
        model = show_ellipsoids(added, Side.FIXED)
        surface, before = model.GetPolyData(), world_points(model, BALL).mean(axis=1)
        position = tuple(original.fixed_keypoints.positions[0] + (3, 4, 5))
        correction = replace(Correction.none(original), fixed_positions={0: position})
        added.correct(correction, corrected(original, correction))
        assert show_ellipsoids(added, Side.FIXED).GetPolyData() is surface
        after = world_points(model, BALL).mean(axis=1)
        np.testing.assert_allclose(after[0], position, atol=1e-3)
        np.testing.assert_array_equal(after[1:], before[1:])

    def test_slices_show_outlines_in_the_colour_of_the_points_and_3d_the_bodies(
        self, host: RealScene, added: SceneRegistration
    ) -> None:
        view, space = SliceView(host, size=(300, 300)), ThreeDView(host, size=(200, 200))
        position = REGISTRATION.fixed_keypoints.positions[0]
        view.jump(position)
        view.zoom(60)
        for points in (added.fixed_points, added.moving_points):
            points.SetDisplayVisibility(False)
        dark = view.image()
        assert count_of_colour(dark / 255, FIXED_STYLE.used) == 0
        show_ellipsoids(added, Side.FIXED)
        assert count_of_colour(view.image() / 255, FIXED_STYLE.used) > 60
        assert count_of_colour(patch(view.image(), 150, 150, 4), FIXED_STYLE.used) < 20, "an outline, not a disc"
        space.look_from((0, 1, 0))
        shown = space.image()
        hide_ellipsoids(added, Side.FIXED)
        assert (view.image() == dark).all()
        assert (space.image() != shown).sum() > 1000


class TestArrows:
    def test_they_lead_from_the_aligned_moving_to_the_fixed_keypoint(self, added: SceneRegistration) -> None:
        model = show_arrows(added)
        paired = np.isfinite(REGISTRATION.residuals)
        arrows = world_points(model, ARROW)
        tails = moved(REGISTRATION.moving_to_fixed, REGISTRATION.moving_keypoints.positions[paired])
        np.testing.assert_allclose(arrows[:, : ARROW // 8].mean(axis=1), tails, atol=1e-3)
        np.testing.assert_allclose(arrows[:, -1], REGISTRATION.fixed_keypoints.positions[paired], atol=1e-3)
        np.testing.assert_allclose(data(model, RESIDUAL, ARROW)[:, 0], REGISTRATION.residuals[paired])
        added.applied = False
        np.testing.assert_allclose(world_points(model, ARROW), arrows)

    def test_magnified_arrows_are_longer_but_tell_the_true_residual(self, added: SceneRegistration) -> None:
        true = world_points(show_arrows(added), ARROW)
        model = show_arrows(added, 5.0)
        longer = world_points(model, ARROW)
        lengths = [np.linalg.norm(each[:, -1] - each[:, :10].mean(axis=1), axis=1) for each in (true, longer)]
        np.testing.assert_allclose(lengths[1], 5 * lengths[0], rtol=1e-3)
        np.testing.assert_allclose(data(model, RESIDUAL, ARROW)[:, 0], lengths[0], rtol=1e-3)
        assert legend_of(model).GetTitleText() == "residual\narrows × 5"
        assert legend_of(show_arrows(added)).GetTitleText() == "residual"

    def test_the_legend_is_in_millimetres_and_covers_all_pairs_used(self, host: RealScene, added: SceneRegistration) -> None:
        model = show_arrows(added)
        (legend,) = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", host.scene)
        assert legend.GetTitleText() == "residual" and legend.GetLabelFormat().endswith("mm")
        low, high = model.GetDisplayNode().GetScalarRange()
        assert low == 0 and REGISTRATION.residuals[REGISTRATION.used].max() <= high == residual_scale(REGISTRATION)

    @pytest.mark.parametrize(("largest", "scale"), [(0.2, 1.0), (1.2, 1.5), (3.4, 3.5), (31.0, 35.0)])
    def test_the_scale_ends_at_a_number_that_reads_well(self, largest: float, scale: float) -> None:
        apart = np.where(REGISTRATION.used[:, None], (largest, 0, 0), (500, 0, 0))
        exact = REGISTRATION.fixed_keypoints.moved(np.linalg.inv(REGISTRATION.moving_to_fixed))
        fixed = replace(REGISTRATION.fixed_keypoints, positions=REGISTRATION.fixed_keypoints.positions + apart)
        registration = replace(REGISTRATION, fixed_keypoints=fixed, moving_keypoints=exact)
        assert residual_scale(registration) == pytest.approx(scale)

    def test_they_are_seen_in_slices_and_in_3d(self, host: RealScene, added: SceneRegistration) -> None:
        view, space = SliceView(host, size=(300, 300)), ThreeDView(host, size=(300, 300))
        view.jump(REGISTRATION.fixed_keypoints.positions[0])
        view.zoom(60)
        space.look_from((0, 1, 0))
        for points in (added.fixed_points, added.moving_points):
            points.SetDisplayVisibility(False)
        without = [each.image() for each in (view, space)]
        show_arrows(added, 5.0)
        left = np.s_[:, :200]  # the legend is at the right
        for each, before in zip((view, space), without, strict=True):
            assert (each.image()[left] != before[left]).any(axis=2).sum() > 50
        hide_arrows(added)
        for each, before in zip((view, space), without, strict=True):
            assert (each.image() == before).all()

    def test_where_no_pair_is_left_there_is_no_arrow(self, host: RealScene) -> None:
        none = replace(REGISTRATION, status=(KeypointStatus.MISSING,) * 16)
        added = add_registration(host.scene, *two_volumes(host.scene), none)
        assert show_arrows(added).GetPolyData().GetNumberOfPoints() == 0


class TestMarks:
    def ring(self, host: RealScene, added: SceneRegistration, keypoint: int, colour: tuple[float, float, float]) -> int:
        """Pixels of a colour around a fixed keypoint."""
        view = SliceView(host, size=(300, 300))
        position = np.zeros(3)
        added.fixed_points.GetNthControlPointPositionWorld(keypoint, position)
        added.fixed_points.SetDisplayVisibility(False)
        view.jump(position)
        view.zoom(40)
        return count_of_colour(view.image() / 255, colour)

    @pytest.mark.parametrize("what", ["left out", "moved"])
    def test_what_a_person_has_done_is_ringed(self, host: RealScene, what: str) -> None:
        original = answer()
        added = add_registration(host.scene, *two_volumes(host.scene), original)
        added.moving_points.SetDisplayVisibility(False)
        show_marks(added, Side.FIXED, None)
        assert added.adopted(handle.FIXED_MARKS) is None
        change = {"left out": {"choices": {4: PairChoice.LEAVE_OUT}}, "moved": {"fixed_positions": {4: (1.0, 2.0, 3.0)}}}
        correction = replace(Correction.none(original), **change[what])
        added.correct(correction, corrected(original, correction))
        show_marks(added, Side.FIXED, None)
        colour = {"left out": LEFT_OUT_COLOUR, "moved": PLACED_COLOUR}[what]
        assert self.ring(host, added, 4, colour) > 40

    def test_the_chosen_keypoint_has_a_ring_that_moves_on(self, host: RealScene, added: SceneRegistration) -> None:
        show_marks(added, Side.FIXED, 4)
        surface = added.adopted(handle.FIXED_MARKS).GetPolyData()
        show_marks(added, Side.FIXED, 5)
        assert added.adopted(handle.FIXED_MARKS).GetPolyData() is surface
        assert self.ring(host, added, 5, CHOSEN_COLOUR) > 40
        show_marks(added, Side.FIXED, MISSING)
        assert added.adopted(handle.FIXED_MARKS) is None


class TestComingAndGoing:
    def show_all(self, added: SceneRegistration) -> None:
        for side in Side:
            show_ellipsoids(added, side)
            show_marks(added, side, 4)
        show_arrows(added)

    def test_undo_of_the_registration_takes_all_of_it_along(self, host: RealScene) -> None:
        volumes = two_volumes(host.scene)
        before, items = node_names(host.scene), hierarchy_names(host.scene)
        added = add_registration(host.scene, *volumes, REGISTRATION)
        self.show_all(added)
        added.remove()
        assert node_names(host.scene) == before
        assert hierarchy_names(host.scene) == items

    def test_it_survives_a_scene_file(self, host: RealScene, added: SceneRegistration, tmp_path: Path) -> None:
        self.show_all(added)
        where = {
            role: world_points(added.adopted(role), BALL) for role in (handle.FIXED_ELLIPSOIDS, handle.MOVING_ELLIPSOIDS)
        }
        save_scene(host.scene, tmp_path / "scene.mrb")
        load_scene(host.scene, tmp_path / "scene.mrb")
        (found,) = find_registrations(host.scene)
        for role, points in where.items():
            np.testing.assert_allclose(world_points(found.adopted(role), BALL), points, atol=1e-2)
        assert found.adopted(handle.ARROWS).GetDisplayNode().GetColorNode().GetName() == "Keypoint millimetres"
        nodes = host.scene.GetNumberOfNodes()
        self.show_all(found)
        assert host.scene.GetNumberOfNodes() == nodes
        found.remove()
        assert not slicer.util.getNodesByClass("vtkMRMLModelNode", host.scene)
        assert not slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", host.scene)

    def test_without_the_points_it_is_refused(self, host: RealScene, added: SceneRegistration) -> None:
        host.scene.RemoveNode(added.fixed_points)
        for show in (lambda: show_ellipsoids(added, Side.FIXED), lambda: show_arrows(added)):
            with pytest.raises(ValueError, match="no longer in the scene"):
                show()
