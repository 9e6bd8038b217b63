"""Slice views go to a keypoint: each view to where the scan that it shows has it."""

from __future__ import annotations

import numpy as np
import slicer
from numpy.typing import NDArray

from ..drawing.anchors import points_of, scan_of
from ..results.handle import SceneRegistration
from ..sides import Side
from .slices import slice_layers

#: Part of a view's width and height, at either side, that counts as its edge.
_EDGE = 0.15

#: Views of the comparison layout say by their name which scan they are for.
_NAMED_SIDES = {"Fixed": Side.FIXED, "Moving": Side.MOVING}


def jump_to_keypoint(added: SceneRegistration, keypoint: int) -> None:
    """Let every slice view cut through a keypoint; zoom and orientation stay.

    A view of the moving scan goes to where the moving keypoint is now, aligned or not; every other one to the fixed
    keypoint.  Where a scan lacks the keypoint, its views go to the position in the other scan.  A keypoint that has no
    position in either moves nothing.
    """
    positions = {side: shown_position(added, side, keypoint) for side in Side}
    points = added.fixed_points or added.moving_points
    if points is None:
        return
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode", points.GetScene())
    for view in views:  # not in a batch: the outlines of models would stay behind
        side = _side_of(added, view)
        other = Side.FIXED if side is Side.MOVING else Side.MOVING
        position = positions[other] if positions[side] is None else positions[side]
        if position is not None:
            _jump(view, position)


def shown_position(added: SceneRegistration, side: Side, keypoint: int) -> NDArray[np.float64] | None:
    """World RAS mm, shape (3,), where a keypoint of one scan is now (parents composed), or None if it is not there."""
    points = points_of(added, side)
    if points is None or not 0 <= keypoint < points.GetNumberOfControlPoints():
        return None
    if points.GetNthControlPointPositionStatus(keypoint) != slicer.vtkMRMLMarkupsNode.PositionDefined:
        return None
    position = np.zeros(3)
    points.GetNthControlPointPositionWorld(keypoint, position)
    return position


def views_of(added: SceneRegistration, side: Side) -> list[slicer.vtkMRMLSliceCompositeNode]:
    """The slice views (their composite nodes) that are for one scan.

    A view of the comparison layout is for the scan that it is named after, any other one for what it shows in its background
    or foreground.
    """
    scan = scan_of(added, side)
    if scan is None:
        return []
    return [
        layers
        for layers in slice_layers(scan.GetScene())
        if (_named_side(layers.GetLayoutName()) or (side if scan.GetID() in _shown(layers) else None)) is side
    ]


def _side_of(added: SceneRegistration, view: slicer.vtkMRMLSliceNode) -> Side:
    """Which scan's keypoint a view goes to."""
    named = _named_side(view.GetLayoutName())
    if named is not None:
        return named
    moving, fixed = added.moving_volume, added.fixed_volume
    layers = (entry for entry in slice_layers(view.GetScene()) if entry.GetLayoutName() == view.GetLayoutName())
    shown = {volume for entry in layers for volume in _shown(entry)}
    shows_moving = moving is not None and moving.GetID() in shown
    shows_fixed = fixed is not None and fixed.GetID() in shown
    return Side.MOVING if shows_moving and not shows_fixed else Side.FIXED


def _jump(view: slicer.vtkMRMLSliceNode, position: NDArray[np.float64]) -> None:
    """A view that shows the position already, if not at its edge, only changes its slice: the eye need not search."""
    (view.JumpSliceByOffsetting if _is_inside(view, position) else view.JumpSliceByCentering)(*position.tolist())


def _is_inside(view: slicer.vtkMRMLSliceNode, position: NDArray[np.float64]) -> bool:
    """Whether a view shows what lies over or under a position, and not at its edge."""
    width, height, _ = view.GetDimensions()
    if width == 0 or height == 0:  # a view that is folded away
        return False
    to_ras = slicer.util.arrayFromVTKMatrix(view.GetXYToRAS())
    x, y, *_ = np.linalg.solve(to_ras, np.append(position, 1.0))
    return all(_EDGE < part < 1 - _EDGE for part in (x / width, y / height))


def _named_side(layout_name: str | None) -> Side | None:
    return next((side for start, side in _NAMED_SIDES.items() if (layout_name or "").startswith(start)), None)


def _shown(layers: slicer.vtkMRMLSliceCompositeNode) -> tuple[str | None, str | None]:
    return layers.GetBackgroundVolumeID(), layers.GetForegroundVolumeID()
