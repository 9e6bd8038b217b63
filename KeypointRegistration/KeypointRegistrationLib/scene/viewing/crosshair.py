"""Where the person points in the views."""

from __future__ import annotations

import numpy as np
import slicer
from numpy.typing import NDArray


def crosshair_position(scene: slicer.vtkMRMLScene) -> NDArray[np.float64] | None:
    """World RAS mm of the crosshair, which Shift and moving the mouse put somewhere; None where it is not used."""
    node = scene.GetSingletonNode("default", "vtkMRMLCrosshairNode")
    if node is None or node.GetCrosshairMode() == slicer.vtkMRMLCrosshairNode.NoCrosshair:
        return None
    return np.array(node.GetCrosshairRAS())


def middle_of_slices(scene: slicer.vtkMRMLScene) -> NDArray[np.float64] | None:
    """World RAS mm of the point where the slices of the first three views of the layout cross, or None if they do not.

    Each view lends the coordinate along its own normal; views that are parallel leave the point open.
    """
    normals, offsets = [], []
    shown = [node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene) if node.IsMappedInLayout()]
    for node in shown[:3]:
        to_ras = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
        normals.append(to_ras[:3, 2])
        offsets.append(to_ras[:3, 2] @ to_ras[:3, 3])
    if len(normals) < 3 or np.linalg.matrix_rank(np.array(normals), tol=0.1) < 3:
        return None
    return np.linalg.solve(np.array(normals), np.array(offsets))
