"""What belongs to one scan of a registration, and where further things go to stay on its anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
from numpy.typing import NDArray

from ..results.handle import SceneRegistration
from ..results.placement import renumbering
from ..sides import Side
from ..volumes import local_ijk_to_ras


@dataclass(frozen=True, eq=False)
class Place:
    """Where something that belongs to a scan goes.

    Attributes:
        parent: transform node to put it under, None for the world.
        from_registered: 4×4, from world RAS mm when the scan was registered (the moving one: before it was aligned) to the
            coordinates under ``parent``.
    """

    parent: slicer.vtkMRMLTransformNode | None
    from_registered: NDArray[np.float64]


def scan_of(added: SceneRegistration, side: Side) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The scan, or None if it is no longer in the scene."""
    return added.fixed_volume if side is Side.FIXED else added.moving_volume


def points_of(added: SceneRegistration, side: Side) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """The keypoint list of a scan, or None if it is no longer in the scene."""
    return added.fixed_points if side is Side.FIXED else added.moving_points


def required_scan(added: SceneRegistration, side: Side) -> slicer.vtkMRMLScalarVolumeNode:
    """The scan.

    Raises:
        ValueError: if it is no longer in the scene.
    """
    scan = scan_of(added, side)
    if scan is None:
        raise ValueError(f"the {side.value} scan is no longer in the scene")
    return scan


def required_points(added: SceneRegistration, side: Side) -> slicer.vtkMRMLMarkupsFiducialNode:
    """The keypoint list of a scan.

    Raises:
        ValueError: if it is no longer in the scene.
    """
    points = points_of(added, side)
    if points is None:
        raise ValueError(f"the keypoints of the {side.value} scan are no longer in the scene")
    return points


def place_on_scan(added: SceneRegistration, side: Side) -> Place:
    """Where something lies on the voxels of a scan, also after the user has moved the scan or hardened a transform on it.

    Raises:
        ValueError: if the scan is no longer in the scene.
    """
    scan = required_scan(added, side)
    entry = added.provenance[side.value]
    parents, before = np.array(entry["parent_to_world"]), np.array(entry["ijk_to_ras"])
    image = scan.GetImageData()
    moved = np.eye(4)
    if image is not None and list(image.GetDimensions()) == list(entry["size"]):  # else its voxels are other ones
        now = local_ijk_to_ras(scan)
        aligned = added.registration.moving_to_fixed @ parents if side is Side.MOVING else parents
        for candidate in (moved, aligned, now @ np.linalg.inv(before)):
            if renumbering(candidate @ before, scan) is not None:
                moved = candidate
                break
    return Place(scan.GetParentTransformNode(), moved @ np.linalg.inv(parents))


def place_with_points(added: SceneRegistration, side: Side) -> Place:
    """Where something lies on the keypoints of a scan, also where they are no longer with the scan.

    Raises:
        ValueError: if the keypoint list is no longer in the scene.
    """
    points, scan = required_points(added, side), scan_of(added, side)
    parent = points.GetParentTransformNode()
    if scan is not None and scan.GetParentTransformNode() is parent:
        return place_on_scan(added, side)
    return Place(parent, np.linalg.inv(np.array(added.provenance[side.value]["parent_to_world"])))
