"""The distribution of every keypoint of a scan as an ellipsoid, in slices and in 3-D."""

from __future__ import annotations

import numpy as np
import slicer
from numpy.typing import NDArray

from ..nodes import batch
from ..results import handle
from ..results.handle import SceneRegistration
from ..results.points import POINT_COLOURS, missing_points, point_states
from ..sides import Side
from .anchors import place_with_points, required_points
from .glyphs import ball_glyphs, draw_in_colours, show_glyphs
from .overlays import take_away

_ROLES = {Side.FIXED: handle.FIXED_ELLIPSOIDS, Side.MOVING: handle.MOVING_ELLIPSOIDS}

#: Point data of the model: root-mean-square radius of the distribution, as in the table, and place on ``POINT_COLOURS``.
SPREAD = "spread (mm)"
STATE = "state"


def show_ellipsoids(added: SceneRegistration, side: Side, multiple: float = 1.0) -> slicer.vtkMRMLModelNode:
    """Draw the covariance of every keypoint that is in one scan, or bring the drawing up to date.

    One model holds them all, in the colours of the points, under the same transform as the scan's keypoints.  Its point data
    holds the spread in mm.

    Args:
        added: whose keypoints.
        side: of which scan.
        multiple: half axes in standard deviations.

    Raises:
        ValueError: if the scan's keypoint list is no longer in the scene.
    """
    place = place_with_points(added, side)
    points = required_points(added, side)
    registration = added.registration
    keypoints = registration.fixed_keypoints if side is Side.FIXED else registration.moving_keypoints
    present = ~missing_points(keypoints, registration) & np.isfinite(keypoints.covariances).all(axis=(1, 2))
    states = point_states(registration, added.correction, side)
    placed = keypoints.moved(place.from_registered)
    values: dict[str, NDArray] = {SPREAD: keypoints.spread[present], STATE: states[present]}
    glyphs = ball_glyphs(placed.positions[present], multiple * _square_roots(placed.covariances[present]), values)
    is_new = added.adopted(_ROLES[side]) is None
    model = show_glyphs(added, _ROLES[side], f"{points.GetName()} spread", points, place.parent, glyphs)
    if is_new:
        draw_in_colours(model.GetDisplayNode(), STATE, POINT_COLOURS)
        model.GetDisplayNode().SetOpacity(0.6)
    return model


def hide_ellipsoids(added: SceneRegistration, side: Side) -> None:
    """Remove the ellipsoids of one scan, if they are shown."""
    model = added.adopted(_ROLES[side])
    if model is not None:
        with batch(added.scene):
            take_away(model)
            added.adopt(_ROLES[side], None)


def _square_roots(covariances: NDArray) -> NDArray[np.float64]:
    """Symmetric square roots (n, 3, 3); a flat distribution is drawn 0.1 mm thick."""
    variances, axes = np.linalg.eigh(covariances)
    lengths = np.sqrt(np.maximum(variances, 0.01))
    return np.asarray((axes * lengths[:, None]) @ axes.transpose(0, 2, 1), dtype=np.float64)
