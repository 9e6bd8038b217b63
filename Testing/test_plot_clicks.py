"""Clicks in plots lead to the point that was clicked, though VTK tells of points that were clicked before too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
import slicer
import vtk
from host.application import Application
from host.plots import PlotView
from host.view_widgets import qMRMLPlotView
from KeypointRegistrationLib.panel.plot_clicks import PlotClicks

LAYOUT = 999
Heard = list[tuple[str, int]]


@pytest.fixture
def series(application: Application) -> tuple[slicer.vtkMRMLPlotSeriesNode, slicer.vtkMRMLPlotSeriesNode]:
    """Two curves, R and S, in the one plot view that is shown."""
    scene = slicer.mrmlScene
    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    chart.SetTitle("Motion")
    chart.SetXAxisTitle("Time")
    chart.SetYAxisTitle("Rotation")
    for name, slope in (("x", 1.0), ("R", 1.0), ("S", 2.0)):
        column = vtk.vtkDoubleArray()
        column.SetName(name)
        for row in range(6):
            column.InsertNextValue(slope * row)
        table.AddColumn(column)
    for name in "RS":
        node = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
        node.SetAndObserveTableNodeID(table.GetID())
        node.SetXColumnName("x")
        node.SetYColumnName(name)
        chart.AddAndObservePlotSeriesNodeID(node.GetID())
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layout.AddLayoutDescription(
        LAYOUT,
        '<layout type="vertical"><item><view class="vtkMRMLPlotViewNode" singletontag="Plot"></view></item></layout>',
    )
    layout.SetViewArrangement(LAYOUT)
    scene.GetSingletonNode("Plot", "vtkMRMLPlotViewNode").SetPlotChartNodeID(chart.GetID())
    return chart.GetNthPlotSeriesNode(0), chart.GetNthPlotSeriesNode(1)


@pytest.fixture
def view(application: Application, series: object) -> qMRMLPlotView:
    return application.layout_manager.plotWidget(0).plotView()


@pytest.fixture
def heard(view: qMRMLPlotView) -> Iterator[Heard]:
    """What a listener is told."""
    heard: Heard = []
    clicks = PlotClicks(lambda node, point: heard.append((node.GetName(), point)))
    clicks.listen()
    yield heard
    clicks.close()


def test_a_click_on_another_curve_leads_to_its_own_point(view: qMRMLPlotView, series: tuple, heard: Heard) -> None:
    view.click(series[0], 1)
    view.click(series[1], 4)
    view.click(series[0], 2)
    assert heard == [("R", 1), ("S", 4), ("R", 2)]


def test_the_same_point_can_be_clicked_again(view: qMRMLPlotView, series: tuple, heard: Heard) -> None:
    """One has gone to another frame meanwhile."""
    view.click(series[0], 3)
    view.click(series[0], 3)
    assert heard == [("R", 3), ("R", 3)]


def test_nothing_is_heard_after_the_end(view: qMRMLPlotView, series: tuple) -> None:
    heard: Heard = []
    clicks = PlotClicks(lambda node, point: heard.append((node.GetName(), point)))
    clicks.listen()
    clicks.close()
    view.click(series[0], 3)
    assert heard == []


def test_listening_anew_does_not_take_up_earlier_clicks(view: qMRMLPlotView, series: tuple) -> None:
    heard: Heard = []
    clicks = PlotClicks(lambda node, point: heard.append((node.GetName(), point)))
    clicks.listen()
    view.click(series[0], 3)
    clicks.listen()
    view.click(series[1], 5)
    assert heard == [("R", 3), ("S", 5)]
    clicks.close()


def test_the_stand_in_tells_of_clicks_as_a_chart_of_vtk_does(
    application: Application, view: qMRMLPlotView, series: tuple
) -> None:
    clicks = [(0, 1), (1, 4), (0, 2), (0, 2)]
    told: list[dict[str, object]] = []

    def selected(identifiers: vtk.vtkStringArray, selections: vtk.vtkCollection) -> None:
        names = [
            slicer.mrmlScene.GetNodeByID(identifiers.GetValue(n)).GetName() for n in range(identifiers.GetNumberOfValues())
        ]
        told.append({name: selections.GetItemAsObject(n) for n, name in enumerate(names)})

    view.dataSelected.connect(selected)
    for curve, point in clicks:
        view.click(series[curve], point)
    chart = RealChart(slicer.mrmlScene.GetSingletonNode("Plot", "vtkMRMLPlotViewNode"))
    for curve, point in clicks:
        chart.click(point, (1.0, 2.0)[curve] * point)
    assert [numbers(event) for event in told] == [numbers(event) for event in chart.told]
    assert [kept(*pair) for pair in pairwise(told)] == [kept(*pair) for pair in pairwise(chart.told)]


class RealChart:
    """A chart of VTK with a mouse; remembers the selections of its curves at every event."""

    def __init__(self, node: slicer.vtkMRMLPlotViewNode) -> None:
        self.told: list[dict[str, object]] = []
        self._view = PlotView(node, (400, 300))
        self._view.image()
        self._chart, self._mouse = self._view._chart, self._view._view.GetInteractor()
        self._mouse.Initialize()
        self._chart.SetClickActionToButton(vtk.vtkChart.SELECT, vtk.vtkContextMouseEvent.LEFT_BUTTON)  # as Slicer does
        self._chart.AddObserver(vtk.vtkCommand.SelectionChangedEvent, lambda *_: self.told.append(self._selections()))

    def click(self, x: float, y: float) -> None:
        """Click a point in the units of the axes."""
        at = [round(self._pixel(axis, value)) for axis, value in ((1, x), (0, y))]
        self._mouse.SetEventInformation(*at, 0, 0)
        for event in ("MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
            self._mouse.InvokeEvent(event)

    def _pixel(self, axis: int, value: float) -> float:
        low, high = self._chart.GetAxis(axis).GetMinimum(), self._chart.GetAxis(axis).GetMaximum()
        start, end = self._chart.GetPoint1()[1 - axis], self._chart.GetPoint2()[1 - axis]
        return start + (value - low) / (high - low) * (end - start)

    def _selections(self) -> dict[str, object]:
        plots = [self._chart.GetPlot(n) for n in range(self._chart.GetNumberOfPlots())]
        return {
            plot.GetLabel(): plot.GetSelection()
            for plot in plots
            if plot.GetSelection() is not None and plot.GetSelection().GetNumberOfValues()
        }


def numbers(event: dict) -> dict[str, list[int]]:
    """The points that are selected, by their curves."""
    return {name: [points.GetValue(n) for n in range(points.GetNumberOfValues())] for name, points in event.items()}


def kept(before: dict, after: dict) -> dict[str, bool]:
    """Whether a curve's selection is still the same object as in the event before."""
    return {name: after[name] is before.get(name) for name in after}
