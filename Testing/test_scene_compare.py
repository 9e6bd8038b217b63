"""Comparing: the rows show what they say, by real pixels."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import slicer
from compare_desk import Desk, grey_difference
from host.mrml import RealScene
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.drawing.ellipsoids import show_ellipsoids
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.viewing.compare import CompareMode, Comparison
from KeypointRegistrationLib.scene.viewing.layouts import COMPARE_LAYOUT, FIXED_VIEWS, MOVING_VIEWS, ORIENTATIONS
from KeypointRegistrationLib.scene.volumes import volume_from_node
from registered_scene import corrected
from samples import sample_matrix, sample_volume
from test_scene_volumes import MIRRORED, SHEARED


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def desk(host: RealScene) -> Desk:
    return Desk(host)


def test_fixed_is_above_and_moving_below_at_the_same_place(desk: Desk) -> None:
    views = desk.views()
    comparison = Comparison(desk.result)
    desk.hide_points()
    assert desk.layout.GetViewArrangement() == COMPARE_LAYOUT
    for fixed, moving, orientation in zip(FIXED_VIEWS, MOVING_VIEWS, ORIENTATIONS, strict=True):
        above, below = views[fixed], views[moving]
        assert above.slice_node.GetOrientation() == below.slice_node.GetOrientation() == orientation
        assert above.composite_node.GetBackgroundVolumeID() == desk.fixed.GetID()
        assert below.composite_node.GetBackgroundVolumeID() == desk.moving.GetID()
        assert above.image().std() > 20
        assert grey_difference(above.image(), below.image()) < 2
    desk.result.applied = False
    assert grey_difference(views["FixedAxial"].image(), views["MovingAxial"].image()) > 8
    comparison.leave()


def test_the_views_are_numbered_and_named_after_their_scan(desk: Desk) -> None:
    comparison = Comparison(desk.result)
    views = ElementTree.fromstring(desk.layout.GetLayoutDescription(COMPARE_LAYOUT)).iter("view")
    labels = {view.get("singletontag"): view.findtext("property[@name='viewlabel']") for view in views}
    expected = {name: f"{name[0]}{n}" for names in (FIXED_VIEWS, MOVING_VIEWS) for n, name in enumerate(names, start=1)}
    assert labels == {**expected, "1": None}
    comparison.leave()


def test_the_whole_fixed_scan_is_shown_whatever_size_the_views_get_until_the_person_zooms(desk: Desk) -> None:
    views = desk.views()
    Comparison(desk.result)
    corners = volume_from_node(desk.fixed).corners
    view = views["MovingSagittal"]
    for size in ((240, 240), (120, 300), (300, 90)):
        view.resize(size)
        rows, columns = zip(*(view.pixel(corner) for corner in corners), strict=True)
        assert min(rows) >= 0 and min(columns) >= 0 and max(rows) < size[1] and max(columns) < size[0]
        assert max(max(rows) - min(rows) - 0.9 * size[1], max(columns) - min(columns) - 0.9 * size[0]) > 0
    view.slice_node.SetFieldOfView(40.0, 12.0, 1.0)
    view.resize((200, 90))
    assert view.slice_node.GetFieldOfView()[0] < 60


def test_scrolling_or_zooming_one_row_moves_the_other_and_not_the_users_views(desk: Desk) -> None:
    views = desk.views()
    Comparison(desk.result)
    red = desk.red.slice_node.GetSliceOffset(), desk.red.slice_node.GetFieldOfView()
    above, below = views["FixedAxial"], views["MovingAxial"]
    other = views["MovingCoronal"].slice_node.GetSliceOffset()
    above.logic.StartSliceOffsetInteraction()
    above.logic.SetSliceOffset(17.0)
    above.logic.EndSliceOffsetInteraction()
    assert below.slice_node.GetSliceOffset() == pytest.approx(17.0)
    assert views["MovingCoronal"].slice_node.GetSliceOffset() == pytest.approx(other)
    below.logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.FieldOfViewFlag)
    below.slice_node.SetFieldOfView(50, 50, 1)
    below.logic.EndSliceNodeInteraction()
    assert above.slice_node.GetFieldOfView()[0] == pytest.approx(50)
    assert (desk.red.slice_node.GetSliceOffset(), desk.red.slice_node.GetFieldOfView()) == red


def test_each_row_shows_its_own_keypoints_only(desk: Desk) -> None:
    views = desk.views()
    Comparison(desk.result)
    fixed_display, moving_display = desk.result.fixed_points.GetDisplayNode(), desk.result.moving_points.GetDisplayNode()
    for name, view in views.items():
        identifier = view.slice_node.GetID()
        assert fixed_display.IsDisplayableInView(identifier) == (name in FIXED_VIEWS)
        assert moving_display.IsDisplayableInView(identifier) == (name in MOVING_VIEWS)
    for display in (fixed_display, moving_display):
        assert display.IsDisplayableInView(desk.red.slice_node.GetID())
        assert display.IsDisplayableInView("vtkMRMLViewNode1")


def test_fading_goes_from_the_fixed_to_the_moving_scan(host: RealScene) -> None:
    desk = Desk(host, moving=replace(sample_volume("other", seed=5)))
    desk.hide_points()
    views = desk.views()
    comparison = Comparison(desk.result)
    fixed, moving = views["FixedAxial"].image(), views["MovingAxial"].image()
    assert grey_difference(fixed, moving) > 10
    comparison.show(CompareMode.FADE)
    comparison.fade(0.0)
    assert grey_difference(views["MovingAxial"].image(), fixed) < 1
    comparison.fade(0.5)
    half = views["MovingAxial"].image()
    assert grey_difference(half, fixed) > 4 and grey_difference(half, moving) > 4
    comparison.fade(1.0)
    assert grey_difference(views["MovingAxial"].image(), moving) < 1


def bright_and_dark(host: RealScene, parents: tuple[np.ndarray, ...]) -> Desk:
    """Two blocks without structure, of which the fixed one is bright and the moving one dark grey."""
    matrix = sample_volume("x").ijk_to_ras
    desk = Desk(host, parents, Volume(np.full((40, 40, 40), 300, np.int16), matrix, "dark"))
    slicer.util.updateVolumeFromArray(desk.fixed, np.full((40, 40, 40), 800, np.int16))
    slicer.util.arrayFromVolume(desk.moving)[:2, :2, :2] = 299
    slicer.util.arrayFromVolume(desk.fixed)[:2, :2, :2] = 799
    desk.result.transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.eye(4)))
    desk.hide_points()
    return desk


@pytest.mark.parametrize("parents", [(), (sample_matrix(25), SHEARED @ MIRRORED)], ids=["no parents", "nested"])
def test_the_checkerboard_alternates_between_the_scans(host: RealScene, parents: tuple[np.ndarray, ...]) -> None:
    desk = bright_and_dark(host, parents)
    views = desk.views()
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.CHECKERBOARD)
    for square in (20.0, 32.0):
        comparison.set_square(square)
        view = views["MovingAxial"]
        view.jump((0.0, 0.0, square / 2))
        image = view.image()[..., 0].astype(float)
        expected = {0: 255 * 800 / 900, 1: 255 * 300 / 900}
        for r in range(-2, 2):
            for a in range(-2, 2):
                row, column = view.pixel(((r + 0.5) * square, (a + 0.5) * square, square / 2))
                assert image[row, column] == pytest.approx(expected[(r + a) % 2], abs=4)


def test_the_difference_is_grey_where_the_scans_agree(desk: Desk) -> None:
    desk.hide_points()
    views = desk.views()
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.DIFFERENCE)
    aligned = views["MovingAxial"].image()[60:180, 60:180].astype(float)
    assert np.abs(aligned - 127.5).mean() < 3
    desk.result.applied = False
    comparison.refresh()
    apart = views["MovingAxial"].image()[60:180, 60:180].astype(float)
    assert np.abs(apart - 127.5).mean() > 8


@pytest.mark.parametrize("mode", [CompareMode.CHECKERBOARD, CompareMode.DIFFERENCE])
def test_a_correction_is_told_and_followed(desk: Desk, mode: CompareMode) -> None:
    desk.hide_points()
    views, calls = desk.views(), []
    comparison = Comparison(desk.result, lambda: calls.append(None))
    comparison.show(mode)
    before = views["MovingAxial"].image()
    corrected(desk.result)
    assert calls
    assert grey_difference(views["MovingAxial"].image(), before) == 0
    comparison.refresh()
    assert grey_difference(views["MovingAxial"].image(), before) > 0.5
    comparison.leave()
    calls.clear()
    corrected(desk.result)
    assert not calls


def listed_volumes(scene: slicer.vtkMRMLScene) -> list[str]:
    """What a volume selector offers."""
    volumes = slicer.util.getNodesByClass("vtkMRMLVolumeNode", scene)
    return [node.GetName() for node in volumes if not node.GetHideFromEditors()]


def test_the_computed_volume_is_in_no_list_and_gone_afterwards(desk: Desk) -> None:
    before, count = listed_volumes(desk.scene), desk.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.CHECKERBOARD)
    comparison.show(CompareMode.DIFFERENCE)
    assert listed_volumes(desk.scene) == before
    assert desk.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count + 1
    comparison.leave()
    assert desk.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count


def test_a_view_that_fills_the_window_makes_room_and_does_so_again_afterwards(desk: Desk) -> None:
    desk.layout.AddMaximizedViewNode(desk.red.slice_node)
    comparison = Comparison(desk.result)
    assert desk.layout.GetNumberOfMaximizedViewNodes() == 0
    desk.layout.AddMaximizedViewNode(desk.views()["FixedAxial"].slice_node)
    comparison.leave()
    assert desk.layout.GetNumberOfMaximizedViewNodes() == 1
    assert desk.layout.IsMaximizedViewNode(desk.red.slice_node)


def test_a_file_saved_meanwhile_has_the_users_own_arrangement(desk: Desk) -> None:
    before = desk.layout.GetViewArrangement()
    left: list[bool] = []
    comparison = Comparison(desk.result, on_left=lambda: left.append(True))
    desk.result.scene.InvokeEvent(slicer.vtkMRMLScene.StartSaveEvent)
    assert desk.layout.GetViewArrangement() == before
    desk.result.scene.InvokeEvent(slicer.vtkMRMLScene.EndSaveEvent)
    assert desk.layout.GetViewArrangement() == COMPARE_LAYOUT and comparison.active and not left
    comparison.leave()
    assert desk.layout.GetViewArrangement() == before


def test_outlines_of_models_lie_where_the_rows_are(desk: Desk) -> None:
    views = desk.views()
    desk.hide_points()
    show_ellipsoids(desk.result, Side.FIXED, 3.0)
    for view in views.values():
        view.zoom(100)
        view.image()
    Comparison(desk.result)
    for view in views.values():
        shown = view.image()
        view.slice_node.Modified()
        np.testing.assert_array_equal(view.image(), shown)
