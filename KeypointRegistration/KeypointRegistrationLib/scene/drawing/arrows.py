"""How far apart every pair still is: arrows from the moved moving keypoint to the fixed one, coloured in mm."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from ...geometry.transforms import apply
from ...registration.result import Registration
from ...registration.table import pair_distances
from ..nodes import batch
from ..results import handle
from ..results.handle import SceneRegistration
from ..sides import Side
from .anchors import place_with_points, required_points
from .colours import MILLIMETRES, scale_end
from .glyphs import arrow_glyphs, show_glyphs
from .legends import Corner, show_legend
from .overlays import take_away

#: Point data of the model.
RESIDUAL = "residual (mm)"

_HEAD_RADIUS = 1.2  # mm


def show_arrows(added: SceneRegistration, magnification: float = 1.0) -> slicer.vtkMRMLModelNode:
    """Draw the residual of every pair, or bring the drawing up to date, with a legend in mm.

    The arrows lie in the fixed scan, where the alignment puts the moving keypoints, whether the moving scan is aligned at
    the moment or not.  In slices they are projected onto the slice: a residual of a few mm hardly ever lies in it.

    Args:
        added: whose pairs.
        magnification: the arrows begin at the moved moving keypoint and are so many times as long as the residual.

    Raises:
        ValueError: if the fixed keypoint list is no longer in the scene.
    """
    place = place_with_points(added, Side.FIXED)
    registration = added.registration
    distances = pair_distances(registration)
    paired = np.isfinite(distances)
    tails = apply(registration.moving_to_fixed, registration.moving_keypoints.positions[paired])
    tips = tails + magnification * (registration.fixed_keypoints.positions[paired] - tails)
    values = {RESIDUAL: distances[paired]}
    glyphs = arrow_glyphs(apply(place.from_registered, tails), apply(place.from_registered, tips), _HEAD_RADIUS, values)
    points = required_points(added, Side.FIXED)
    name = f"{points.GetName()} residuals"
    model = show_glyphs(added, handle.ARROWS, name, points, place.parent, glyphs)
    display = model.GetDisplayNode()
    title = "residual" if magnification == 1 else f"residual\narrows × {magnification:g}"
    show_legend(model, display, title, "mm", MILLIMETRES, (0.0, residual_scale(registration)), Corner.TOP_RIGHT)
    with slicer.util.NodeModify(display):
        display.SetActiveScalar(RESIDUAL, vtk.vtkAssignAttribute.POINT_DATA)
        display.SetScalarVisibility(True)
        display.SetVisibility2D(True)
        display.SetSliceDisplayModeToProjection()
    return model


def hide_arrows(added: SceneRegistration) -> None:
    """Remove the arrows and their legend, if they are shown."""
    model = added.adopted(handle.ARROWS)
    if model is not None:
        with batch(added.scene):
            take_away(model)
            added.adopt(handle.ARROWS, None)


def residual_scale(registration: Registration) -> float:
    """Where the colour scale of residuals ends, in mm: above those of all pairs used, rounded up to a good number.

    Excluded pairs may be much further apart; their arrows have the last colour.
    """
    distances = pair_distances(registration)
    used = distances[registration.used & np.isfinite(distances)]
    return scale_end(max(float(used.max()) if len(used) else 0.0, 1.0))
