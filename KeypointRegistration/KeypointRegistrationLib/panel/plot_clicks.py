"""Clicks on points of plots, in whichever plot views the application has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

_SIGNAL = "dataSelected(vtkStringArray*, vtkCollection*)"


class PlotClicks:
    """Tells of the points that a person clicks in plots.

    A plot view tells of a click twice, before and after it, and each time of the points that are still selected in other
    curves too.  What a person has clicked is the selection that was not there the time before: VTK makes a new array of it.
    """

    def __init__(self, on_clicked: Callable[[slicer.vtkMRMLPlotSeriesNode, int], None]) -> None:
        """``on_clicked`` is told what is plotted and the number of the point."""
        self._on_clicked = on_clicked
        self._views: list[Any] = []
        self._selected: dict[str, Any] = {}  # by the identifier of what is plotted; held, so that no new one is taken for it

    def listen(self) -> None:
        """Hear all plot views that there are now."""
        self._disconnect()
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        self._views = [manager.plotWidget(n).plotView() for n in range(manager.plotViewCount)]
        for view in self._views:
            view.connect(_SIGNAL, self._on_selected)

    def close(self) -> None:
        """Hear nothing any more."""
        self._disconnect()
        self._selected = {}

    def _disconnect(self) -> None:
        for view in self._views:
            if view:  # else the application has destroyed it
                view.disconnect(_SIGNAL, self._on_selected)
        self._views = []

    def _on_selected(self, identifiers: Any, selections: Any) -> None:
        """The identifiers of the plotted nodes, and for each the numbers of the points selected in it."""
        clicked: list[tuple[slicer.vtkMRMLPlotSeriesNode, int]] = []
        for n in range(identifiers.GetNumberOfValues()):
            identifier, points = identifiers.GetValue(n), selections.GetItemAsObject(n)
            is_new, self._selected[identifier] = points is not self._selected.get(identifier), points
            series = slicer.mrmlScene.GetNodeByID(identifier)
            if is_new and series is not None and points.GetNumberOfValues():
                clicked.append((series, int(points.GetValue(0))))
        if clicked:
            self._on_clicked(*clicked[0])
