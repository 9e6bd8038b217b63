"""Rings around keypoints that are to be found at once: those a person has moved, added or left out, and the chosen one.

Slicer gives the points of a list one of two colours; the rest is drawn as balls, which slices cut to rings.
"""

from __future__ import annotations

import numpy as np
import slicer
from numpy.typing import NDArray

from ...registration.result import KeypointStatus
from ...registration.table import placed_by_person
from ..nodes import batch
from ..results import handle
from ..results.handle import SceneRegistration
from ..results.points import CHOSEN_STATE, POINT_COLOURS, point_states
from ..sides import Side
from .anchors import required_points
from .glyphs import Glyphs, ball_glyphs, draw_in_colours, show_glyphs
from .overlays import take_away

_ROLES = {Side.FIXED: handle.FIXED_MARKS, Side.MOVING: handle.MOVING_MARKS}
_STATE = "state"
_RADIUS, _CHOSEN_RADIUS = 3.5, 5.5  # mm


def show_marks(added: SceneRegistration, side: Side, chosen: int | None) -> None:
    """Draw the rings of one scan, or bring them up to date; where there is nothing to mark, there is no node.

    Left out is red and placed by a person yellow (``points.POINT_COLOURS``); the chosen keypoint has a wider green ring.

    Raises:
        ValueError: if the scan's keypoint list is no longer in the scene.
    """
    points = required_points(added, side)
    glyphs = _rings(added, side, points, chosen)
    if len(glyphs.points) == 0:
        hide_marks(added, side)
        return
    is_new = added.adopted(_ROLES[side]) is None
    model = show_glyphs(added, _ROLES[side], f"{points.GetName()} marks", points, points.GetParentTransformNode(), glyphs)
    if is_new:
        draw_in_colours(model.GetDisplayNode(), _STATE, POINT_COLOURS)
        model.GetDisplayNode().SetOpacity(0.35)


def hide_marks(added: SceneRegistration, side: Side) -> None:
    """Remove the rings of one scan, if there are any."""
    model = added.adopted(_ROLES[side])
    if model is not None:
        with batch(added.scene):
            take_away(model)
            added.adopt(_ROLES[side], None)


def _rings(added: SceneRegistration, side: Side, points: slicer.vtkMRMLMarkupsFiducialNode, chosen: int | None) -> Glyphs:
    registration, correction = added.registration, added.correction
    count = min(points.GetNumberOfControlPoints(), len(registration.status))
    left_out = np.array([status is KeypointStatus.LEFT_OUT for status in registration.status], dtype=bool)
    marked = [int(k) for k in np.flatnonzero(left_out | placed_by_person(registration, correction)) if _is_there(points, k)]
    states = point_states(registration, correction, side)[marked]
    radii = [_RADIUS] * len(marked)
    if chosen is not None and chosen < count and _is_there(points, chosen):
        marked.append(chosen)
        radii.append(_CHOSEN_RADIUS)
        states = np.append(states, CHOSEN_STATE)
    centres = np.array([points.GetNthControlPointPosition(k) for k in marked]).reshape(-1, 3)
    roots: NDArray = np.array(radii)[:, None, None] * np.eye(3)
    return ball_glyphs(centres, roots, {_STATE: states})


def _is_there(points: slicer.vtkMRMLMarkupsFiducialNode, k: int) -> bool:
    return (
        k < points.GetNumberOfControlPoints()
        and points.GetNthControlPointPositionStatus(k) == slicer.vtkMRMLMarkupsNode.PositionDefined
    )
