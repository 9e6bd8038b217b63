"""Clicks on points of plots, in whichever plot views the application has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

_SIGNAL = "dataSelected(vtkStringArray*, vtkCollection*)"


class PlotClicks:
    """Tells of the points that a person clicks in plots."""

    def __init__(self, on_clicked: Callable[[slicer.vtkMRMLPlotSeriesNode, int], None]) -> None:
        """``on_clicked`` is told what is plotted and the number of the point."""
        self._on_clicked = on_clicked
        self._views: list[Any] = []

    def listen(self) -> None:
        """Hear all plot views that there are now."""
        self.close()
        manager = slicer.app.layoutManager()
        if manager is None:
            return
        self._views = [manager.plotWidget(n).plotView() for n in range(manager.plotViewCount)]
        for view in self._views:
            view.connect(_SIGNAL, self._on_selected)

    def close(self) -> None:
        """Hear nothing any more."""
        for view in self._views:
            if view:  # else the application has destroyed it
                view.disconnect(_SIGNAL, self._on_selected)
        self._views = []

    def _on_selected(self, identifiers: Any, selections: Any) -> None:
        """The identifiers of the plotted nodes, and for each the numbers of the points selected in it."""
        for n in range(identifiers.GetNumberOfValues()):
            points = selections.GetItemAsObject(n)
            if points is not None and points.GetNumberOfValues():
                series = slicer.mrmlScene.GetNodeByID(identifiers.GetValue(n))
                if series is not None:
                    self._on_clicked(series, int(points.GetValue(0)))
                    return
