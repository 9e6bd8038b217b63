"""Clicks on keypoints are heard in either list and any view, whether they may be dragged or not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from host.mrml import RealScene
from host.views import SliceView, ThreeDView
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.results.points import points_locked, set_points_locked
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.viewing.clicks import PointClicks
from KeypointRegistrationLib.scene.viewing.navigation import shown_position
from samples import sample_registration
from test_scene_results import two_volumes

FAR = 4  # away from the middle of its pair, so that either point can be clicked


class Listener:
    """A view at a keypoint, and what was heard of it."""

    def __init__(self, host: RealScene) -> None:
        self.host = host
        self.added = add_registration(host.scene, *two_volumes(host.scene), sample_registration())
        self.added.applied = False
        self.view = SliceView(host, size=(300, 300))
        self.heard: list[tuple[int, bool]] = []
        self.clicks = PointClicks(self.added, lambda keypoint, dragged: self.heard.append((keypoint, dragged)))

    def look_at(self, side: Side, keypoint: int) -> np.ndarray:
        position = shown_position(self.added, side, keypoint)
        self.view.jump(position)
        self.view.zoom(60)
        self.view.image()
        return position


@pytest.fixture
def listener() -> Iterator[Listener]:
    with RealScene() as host:
        yield Listener(host)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("locked", [True, False])
def test_a_click_tells_the_keypoint_and_moves_nothing(listener: Listener, side: Side, locked: bool) -> None:
    for points in (listener.added.fixed_points, listener.added.moving_points):
        set_points_locked(points, locked)
    position = listener.look_at(side, FAR)
    listener.view.click(position)
    assert listener.heard == [(FAR, False)]
    np.testing.assert_allclose(shown_position(listener.added, side, FAR), position)


def test_a_click_in_3d_is_heard_as_well(listener: Listener) -> None:
    view = ThreeDView(listener.host, size=(300, 300))
    view.look_from((0, 1, 0))
    view.image()
    for side, keypoint in ((Side.FIXED, 6), (Side.MOVING, 7)):
        view.click(shown_position(listener.added, side, keypoint))
        assert listener.heard[-1] == (keypoint, False)


def test_a_drag_is_told_once_and_only_where_the_point_is_free(listener: Listener) -> None:
    position = listener.look_at(Side.FIXED, FAR)
    listener.view.drag(position, position + np.array((6, 6, 0)))
    assert listener.heard == [] and points_locked(listener.added.fixed_points)
    set_points_locked(listener.added.fixed_points, False)
    listener.view.drag(position, position + np.array((6, 6, 0)))
    assert listener.heard == [(FAR, True)]
    assert np.linalg.norm(shown_position(listener.added, Side.FIXED, FAR) - position) > 5


def test_nothing_is_told_after_closing_or_by_what_is_gone(listener: Listener) -> None:
    position = listener.look_at(Side.FIXED, FAR)
    listener.host.scene.RemoveNode(listener.added.moving_points)
    listener.clicks.close()
    listener.clicks.close()
    listener.view.click(position)
    assert listener.heard == []


def test_a_registration_without_lists_can_be_followed(listener: Listener) -> None:
    for points in (listener.added.fixed_points, listener.added.moving_points):
        listener.host.scene.RemoveNode(points)
    heard: list[tuple[int, bool]] = []
    clicks = PointClicks(SceneRegistration(listener.added.record), lambda *told: heard.append(told))
    listener.view.click((0.0, 0.0, 0.0))
    clicks.close()
    assert heard == listener.heard == []
