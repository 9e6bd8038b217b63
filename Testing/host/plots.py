"""A plot view of a scene, drawn off screen by VTK's own charts as the application's plot widget sets them up."""

from __future__ import annotations

import os

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")  # no display needed; read when VTK is loaded

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

_MARKERS = {
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone: vtk.vtkPlotPoints.NONE,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleCross: vtk.vtkPlotPoints.CROSS,
    slicer.vtkMRMLPlotSeriesNode.MarkerStylePlus: vtk.vtkPlotPoints.PLUS,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleSquare: vtk.vtkPlotPoints.SQUARE,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle: vtk.vtkPlotPoints.CIRCLE,
    slicer.vtkMRMLPlotSeriesNode.MarkerStyleDiamond: vtk.vtkPlotPoints.DIAMOND,
}


class PlotView:
    """The chart that a plot view node shows: lines and points against a column, with a legend."""

    def __init__(self, node: slicer.vtkMRMLPlotViewNode, size: tuple[int, int]) -> None:
        self._node = node
        self._chart = vtk.vtkChartXY()
        self._view = vtk.vtkContextView()
        self._view.GetRenderer().SetBackground(1, 1, 1)
        self._view.GetScene().AddItem(self._chart)
        self._view.GetRenderWindow().SetOffScreenRendering(1)
        self._view.GetRenderWindow().SetMultiSamples(0)
        self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        """Give the view another width and height in pixels."""
        self.size = size
        self._view.GetRenderWindow().SetSize(*size)

    def image(self) -> NDArray[np.uint8]:
        """The view as it looks now, shape (height, width, 3), first row on top."""
        self._fill()
        self._view.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self._view.GetRenderWindow())
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()

    def close(self) -> None:
        """Let go of the graphics memory."""
        self._view.GetRenderWindow().Finalize()

    def _fill(self) -> None:
        self._chart.ClearPlots()
        chart = self._node.GetPlotChartNode()
        if chart is None:
            return
        self._chart.SetTitle(chart.GetTitle())
        self._chart.SetShowLegend(chart.GetLegendVisibility())
        self._chart.GetAxis(vtk.vtkAxis.LEFT).SetTitle(chart.GetYAxisTitle())
        self._chart.GetAxis(vtk.vtkAxis.BOTTOM).SetTitle(chart.GetXAxisTitle())
        for n in range(chart.GetNumberOfPlotSeriesNodes()):
            self._add(chart.GetNthPlotSeriesNode(n))
        time = self._chart.GetAxis(vtk.vtkAxis.BOTTOM)
        time.SetBehavior(vtk.vtkAxis.AUTO if chart.GetXAxisRangeAuto() else vtk.vtkAxis.FIXED)
        if not chart.GetXAxisRangeAuto():
            time.SetRange(*chart.GetXAxisRange())
        self._chart.RecalculateBounds()

    def _add(self, series: slicer.vtkMRMLPlotSeriesNode) -> None:
        table = series.GetTableNode().GetTable()
        if table.GetColumnByName(series.GetYColumnName()) is None:
            return
        plot = self._chart.AddPlot(vtk.vtkChart.LINE)
        plot.SetInputData(table, series.GetXColumnName(), series.GetYColumnName())
        plot.SetColorF(*series.GetColor())
        plot.SetWidth(series.GetLineWidth())
        plot.SetMarkerStyle(_MARKERS[series.GetMarkerStyle()])
        plot.SetMarkerSize(series.GetMarkerSize())
        plot.SetLabel(series.GetName())
        if series.GetLineStyle() == series.LineStyleNone:
            plot.GetPen().SetLineType(vtk.vtkPen.NO_PEN)
