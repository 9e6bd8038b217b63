"""The probability maps of a registration, kept in the scene: they come back with it from a file."""

from __future__ import annotations

import json

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from ...detection.heatmaps import Heatmaps
from ...geometry.sampling import Grid
from ...registration.result import Registration
from ..nodes import hide_from_lists
from ..results import handle
from ..results.handle import SceneRegistration
from ..sides import Side
from .anchors import points_of, scan_of

#: Attribute of a volume with kept maps: number of maps, and their grid in the world RAS in which the scan was registered.
_GRID = "KeypointRegistration.HeatmapGrid"
_ROLES = {Side.FIXED: handle.KEPT_FIXED_HEATMAPS, Side.MOVING: handle.KEPT_MOVING_HEATMAPS}


def keep_heatmaps(added: SceneRegistration, registration: Registration) -> None:
    """Keep the maps that ``registration`` has: one hidden volume per scan.

    A volume with one component per keypoint would be the natural form, but Slicer cannot write more than a few components,
    and then refuses to save the whole scene.  The maps are therefore stacked along K.  Their grid is an attribute, because a
    reader may turn the axes of a volume that has a position of its own.
    """
    maps = {Side.FIXED: registration.fixed_heatmaps, Side.MOVING: registration.moving_heatmaps}
    for side, heatmaps in maps.items():
        if heatmaps is not None:
            added.adopt(_ROLES[side], _stacked(added.scene, f"Heatmaps of the {side.value} scan", heatmaps))


def kept_heatmaps(added: SceneRegistration, side: Side) -> Heatmaps | None:
    """The maps of one scan, or None if the scene does not have them.  It is the volume's own memory: never write to it."""
    volume = added.adopted(_ROLES[side])
    image = volume.GetImageData() if volume is not None else None
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None:
        return None
    try:
        entry = json.loads(volume.GetAttribute(_GRID))
        grid = Grid(tuple(entry["shape"]), np.array(entry["ijk_to_ras"], dtype=float))
        return Heatmaps(vtk_to_numpy(scalars).reshape(entry["count"], *grid.shape), grid)
    except (ValueError, KeyError, TypeError):  # the user, or another program, has changed the node
        return None


def showable_heatmaps(added: SceneRegistration, side: Side) -> Heatmaps | None:
    """The maps of one scan, or None if there are none, or its scan or its points are no longer in the scene."""
    return kept_heatmaps(added, side) if has_scan_and_points(added, side) else None


def sides_without_heatmaps(added: SceneRegistration) -> tuple[Side, ...]:
    """The scans whose heatmaps cannot be shown."""
    return tuple(side for side in Side if showable_heatmaps(added, side) is None)


def has_scan_and_points(added: SceneRegistration, side: Side) -> bool:
    """Whether the scene still says where maps of one scan belong."""
    return scan_of(added, side) is not None and points_of(added, side) is not None


def _stacked(scene: slicer.vtkMRMLScene, name: str, heatmaps: Heatmaps) -> slicer.vtkMRMLScalarVolumeNode:
    count, k, j, i = heatmaps.values.shape
    volume = slicer.vtkMRMLScalarVolumeNode()
    volume.SetName(scene.GenerateUniqueName(name))
    hide_from_lists(volume)
    volume.SetAndObserveImageData(vtk.vtkImageData())
    slicer.util.updateVolumeFromArray(volume, np.asarray(heatmaps.values, dtype=np.float32).reshape(count * k, j, i))
    entry = {"count": count, "shape": (k, j, i), "ijk_to_ras": heatmaps.grid.ijk_to_ras.tolist()}
    volume.SetAttribute(_GRID, json.dumps(entry))
    return scene.AddNode(volume)
