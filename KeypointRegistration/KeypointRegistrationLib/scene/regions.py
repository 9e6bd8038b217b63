"""Where to look in a scan, as a node: a scalar volume that is not zero there, or a box (an ROI of Markups)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
from numpy.typing import NDArray

from ..geometry.box import box_mask
from ..geometry.errors import InputError
from ..geometry.transforms import apply
from ..geometry.volume import Volume
from .volumes import volume_from_node


def mask_of(scan: Volume, node: slicer.vtkMRMLDisplayableNode) -> Volume:
    """The mask that a volume node holds, or the box of an ROI node, in world RAS mm.

    Raises:
        InputError: if it cannot be used, or lies beside ``scan``.
    """
    mask = region_of(node)
    ijk = apply(scan.ras_to_ijk, mask.corners)
    last = np.array(scan.shape[::-1]) - 1
    if (ijk.max(axis=0) < 0).any() or (ijk.min(axis=0) > last).any():
        raise InputError(f"The mask {mask.name} lies beside {scan.name}. Choose the mask drawn on that scan, or none.")
    return mask


def region_of(node: slicer.vtkMRMLDisplayableNode) -> Volume:
    """Where a node says to look: not zero there, in world RAS mm.

    Raises:
        InputError: if it holds nothing that can be used.
    """
    if not isinstance(node, slicer.vtkMRMLMarkupsROINode):
        return volume_from_node(node)
    to_world = slicer.util.arrayFromVTKMatrix(node.GetObjectToWorldMatrix())
    return box_mask(to_world[:3, :3] * np.array(node.GetSize()), to_world[:3, 3], node.GetName())


@dataclass(frozen=True, eq=False)
class RegionState:
    """Where a node says to look, at one moment."""

    node: slicer.vtkMRMLDisplayableNode
    name: str
    ijk_to_ras: NDArray[np.float64]
    time: int  # of the last change of a volume's voxels; 0 for a box, which has none

    @classmethod
    def of(cls, node: slicer.vtkMRMLDisplayableNode) -> RegionState:
        """As it is now.  Raises InputError as ``region_of``."""
        return cls(node, node.GetName(), region_of(node).ijk_to_ras, _voxels_changed(node))

    def change(self) -> str:
        """What happened to it since, as a participle; empty if nothing."""
        if self.node.GetScene() is None:
            return "removed"
        try:
            place = region_of(self.node).ijk_to_ras
        except InputError:
            return "changed"
        if _voxels_changed(self.node) != self.time:
            return "changed"
        return "" if np.allclose(place, self.ijk_to_ras) else "moved"


def _voxels_changed(node: slicer.vtkMRMLDisplayableNode) -> int:
    image = None if isinstance(node, slicer.vtkMRMLMarkupsROINode) else node.GetImageData()
    return 0 if image is None else image.GetMTime()
