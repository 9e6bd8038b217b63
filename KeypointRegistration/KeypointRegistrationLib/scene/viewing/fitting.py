"""Slice views that show a whole scan."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

_MARGIN = 1.05


class FittedViews:
    """Slice views into which a box fits, also when they are resized, until the person zooms or moves one of them.

    New views get their size only some time after they have been asked for.
    """

    def __init__(self, nodes: Iterable[slicer.vtkMRMLSliceNode], corners: NDArray, middle: NDArray) -> None:
        """Fit the box of RAS ``corners`` (N, 3) mm into the views, and show the slices through ``middle`` (3,)."""
        self._corners = corners
        self._is_fitting = False
        self._fitted: dict[str, tuple[float, ...]] = {}  # by node: width and height in pixels, and in mm
        self._observations: list[tuple[vtk.vtkWeakReference, int]] = []
        for node in nodes:
            node.JumpSliceByCentering(*((corners.max(axis=0) + corners.min(axis=0)) / 2).tolist())
            node.JumpSliceByOffsetting(*middle.tolist())
            self._fit(node)
            reference = vtk.vtkWeakReference()
            reference.Set(node)
            self._observations.append((reference, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._on_modified)))

    def close(self) -> None:
        """Leave the views to themselves."""
        for reference, tag in self._observations:
            if reference.Get() is not None:
                reference.Get().RemoveObserver(tag)
        self._observations = []

    def _fit(self, node: slicer.vtkMRMLSliceNode) -> None:
        in_plane = self._corners @ slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, :2]
        extent = np.ptp(in_plane, axis=0)
        width, height, _ = node.GetDimensions()
        unit = _MARGIN * max(extent[0] / max(1, width), extent[1] / max(1, height))  # mm per pixel
        self._fitted[node.GetID()] = (width, height, unit * width, unit * height)
        self._is_fitting = True
        node.SetFieldOfView(unit * width, unit * height, node.GetFieldOfView()[2])
        self._is_fitting = False

    def _on_modified(self, node: slicer.vtkMRMLSliceNode, _event: str) -> None:
        fitted = self._fitted.get(node.GetID())
        if fitted is None or self._is_fitting:
            return
        width, height, _ = node.GetDimensions()
        across, down, _ = node.GetFieldOfView()
        if (width, height) != fitted[:2]:
            self._fit(node)
        elif np.allclose((across, down), fitted[2:]):
            self._is_fitting = True
            node.UpdateMatrices()  # Slicer says that a view is resized while it is still at it
            self._is_fitting = False
        else:
            del self._fitted[node.GetID()]  # the person has zoomed
