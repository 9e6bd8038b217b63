"""Keypoints that a person clicks or drags in a view."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from ..results.handle import SceneRegistration

#: Told the number of a keypoint, and whether it is being dragged (else it was clicked).
PointListener = Callable[[int, bool], None]

_MOUSE = ""  # the interaction context of the desktop's mouse; others are controllers of virtual reality


class PointClicks:
    """Tells which keypoint of a registration a person clicks, or begins to drag, in any view until ``close``.

    A list that is locked as a whole hears no clicks: keypoints are locked one by one (``points.set_points_locked``).
    """

    def __init__(self, added: SceneRegistration, listener: PointListener) -> None:
        self._listener = listener
        self._observations: list[tuple[vtk.vtkWeakReference, int]] = []
        for points in (added.fixed_points, added.moving_points):
            if points is not None:
                self._follow(points)

    def close(self) -> None:
        """Tell nothing any more."""
        for reference, tag in self._observations:
            if reference.Get() is not None:
                reference.Get().RemoveObserver(tag)
        self._observations = []

    def _follow(self, points: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        is_pressed = False

        def on_press(*_event: object) -> None:
            nonlocal is_pressed
            is_pressed = True

        def on_release(*_event: object) -> None:
            nonlocal is_pressed
            is_pressed = False

        @vtk.calldata_type(vtk.VTK_INT)
        def on_moved(_points: slicer.vtkMRMLMarkupsNode, _event: str, keypoint: int = -1) -> None:
            nonlocal is_pressed
            if is_pressed and keypoint >= 0:
                is_pressed = False  # once for every drag
                self._listener(keypoint, True)

        def on_click(display: slicer.vtkMRMLMarkupsDisplayNode, _event: str) -> None:
            keypoint = display.GetActiveControlPoint(_MOUSE)
            if keypoint >= 0:
                self._listener(keypoint, False)

        self._observe(points, points.PointStartInteractionEvent, on_press)
        self._observe(points, points.PointModifiedEvent, on_moved)
        self._observe(points, points.PointEndInteractionEvent, on_release)
        for n in range(points.GetNumberOfDisplayNodes()):
            display = points.GetNthDisplayNode(n)
            if display is not None and display.IsA("vtkMRMLMarkupsDisplayNode"):
                self._observe(display, display.JumpToPointEvent, on_click)

    def _observe(self, node: slicer.vtkMRMLNode, event: int, handler: Callable) -> None:
        reference = vtk.vtkWeakReference()
        reference.Set(node)
        self._observations.append((reference, node.AddObserver(event, handler)))
