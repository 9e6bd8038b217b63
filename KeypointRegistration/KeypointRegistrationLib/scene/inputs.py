"""What a registration starts from, as nodes: whether it can work, what it is, and whether it has changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.volume import Volume
from .regions import RegionState, mask_of
from .volumes import volume_from_node


@dataclass(frozen=True, eq=False)
class SceneInputs:
    """The nodes of one registration.

    Attributes:
        fixed, moving: scalar volume nodes.
        fixed_mask, moving_mask: label maps or other scalar volumes: a scan is only looked at where its mask is not zero.  Or
            boxes (ROI nodes): only inside.
        initial: linear transform node with a starting pose, moving → fixed: what the moving volume would be put under to be
            roughly in place.  It is taken in world RAS, its own parents composed in.
    """

    fixed: slicer.vtkMRMLScalarVolumeNode | None
    moving: slicer.vtkMRMLScalarVolumeNode | None
    fixed_mask: slicer.vtkMRMLDisplayableNode | None = None
    moving_mask: slicer.vtkMRMLDisplayableNode | None = None
    initial: slicer.vtkMRMLTransformNode | None = None

    @property
    def nodes(self) -> list[slicer.vtkMRMLNode]:
        """All that are there."""
        nodes = (self.fixed, self.moving, self.fixed_mask, self.moving_mask, self.initial)
        return [node for node in nodes if node is not None]

    def volumes(self) -> dict[str, Volume]:
        """``fixed``, ``moving`` and, where there are masks, ``fixed_mask`` and ``moving_mask``, in world RAS mm.

        Raises:
            InputError: if a volume is missing or cannot be used, or a mask lies beside its scan.
        """
        if self.fixed is None or self.moving is None or any(node.GetScene() is None for node in self.nodes):
            raise InputError("What is to be registered is no longer in the scene. Select the inputs and apply again.")
        if self.fixed is self.moving:
            raise InputError(
                f"{self.fixed.GetName()} is both the fixed and the moving volume. Choose two different volumes."
            )
        volumes = {"fixed": volume_from_node(self.fixed), "moving": volume_from_node(self.moving)}
        for side, mask in (("fixed", self.fixed_mask), ("moving", self.moving_mask)):
            if mask is not None:
                volumes[f"{side}_mask"] = mask_of(volumes[side], mask)
        return volumes

    def starting_pose(self) -> NDArray[np.float64] | None:
        """4×4 moving → fixed in world RAS mm, or None without an initial transform.

        Raises:
            InputError: if the transform is not linear, cannot be inverted, mirrors, or moves the moving volume already.
        """
        if self.initial is None:
            return None
        name = self.initial.GetName()
        if not self.initial.IsTransformToWorldLinear():
            raise InputError(f"{name} is not linear. Choose a linear initial transform, or none.")
        matrix = vtk.vtkMatrix4x4()
        self.initial.GetMatrixTransformToWorld(matrix)
        pose = slicer.util.arrayFromVTKMatrix(matrix)
        if not np.isfinite(pose).all() or abs(np.linalg.det(pose[:3, :3])) < 1e-9:
            raise InputError(f"{name} flattens space (its matrix is singular). Choose another initial transform, or none.")
        if np.linalg.det(pose[:3, :3]) < 0:
            raise InputError(f"{name} mirrors. Choose an initial transform that keeps left and right, or none.")
        if self.moving is not None and self.initial in _ancestors(self.moving):
            raise InputError(
                f"{self.moving.GetName()} is already under {name}, which would move it twice. "
                "Choose none: a scan is registered from where the scene shows it."
            )
        return pose

    def problem(self) -> str:
        """Why a registration cannot begin, as a sentence; empty if it can.  Quick: no voxel is read."""
        try:
            self.volumes()
            self.starting_pose()
        except InputError as error:
            return str(error)
        return ""


class Snapshot:
    """The inputs as they were at one moment: where the volumes were, and which voxels they had."""

    def __init__(self, inputs: SceneInputs) -> None:
        """Raises InputError if the inputs cannot be used."""
        self.inputs = inputs
        self._volumes = [_VolumeState.of(node) for node in (inputs.fixed, inputs.moving)]
        self._masks = [RegionState.of(node) for node in (inputs.fixed_mask, inputs.moving_mask) if node is not None]
        self._pose = inputs.starting_pose()
        self._initial_name = "" if inputs.initial is None else inputs.initial.GetName()

    def check_scans(self) -> None:
        """Raises InputError if a scan is no longer what it was: a result would not fit it."""
        for state in self._volumes:
            change = state.change()
            if change:
                raise InputError(f"{state.name} was {change} while the registration ran. Apply again.")

    def other_changes(self) -> tuple[str, ...]:
        """One sentence for each mask and transform that is no longer what it was; the result fits all the same."""
        changes = {state.name: state.change() for state in self._masks}
        if self.inputs.initial is not None:
            changes[self._initial_name] = self._change_of_initial()
        return tuple(
            f"{name} was {change} while the registration ran, which used it as it was at the start."
            for name, change in changes.items()
            if change
        )

    def _change_of_initial(self) -> str:
        if self.inputs.initial is None or self.inputs.initial.GetScene() is None:
            return "removed"
        try:
            pose = SceneInputs(None, None, initial=self.inputs.initial).starting_pose()
        except InputError:
            return "changed"
        return "" if pose is not None and self._pose is not None and np.allclose(pose, self._pose) else "changed"


class Watch:
    """Calls ``changed()`` whenever one of ``nodes`` changes: its name, voxels, or where it is."""

    _EVENTS = (
        vtk.vtkCommand.ModifiedEvent,
        slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
        slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
        slicer.vtkMRMLMarkupsNode.PointModifiedEvent,
    )

    def __init__(self, nodes: Sequence[slicer.vtkMRMLNode], changed: Callable[[], None]) -> None:
        self.nodes = list(nodes)
        self._tags = [(node, node.AddObserver(event, lambda *_event: changed())) for node in nodes for event in self._EVENTS]

    def close(self) -> None:
        """Watch no longer."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self.nodes, self._tags = [], []


@dataclass(frozen=True, eq=False)
class _VolumeState:
    node: slicer.vtkMRMLScalarVolumeNode
    name: str
    ijk_to_ras: NDArray[np.float64]
    image: vtk.vtkImageData
    image_time: int

    @classmethod
    def of(cls, node: slicer.vtkMRMLScalarVolumeNode) -> _VolumeState:
        image = node.GetImageData()
        return cls(node, node.GetName(), volume_from_node(node).ijk_to_ras, image, image.GetMTime())

    def change(self) -> str:
        """What happened to the volume, as a participle; empty if nothing."""
        if self.node.GetScene() is None:
            return "removed"
        image = self.node.GetImageData()
        if image is not self.image or image.GetMTime() != self.image_time:
            return "changed"
        return "" if np.allclose(volume_from_node(self.node).ijk_to_ras, self.ijk_to_ras) else "moved"


def _ancestors(node: slicer.vtkMRMLTransformableNode) -> list[slicer.vtkMRMLTransformNode]:
    """The transforms that a node is under, the innermost first."""
    found = []
    parent = node.GetParentTransformNode()
    while parent is not None:
        found.append(parent)
        parent = parent.GetParentTransformNode()
    return found
