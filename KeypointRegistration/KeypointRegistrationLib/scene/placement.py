"""Where the scans of a registration are now, and what has happened to them since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import invert
from .nodes import own_matrix
from .volumes import local_ijk_to_ras, parent_to_world

if TYPE_CHECKING:
    from .handle import SceneRegistration

#: Differences in a position matrix (mm) that a file format may introduce.
_ROUNDING = 1e-3


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


def aligned_ijk_to_world(result: SceneRegistration, volume: slicer.vtkMRMLVolumeNode) -> NDArray[np.float64]:
    """4×4 from voxel indices of the moving volume to world RAS mm when it is aligned, whether it is at the moment or not.

    Raises:
        InputError: if it has been put under another transform meanwhile.
    """
    _, moving, transform = present(result)
    local = local_ijk_to_ras(volume)
    if volume is moving and not is_written_into_volume(result):
        parent = moving.GetParentTransformNode()
        if parent not in (transform, result.original_parent):
            name = "no transform" if parent is None else parent.GetName()
            raise InputError(
                f"{moving.GetName()} is now under {name}, where this registration has not put it. "
                "Put it back under the registration's transform, or register again."
            )
        return parent_to_world(transform) @ own_matrix(transform) @ local
    return parent_to_world(volume) @ local


def is_written_into_volume(result: SceneRegistration) -> bool:
    """Whether the alignment was hardened: written into the moving volume's own matrix, here or by Slicer's own command."""
    _, moving, _ = present(result)
    if moving.GetParentTransformNode() is not None:
        return False
    then = result.provenance["moving"]
    before = np.array(then["parent_to_world"]) @ np.array(then["ijk_to_ras"])
    unmoved = renumbering(np.array(then["ijk_to_ras"]), moving) is not None
    return not unmoved and renumbering(motion(result) @ before, moving) is not None


def renumbering(ijk_to_ras: NDArray[np.float64], volume: slicer.vtkMRMLVolumeNode) -> NDArray[np.float64] | None:
    """How a volume's voxels are numbered now, if its own matrix was ``ijk_to_ras`` (4×4, RAS mm) and it has not been moved.

    Returns the 4×4 matrix from voxel indices now to those of then: the identity, or with axes reversed, as files do to
    left-handed volumes.  None where the voxels are at other positions.
    """
    relation = invert(ijk_to_ras) @ local_ijk_to_ras(volume)
    signs = np.where(np.diag(relation)[:3] < 0, -1.0, 1.0)
    exact = np.diag([*signs, 1.0])
    exact[:3, 3] = np.where(signs < 0, np.array(volume.GetImageData().GetDimensions()) - 1, 0)
    return exact if _same(ijk_to_ras @ exact, local_ijk_to_ras(volume)) else None


def changes(result: SceneRegistration) -> tuple[str, ...]:
    """Sentences on what has happened to the scans since they were registered: why the alignment may not hold."""
    try:
        fixed, moving, _ = present(result)
        found = []
        for node, then in ((fixed, result.provenance["fixed"]), (moving, result.provenance["moving"])):
            image = node.GetImageData()
            if image is None or list(image.GetDimensions()) != list(then["size"]):
                found.append(f"{node.GetName()} has another size than when it was registered. Register again.")
            elif renumbering(np.array(then["ijk_to_ras"]), node) is None and not (
                node is moving and is_written_into_volume(result)
            ):
                found.append(f"{node.GetName()} has another position or voxel size than when it was registered.")
        if not found and not _same(*_motions_since(result)):
            found.append("One of the scans has been moved by its parent transforms since, and the other has not.")
        if not found:
            aligned_ijk_to_world(result, moving)
        return tuple(found)
    except InputError as error:
        return (str(error),)


def _motions_since(result: SceneRegistration) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How the fixed scan, and how the original parents of the moving scan, have moved in the world since then."""
    fixed, _, transform = present(result)
    now = parent_to_world(fixed), parent_to_world(transform)
    then = (np.array(_then(result, side)) for side in ("fixed", "moving"))
    first, second = (after @ invert(before) for after, before in zip(now, then, strict=True))
    return first, second


def _then(result: SceneRegistration, side: str) -> Any:
    return result.provenance[side]["parent_to_world"]


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return bool(np.allclose(one, other, atol=_ROUNDING, rtol=1e-5))
