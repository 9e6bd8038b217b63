"""One point list of a registration, read and written in the frame in which its scan was registered."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ...geometry.keypoints import Keypoints
from ...geometry.transforms import apply, invert
from ...registration.correction import Point
from ...registration.result import KeypointStatus, Registration
from ...registration.table import pair_distances
from ..volumes import parent_to_world
from .points import missing_points, points_locked

#: Points nearer than this, in mm, to where they were have not been moved: files keep fewer digits than memory.
_SAME_PLACE = 0.01


class PairedPoints:
    """Keypoint k of one scan as a control point of a markups node.

    The node holds W⁻¹ times the positions in the scan's RAS as it was registered, with the 4×4 ``registered_to_world`` W
    of then; wherever the scan is moved later, its points go along and are still the same keypoints.  Which control point
    is which keypoint is known by its identifier, whatever is added to the list or deleted from it meanwhile.
    """

    def __init__(self, node: slicer.vtkMRMLMarkupsFiducialNode, registered_to_world: NDArray[np.float64]) -> None:
        self.node = node
        self._to_registered = np.asarray(registered_to_world, dtype=float)
        self._to_local = invert(self._to_registered)
        self._identifiers = self._listed()

    @property
    def is_there(self) -> bool:
        """Whether the list is still in the scene."""
        return self.node.GetScene() is not None

    def registered_position(self, world: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points (N, 3) of the scene's world (RAS mm) are in the scan's RAS as it was registered."""
        return apply(self._to_registered @ invert(parent_to_world(self.node)), world)

    def differences(self, shown: Keypoints, absent: NDArray[np.bool_]) -> dict[int, Point | None]:
        """Keypoints that are not as the list was told to show them, with their position (registered RAS mm) now.

        None for a point that was deleted or whose position was taken away.  A keypoint that is ``absent`` (K,) from the
        scan has no position in the list; one that has been given one differs.
        """
        indices = [self.node.GetControlPointIndexByID(identifier) for identifier in self._identifiers]
        placed = {k: index for k, index in enumerate(indices) if index >= 0 and self._is_defined(index)}
        different: dict[int, Point | None] = {k: None for k in range(len(indices)) if k not in placed and not absent[k]}
        # All at once: this is done at every move of a mouse that drags a point.
        local = np.array([self.node.GetNthControlPointPosition(index) for index in placed.values()]).reshape(-1, 3)
        positions = apply(self._to_registered, local)
        apart = np.linalg.norm(positions - shown.positions[list(placed)], axis=1)
        for k, position, distance in zip(placed, positions, apart, strict=True):
            if absent[k] or distance > _SAME_PLACE:
                different[k] = tuple(position.tolist())
        return different

    def write(self, keypoints: Keypoints, registration: Registration) -> None:
        """Let the list show ``keypoints`` (registered RAS mm) with the status that ``registration`` gives them."""
        node, absent = self.node, missing_points(keypoints, registration)
        local = np.nan_to_num(apply(self._to_local, keypoints.positions))
        with slicer.util.NodeModify(node):
            self._resize(keypoints.labels)
            for k, position in enumerate(local):
                if absent[k]:
                    if self._is_defined(k):
                        node.SetNthControlPointPositionMissing(k)
                elif not self._is_defined(k) or not np.allclose(node.GetNthControlPointPosition(k), position, atol=1e-6):
                    node.SetNthControlPointPosition(k, *position)
                self._describe(k, registration)
            residuals = pair_distances(registration)
            measurements = {"confidence": keypoints.presence, "spread": keypoints.spread, "residual": residuals}
            for name, values in measurements.items():
                self._measure(name, values)

    def _describe(self, k: int, registration: Registration) -> None:
        used = registration.status[k] is KeypointStatus.USED
        if bool(self.node.GetNthControlPointSelected(k)) is not used:
            self.node.SetNthControlPointSelected(k, used)
        words = registration.exclusion_reasons[k] or registration.status[k].value
        if self.node.GetNthControlPointDescription(k) != words:
            self.node.SetNthControlPointDescription(k, words)

    def _measure(self, name: str, values: NDArray[np.float64]) -> None:
        measurement = self.node.GetMeasurement(name)
        if measurement is None:  # the person has removed it
            return
        numbers = vtk.vtkDoubleArray()
        numbers.SetName(name)
        for value in values:
            numbers.InsertNextValue(value)
        measurement.SetControlPointValues(numbers)

    def _resize(self, labels: tuple[str, ...]) -> None:
        """Give the list one point per label, in their order.  Points that are in order keep their names and looks."""
        node = self.node
        if self._listed()[: len(labels)] == self._identifiers and len(labels) == len(self._identifiers):
            return
        fixed_number, locked = node.GetFixedNumberOfControlPoints(), points_locked(node)
        node.SetFixedNumberOfControlPoints(False)
        if self._listed() != self._identifiers:  # a person has added or deleted points
            node.RemoveAllControlPoints()
        while node.GetNumberOfControlPoints() > len(labels):
            node.RemoveNthControlPoint(node.GetNumberOfControlPoints() - 1)
        for label in labels[node.GetNumberOfControlPoints() :]:
            node.AddControlPoint(vtk.vtkVector3d(0, 0, 0), label)
            node.SetNthControlPointLocked(node.GetNumberOfControlPoints() - 1, locked)
        node.SetFixedNumberOfControlPoints(fixed_number)
        self._identifiers = self._listed()

    def _listed(self) -> list[str]:
        return [self.node.GetNthControlPointID(k) for k in range(self.node.GetNumberOfControlPoints())]

    def _is_defined(self, index: int) -> bool:
        return self.node.GetNthControlPointPositionStatus(index) == slicer.vtkMRMLMarkupsNode.PositionDefined
