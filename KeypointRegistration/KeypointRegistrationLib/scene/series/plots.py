"""Plots of the motion of a tracked series: rotation, translation and framewise displacement against time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import slicer

from ...registration.result import TrustLevel
from ..drawing.colours import Colour
from .table import MARKS, TIME

_AXES: tuple[tuple[str, Colour], ...] = (("R", (0.85, 0.37, 0.01)), ("A", (0.0, 0.45, 0.70)), ("S", (0.0, 0.55, 0.40)))
_ONE: Colour = (0.2, 0.2, 0.2)
_FOR_LEGEND = 0.5  # of the duration
_MARKS: dict[TrustLevel | None, tuple[str, Colour, int]] = {  # what the legend says, and how it looks
    TrustLevel.CHECK: ("check", (0.90, 0.60, 0.0), slicer.vtkMRMLPlotSeriesNode.MarkerStyleDiamond),
    TrustLevel.DO_NOT_TRUST: ("no trust", (0.80, 0.10, 0.10), slicer.vtkMRMLPlotSeriesNode.MarkerStyleSquare),
    None: ("lost", (0.80, 0.10, 0.10), slicer.vtkMRMLPlotSeriesNode.MarkerStyleCross),
}


@dataclass(frozen=True)
class Plot:
    """A chart: its title, the axis' title, and the columns of the table that it draws, with their names and colours."""

    title: str
    axis: str
    lines: tuple[tuple[str, str, Colour], ...]
    can_be_smoothed: bool = True


#: In the order in which they are shown.
PLOTS = (
    Plot("Rotation", "Rotation (°)", tuple((f"Rotation {axis}", axis, colour) for axis, colour in _AXES)),
    Plot("Translation", "Translation (mm)", tuple((f"Translation {axis}", axis, colour) for axis, colour in _AXES)),
    Plot("Framewise displacement", "Displacement (mm)", (("Framewise displacement", "moved", _ONE),), False),
)


def add_charts(
    table: slicer.vtkMRMLTableNode, name: str, times: Sequence[float], is_timed: bool
) -> tuple[list[slicer.vtkMRMLPlotSeriesNode], list[slicer.vtkMRMLPlotChartNode]]:
    """What is drawn of what ``table`` says of the series called ``name``, and the charts in the order of ``PLOTS``.

    The axis of time goes on after the last of the ``times``, where the legend then is.

    Each also marks, on the axis of time, the frames to check, those not to be trusted, and those without an alignment.
    Smoothed motion is drawn where the table has it.
    """
    marks = [_add_marks(table, MARKS[level], *mark) for level, mark in _MARKS.items()]
    every, charts = list(marks), []
    for plot in PLOTS:
        lines = [_add_line(table, *line) for line in plot.lines]
        lines += [_add_smoothed(table, *line) for line in plot.lines if plot.can_be_smoothed]
        chart = _add_chart(table.GetScene(), f"{name} {plot.title.lower()}", plot, [*lines, *marks])
        chart.SetXAxisTitle("Time (s)" if is_timed else "Frame")
        chart.SetXAxisRangeAuto(False)
        chart.SetXAxisRange(times[0], times[-1] + _FOR_LEGEND * (times[-1] - times[0]))
        charts.append(chart)
        every += lines
    return every, charts


def _add_series(table: slicer.vtkMRMLTableNode, column: str, name: str, colour: Colour) -> slicer.vtkMRMLPlotSeriesNode:
    """Its name is what the legend says, which must be short: there is little room for it."""
    series = table.GetScene().AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    series.SetPlotType(series.PlotTypeScatter)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(TIME)
    series.SetYColumnName(column)
    series.SetColor(*colour)
    return series


def _add_line(table: slicer.vtkMRMLTableNode, column: str, name: str, colour: Colour) -> slicer.vtkMRMLPlotSeriesNode:
    series = _add_series(table, column, name, colour)
    series.SetMarkerStyle(series.MarkerStyleCircle)  # what a person can click
    series.SetMarkerSize(5)
    series.SetLineWidth(1.5)
    return series


def _add_smoothed(table: slicer.vtkMRMLTableNode, column: str, name: str, colour: Colour) -> slicer.vtkMRMLPlotSeriesNode:
    """A broken line in the colour of the raw motion."""
    title = f"Smoothed {column[0].lower()}{column[1:]}"
    series = _add_series(table, title, f"{name} smoothed", colour)
    series.SetMarkerStyle(series.MarkerStyleNone)
    series.SetLineStyle(series.LineStyleDash)
    series.SetLineWidth(2)
    return series


def _add_marks(
    table: slicer.vtkMRMLTableNode, column: str, name: str, colour: Colour, style: int
) -> slicer.vtkMRMLPlotSeriesNode:
    series = _add_series(table, column, name, colour)
    series.SetMarkerStyle(style)
    series.SetMarkerSize(9)
    series.SetLineStyle(series.LineStyleNone)
    return series


def _add_chart(
    scene: slicer.vtkMRMLScene, name: str, plot: Plot, series: list[slicer.vtkMRMLPlotSeriesNode]
) -> slicer.vtkMRMLPlotChartNode:
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", scene.GenerateUniqueName(name))
    for each in series:
        chart.AddAndObservePlotSeriesNodeID(each.GetID())
    chart.SetTitle(plot.title)
    chart.SetYAxisTitle(plot.axis)
    chart.SetLegendVisibility(True)
    return chart
