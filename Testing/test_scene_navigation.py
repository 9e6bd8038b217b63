"""Views go to the keypoint that is chosen: each to where the scan that it shows has it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import slicer
from host.mrml import RealScene
from host.views import SliceView
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.viewing.navigation import jump_to_keypoint, shown_position, views_of
from samples import sample_registration
from test_scene_results import PARENTS, moved, two_volumes

REGISTRATION = sample_registration()
MISSING = 1


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def added(host: RealScene) -> SceneRegistration:
    return add_registration(host.scene, *two_volumes(host.scene, PARENTS["sheared, three deep"]), REGISTRATION)


def offset_from(view: SliceView, position: np.ndarray) -> float:
    """How far a position is from the slice that a view shows, mm."""
    to_ras = slicer.util.arrayFromVTKMatrix(view.slice_node.GetSliceToRAS())
    return abs(float(to_ras[:3, 2] @ (position - to_ras[:3, 3])))


def fixed_position(keypoint: int) -> np.ndarray:
    return REGISTRATION.fixed_keypoints.positions[keypoint]


def aligned_position(keypoint: int) -> np.ndarray:
    return moved(REGISTRATION.moving_to_fixed, REGISTRATION.moving_keypoints.positions[keypoint])


@pytest.mark.parametrize("orientation", ["Axial", "Sagittal", "Coronal"])
def test_the_rows_of_the_comparison_go_to_their_own_scan(
    host: RealScene, added: SceneRegistration, orientation: str
) -> None:
    fixed, moving = (SliceView(host, f"{row}Red", orientation) for row in ("Fixed", "Moving"))
    for applied, in_moving in ((True, aligned_position(4)), (False, REGISTRATION.moving_keypoints.positions[4])):
        added.applied = applied
        jump_to_keypoint(added, 4)
        assert offset_from(fixed, fixed_position(4)) < 1e-6
        assert offset_from(moving, in_moving) < 1e-6


def test_any_other_view_goes_by_what_it_shows(host: RealScene, added: SceneRegistration) -> None:
    added.applied = False
    views = {name: SliceView(host, name) for name in ("Red", "Green", "Yellow", "Slice4")}
    views["Red"].show(added.fixed_volume)
    views["Green"].show(added.moving_volume)
    views["Yellow"].show(added.fixed_volume, added.moving_volume)
    jump_to_keypoint(added, 4)
    for name in ("Red", "Yellow", "Slice4"):
        assert offset_from(views[name], fixed_position(4)) < 1e-6
    assert offset_from(views["Green"], REGISTRATION.moving_keypoints.positions[4]) < 1e-6


def test_the_picture_only_shifts_where_the_point_would_be_at_its_edge(host: RealScene, added: SceneRegistration) -> None:
    view = SliceView(host)
    view.show(added.fixed_volume)
    view.jump(fixed_position(3) + np.array((30, 20, 8)))
    view.zoom(200)
    origin = np.array(view.slice_node.GetXYZOrigin())
    zoom = view.slice_node.GetFieldOfView()
    before = view.pixel(fixed_position(3))
    jump_to_keypoint(added, 3)
    assert view.pixel(fixed_position(3)) == before
    view.jump(fixed_position(3) + np.array((95, 0, 8)))
    jump_to_keypoint(added, 3)
    assert view.pixel(fixed_position(3)) == pytest.approx((200, 200), abs=1)
    assert view.slice_node.GetFieldOfView() == zoom and (np.array(view.slice_node.GetXYZOrigin()) == origin).all()


def test_what_one_scan_lacks_is_shown_where_the_other_has_it(host: RealScene, added: SceneRegistration) -> None:
    views = [SliceView(host, f"{row}Red") for row in ("Fixed", "Moving")]
    added.fixed_points.SetNthControlPointPositionMissing(6)
    jump_to_keypoint(added, 6)
    assert all(offset_from(view, aligned_position(6)) < 1e-6 for view in views)


def test_without_a_position_or_a_list_the_views_stay(host: RealScene, added: SceneRegistration) -> None:
    view = SliceView(host)
    view.jump((1, 2, 3))
    before = slicer.util.arrayFromVTKMatrix(view.slice_node.GetSliceToRAS())
    assert shown_position(added, Side.FIXED, MISSING) is None
    jump_to_keypoint(added, MISSING)
    jump_to_keypoint(added, 99)
    host.scene.RemoveNode(added.fixed_points)
    host.scene.RemoveNode(added.moving_points)
    jump_to_keypoint(added, 4)
    np.testing.assert_array_equal(slicer.util.arrayFromVTKMatrix(view.slice_node.GetSliceToRAS()), before)


def test_a_view_is_for_the_scans_that_it_shows_or_is_named_after(host: RealScene, added: SceneRegistration) -> None:
    both, plain, empty, row = (SliceView(host, name) for name in ("Red", "Green", "Yellow", "MovingRed"))
    both.show(added.fixed_volume, added.moving_volume)
    plain.show(added.moving_volume)
    row.show(added.fixed_volume)
    assert views_of(added, Side.FIXED) == [both.composite_node]
    assert views_of(added, Side.MOVING) == [both.composite_node, plain.composite_node, row.composite_node]
    assert empty.composite_node not in views_of(added, Side.FIXED)
    host.scene.RemoveNode(added.moving_volume)
    assert views_of(added, Side.MOVING) == []
