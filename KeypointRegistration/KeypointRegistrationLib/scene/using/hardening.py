"""The alignment written into the moving volume's own matrix, and taken out again exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

from ...geometry.errors import InputError
from ..nodes import batch, put_under
from ..results.placement import HARDENED, aligned_ijk_to_world, hardening_memory, present, renumbering
from ..series.frames import browser_of
from ..volumes import local_ijk_to_ras

if TYPE_CHECKING:
    from ..results.handle import SceneRegistration


def is_hardened(result: SceneRegistration) -> bool:
    """Whether ``harden`` has been called and not been taken back."""
    return hardening_memory(result) is not None


def harden(result: SceneRegistration) -> None:
    """Write the alignment, and all parent transforms, into the moving volume's own matrix, and take it out of them.

    No voxel changes: a linear transform moves the grid.  A file saved of the volume is then aligned by itself.

    Raises:
        InputError: if it is hardened already, if a node is gone or has been put elsewhere, or under a non-linear transform;
            and if the moving volume plays a sequence, whose next frame would take it back.
    """
    _, moving, _ = present(result)
    if browser_of(moving) is not None:
        raise InputError(
            f"{moving.GetName()} plays a sequence: hardened, it would be aligned in this frame only. "
            "Make a copy, or leave the frames under their transform, which moves each as it should."
        )
    record = result.record
    if record is None:
        raise InputError("The record of this registration is no longer in the scene: hardening could not be taken back.")
    if is_hardened(result):
        raise InputError(f"{moving.GetName()} is hardened already.")
    aligned = aligned_ijk_to_world(result)
    with batch(moving.GetScene()):
        result.applied = True
        before = _position(moving)
        put_under(moving, None)
        moving.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(aligned))
        record.SetAttribute(HARDENED, json.dumps({"before": before, "after": local_ijk_to_ras(moving).tolist()}))


def unharden(result: SceneRegistration) -> None:
    """Undo ``harden``, also after saving and loading: every number is what it was, and the volume is under the transform.

    Raises:
        InputError: if it is not hardened, or if the volume has been moved since: that would be lost.
    """
    _, moving, transform = present(result)
    record, memory = result.record, hardening_memory(result)
    if record is None or memory is None:
        raise InputError(f"{moving.GetName()} is not hardened.")
    numbering = renumbering(np.array(memory["after"]), moving)
    if moving.GetParentTransformNode() is not None or numbering is None:
        raise InputError(
            f"{moving.GetName()} has been moved since it was hardened. Put it back first, or keep it where it is."
        )
    with batch(moving.GetScene()):
        _put_at(moving, memory["before"])
        if not np.array_equal(numbering, np.eye(4)):
            moving.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(local_ijk_to_ras(moving) @ numbering))
        put_under(moving, transform)
        record.RemoveAttribute(HARDENED)


def hardened_problem(result: SceneRegistration) -> str:
    """A sentence where the hardened volume is not where the alignment, as it is now, would put it.  Else empty."""
    memory = hardening_memory(result)
    if memory is None:
        return ""
    _, moving, transform = present(result)
    before = _matrix(memory["before"])
    to_world = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(to_world)
    if renumbering(slicer.util.arrayFromVTKMatrix(to_world) @ before, moving) is not None:
        return ""
    return f"{moving.GetName()} was hardened with an earlier state of the alignment. Take that back and harden it again."


def _position(volume: slicer.vtkMRMLVolumeNode) -> dict[str, list[float]]:
    """What the volume node itself keeps of its position.  A matrix made of these would not come back exactly."""
    directions = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(directions)
    matrix = slicer.util.arrayFromVTKMatrix(directions)
    return {"directions": matrix[:3, :3].tolist(), "spacing": list(volume.GetSpacing()), "origin": list(volume.GetOrigin())}


def _put_at(volume: slicer.vtkMRMLVolumeNode, position: dict[str, list[float]]) -> None:
    with slicer.util.NodeModify(volume):
        volume.SetIJKToRASDirections(position["directions"])
        volume.SetSpacing(position["spacing"])
        volume.SetOrigin(position["origin"])


def _matrix(position: dict[str, list[float]]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(position["directions"]) * np.array(position["spacing"])
    matrix[:3, 3] = position["origin"]
    return matrix
