"""Where the scans of a registration are now, and what has happened to them since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...geometry.transforms import apply, invert
from ...geometry.volume import Volume
from ..nodes import own_matrix
from ..volumes import local_ijk_to_ras, parent_to_world, volume_from_node

if TYPE_CHECKING:
    from .handle import SceneRegistration

#: How far, in mm, a file format may move the corners of a scan by keeping fewer digits.
_ROUNDING = 0.01

#: Attribute of the record: where a hardened volume was before, and where hardening has put it.  It is saved with the scene.
HARDENED = "KeypointRegistration.Hardened"

_CHANGED = "{name} has other voxels or another position than when it was registered. Register again."


def present(
    result: SceneRegistration,
) -> tuple[slicer.vtkMRMLVolumeNode, slicer.vtkMRMLVolumeNode, slicer.vtkMRMLTransformNode]:
    """The fixed volume, the moving volume and the transform.

    Raises:
        InputError: if one of them is no longer in the scene.
    """
    fixed, moving, transform = result.fixed_volume, result.moving_volume, result.transform
    for node, what in ((fixed, "fixed volume"), (moving, "moving volume"), (transform, "transform")):
        if node is None:
            raise InputError(f"The {what} of this registration is no longer in the scene. Register again.")
    return fixed, moving, transform


def motion(result: SceneRegistration) -> NDArray[np.float64]:
    """4×4 in world RAS mm: what the alignment does to a thing in the scene, moving → fixed.

    It is the registration's ``moving_to_fixed`` unless the moving scan's original parents have been moved since.
    """
    *_, transform = present(result)
    outer = parent_to_world(transform)
    return outer @ own_matrix(transform) @ invert(outer)


def aligned_ijk_to_world(result: SceneRegistration) -> NDArray[np.float64]:
    """4×4 from voxel indices of the moving volume to world RAS mm when it is aligned, as the alignment is now.

    It does not matter whether it is aligned at the moment, or hardened.

    Raises:
        InputError: if the volume has been changed or put under another transform meanwhile.
    """
    _, moving, transform = present(result)
    found = _found(result, "moving")
    if found is None:
        raise InputError(_CHANGED.format(name=moving.GetName()))
    parent = moving.GetParentTransformNode()
    if not found.is_hardened and parent not in (transform, result.original_parent):
        raise InputError(
            f"{moving.GetName()} is now under {'no transform' if parent is None else parent.GetName()}, where this "
            "registration has not put it. Put it back under the registration's transform, or register again."
        )
    own = found.ijk_to_ras if found.is_hardened else local_ijk_to_ras(moving)
    return parent_to_world(transform) @ own_matrix(transform) @ own


def hardening_memory(result: SceneRegistration) -> dict[str, Any] | None:
    """What was kept when the moving volume was hardened, or None if it is not."""
    text = result.record.GetAttribute(HARDENED) if result.record is not None else None
    return json.loads(text) if text else None


def renumbering(ijk_to_ras: NDArray[np.float64], volume: slicer.vtkMRMLVolumeNode) -> NDArray[np.float64] | None:
    """How a volume's voxels are numbered now, if its own matrix was ``ijk_to_ras`` (4×4, RAS mm) and it has not been moved.

    Returns the 4×4 matrix from voxel indices now to those of then: the identity, or with axes reversed, as files do to
    left-handed volumes.  None where the voxels are at other positions.
    """
    relation = invert(ijk_to_ras) @ local_ijk_to_ras(volume)
    signs = np.where(np.diag(relation)[:3] < 0, -1.0, 1.0)
    exact = np.diag([*signs, 1.0])
    exact[:3, 3] = np.where(signs < 0, np.array(volume.GetImageData().GetDimensions()) - 1, 0)
    size = volume.GetImageData().GetDimensions()
    return exact if _same_corners(ijk_to_ras @ exact, local_ijk_to_ras(volume), size) else None


def hardened_numbering(result: SceneRegistration) -> NDArray[np.float64] | None:
    """How the moving volume's voxels are numbered now (``renumbering``) if the alignment is in its own matrix, else None.

    It does not matter who has written the alignment into it, ``harden`` or Slicer's own command, nor whether the transform
    and the fixed volume are still there.  Times the matrix of the provenance it is the volume's own matrix as it was.
    """
    volume = result.moving_volume
    if volume is None or volume.GetParentTransformNode() is not None or not _has_size(volume, result.provenance["moving"]):
        return None
    numberings = (renumbering(matrix, volume) for matrix in _hardened_matrices(result))
    return next((numbering for numbering in numberings if numbering is not None), None)


def registered_scans(result: SceneRegistration) -> tuple[Volume, Volume]:
    """The fixed and the moving scan where they were when they were registered, whatever has been done to them since.

    The result's keypoints and ``moving_to_fixed`` refer to these positions.  The voxels are the nodes' own, not copied.

    Raises:
        InputError: if a volume is gone, or has other voxels than then.
    """
    fixed, moving, _ = present(result)
    scans = []
    for node, side in ((fixed, "fixed"), (moving, "moving")):
        found = _found(result, side)
        if found is None:
            raise InputError(_CHANGED.format(name=node.GetName()))
        outer = np.array(result.provenance[side]["parent_to_world"])
        scans.append(replace(volume_from_node(node), ijk_to_ras=outer @ found.ijk_to_ras))
    return scans[0], scans[1]


def changes(result: SceneRegistration) -> tuple[str, ...]:
    """Sentences on what has happened to the scans since they were registered: why the alignment may not hold."""
    try:
        fixed, moving, _ = present(result)
        found = []
        for node, side in ((fixed, "fixed"), (moving, "moving")):
            if _found(result, side) is None:
                found.append(_CHANGED.format(name=node.GetName()))
        if not found and not _is_where_it_was_put(result):
            found.append(
                "The scans are not where this registration has put them: one has been moved by its parent transforms, or "
                "the transform has been changed by hand."
            )
        if not found:
            aligned_ijk_to_world(result)
        return tuple(found)
    except InputError as error:
        return (str(error),)


@dataclass(frozen=True, eq=False)
class _Found:
    """A scan as it is now: its own matrix when it was registered, for its voxels as they are numbered now."""

    ijk_to_ras: NDArray[np.float64]
    is_hardened: bool


def _found(result: SceneRegistration, side: str) -> _Found | None:
    """None where the scan is another image than the one that was registered, or somewhere else."""
    fixed, moving, _ = present(result)
    node = fixed if side == "fixed" else moving
    then = result.provenance[side]
    if not _has_size(node, then):
        return None
    own = np.array(then["ijk_to_ras"])
    numbering = renumbering(own, node)
    if numbering is not None:
        return _Found(own @ numbering, False)
    numbering = hardened_numbering(result) if side == "moving" else None
    return None if numbering is None else _Found(own @ numbering, True)


def _has_size(volume: slicer.vtkMRMLVolumeNode, then: dict[str, Any]) -> bool:
    image = volume.GetImageData()
    return image is not None and list(image.GetDimensions()) == list(then["size"])


def _hardened_matrices(result: SceneRegistration) -> list[NDArray[np.float64]]:
    """What the moving volume's own 4×4 matrix may be once the alignment is in it."""
    memory, then = hardening_memory(result), result.provenance["moving"]
    if memory is not None:
        return [np.array(memory["after"])]
    own, transform = np.array(then["ijk_to_ras"]), result.transform
    matrices = [result.registration.moving_to_fixed @ np.array(then["parent_to_world"]) @ own]
    if transform is not None and transform.IsTransformToWorldLinear():
        to_world = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(to_world)
        matrices.append(slicer.util.arrayFromVTKMatrix(to_world) @ own)
    return matrices


def _is_where_it_was_put(result: SceneRegistration) -> bool:
    """Whether the transform takes the moving scan to the fixed one, wherever both have been moved together."""
    fixed, _, transform = present(result)
    then = {side: np.array(result.provenance[side]["parent_to_world"]) for side in ("fixed", "moving")}
    moved_since = parent_to_world(fixed) @ invert(then["fixed"])
    expected = moved_since @ result.registration.moving_to_fixed @ then["moving"]
    scan = result.provenance["moving"]
    own = np.array(scan["ijk_to_ras"])
    return _same_corners(parent_to_world(transform) @ own_matrix(transform) @ own, expected @ own, scan["size"])


def _same_corners(one: NDArray[np.float64], other: NDArray[np.float64], size: Sequence[int]) -> bool:
    """Whether two 4×4 matrices put the corners of a grid of ``size`` (i, j, k) voxels to the same places."""
    corners = np.array(list(product(*((0, n - 1) for n in size))), dtype=float)
    return bool(np.linalg.norm(apply(one, corners) - apply(other, corners), axis=1).max() < _ROUNDING)
