"""The mouse in the host's views does what it does in Slicer: points are dragged and clicked, slices are scrolled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import slicer
from host.mrml import RealScene
from host.views import SliceView, ThreeDView

POINT = (100.0, 100.0, 100.0)
Heard = list[str]


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as running:
        yield running


@pytest.fixture
def view(host: RealScene) -> Iterator[SliceView]:
    """An axial view through ``POINT``."""
    view = SliceView(host, "Red", "Axial", (300, 300))
    view.show(slicer.util.addVolumeFromArray(np.zeros((50, 50, 50), np.int16), np.diag((4.0, 4.0, 4.0, 1.0))))
    view.jump(POINT)
    yield view
    view.close()


@pytest.fixture
def points(host: RealScene) -> slicer.vtkMRMLMarkupsFiducialNode:
    node = host.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "points")
    node.CreateDefaultDisplayNodes()
    node.AddControlPoint(*POINT, "one")
    node.AddControlPoint(40.0, 100.0, 100.0, "two")
    return node


def listen(node: slicer.vtkMRMLMarkupsNode) -> Heard:
    """The interaction events of a point list, in order."""
    heard: Heard = []
    for name in ("PointStartInteraction", "PointModified", "PointEndInteraction"):
        node.AddObserver(getattr(node, f"{name}Event"), lambda *_, name=name: heard.append(name))
    display = node.GetDisplayNode()
    display.AddObserver(display.JumpToPointEvent, lambda *_: heard.append("JumpToPoint"))
    return heard


def test_a_point_is_dragged_with_one_change_per_move(view: SliceView, points: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    heard = listen(points)
    view.drag(POINT, (120, 100, 100), steps=4)
    assert heard == ["PointStartInteraction", *4 * ["PointModified"], "PointEndInteraction"]
    assert points.GetNthControlPointPosition(0) == pytest.approx((120, 100, 100), abs=1.0)
    assert points.GetNthControlPointPosition(1) == (40, 100, 100)


def test_a_click_on_a_point_asks_to_jump_there_and_moves_nothing(
    view: SliceView, points: slicer.vtkMRMLMarkupsFiducialNode
) -> None:
    heard = listen(points)
    view.click(POINT)
    assert heard == ["PointStartInteraction", "PointEndInteraction", "JumpToPoint"]
    assert points.GetNthControlPointPosition(0) == POINT


def test_a_locked_point_can_be_clicked_but_not_dragged_and_a_locked_list_neither(
    view: SliceView, points: slicer.vtkMRMLMarkupsFiducialNode
) -> None:
    points.SetNthControlPointLocked(0, True)
    heard = listen(points)
    view.drag(POINT, (120, 100, 100))
    view.click(POINT)
    assert "PointModified" not in heard and "PointStartInteraction" in heard
    assert points.GetNthControlPointPosition(0) == POINT
    points.SetLocked(True)
    heard.clear()
    view.drag(POINT, (120, 100, 100))
    view.click(POINT)
    assert heard == []


def test_a_mouse_beside_every_point_touches_none(view: SliceView, points: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    heard = listen(points)
    view.drag((100, 60, 100), (100, 80, 100))
    assert heard == []


def test_the_wheel_scrolls_through_the_slices(view: SliceView) -> None:
    view.scroll(3)
    assert view.slice_node.GetSliceOffset() == pytest.approx(112.0)
    view.scroll(-1)
    assert view.slice_node.GetSliceOffset() == pytest.approx(108.0)


def test_a_resized_view_shows_the_same_centre_in_another_picture(view: SliceView) -> None:
    view.resize((200, 100))
    assert view.image().shape == (100, 200, 3)
    assert view.pixel(POINT) == pytest.approx((50, 100), abs=1)


def test_a_point_is_dragged_in_the_3d_view(host: RealScene, points: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    view = ThreeDView(host, size=(300, 300))
    view.look_from((0, 500, 0))
    heard = listen(points)
    view.drag(POINT, (80, 100, 110))
    assert heard[0] == "PointStartInteraction" and heard[-1] == "PointEndInteraction"
    assert points.GetNthControlPointPosition(0) == pytest.approx((80, 100, 110), abs=1.5)
    view.close()
