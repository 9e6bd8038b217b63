"""The application's view widgets: what Python sees of a slice, 3-D or plot view, and its place in the window.

Logics are there from the start, as in the application; the real view behind a widget is made when somebody looks.
"""

from __future__ import annotations

from typing import ClassVar

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .mrml import RealScene
from .plots import PlotView
from .pythonqt import invokable
from .views import SliceView, ThreeDView, slice_logic

_BAR_HEIGHT = 20


class _ViewWidget(QtWidgets.QWidget):
    """A coloured bar with the view's label, and the picture below."""

    def __init__(self, host: RealScene, node: slicer.vtkMRMLAbstractViewNode) -> None:
        super().__init__()
        self._host, self._node = host, node
        self._view: SliceView | ThreeDView | PlotView | None = None
        self._picture = QtGui.QImage()
        self.setObjectName(f"{type(self).__name__}{node.GetLayoutName()}")
        self.setMinimumSize(40, 40)

    def view(self) -> SliceView | ThreeDView | PlotView:
        """The real view, made when first asked for."""
        if self._view is None:
            self._view = self._make_view()
        return self._view

    def draw(self) -> None:
        """Draw the view anew, in the widget's present size."""
        size = (max(self.width(), 40), max(self.height() - _BAR_HEIGHT, 40))
        if self.view().size != size:
            self.view().resize(size)
        pixels = self.view().image()
        height, width, _ = pixels.shape
        self._picture = QtGui.QImage(pixels.tobytes(), width, height, 3 * width, QtGui.QImage.Format_RGB888).copy()
        self.update()

    def let_go(self) -> None:
        """Close the real view."""
        if self._view is not None:
            self._view.close()
            self._view = None

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        colour = QtGui.QColor.fromRgbF(*self._node.GetLayoutColor())
        painter.fillRect(0, 0, self.width(), _BAR_HEIGHT, colour)
        painter.setPen(QtCore.Qt.white if colour.lightnessF() < 0.6 else QtCore.Qt.black)
        bar = QtCore.QRect(6, 0, self.width() - 12, _BAR_HEIGHT)
        painter.drawText(bar, QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft, self._node.GetLayoutLabel() or "")
        painter.drawText(bar, QtCore.Qt.AlignVCenter | QtCore.Qt.AlignRight, self._note())
        painter.drawImage(0, _BAR_HEIGHT, self._picture)

    def _make_view(self) -> SliceView | ThreeDView | PlotView:
        raise NotImplementedError

    def _note(self) -> str:
        return ""


class qMRMLSliceWidget(_ViewWidget):
    """A slice view."""

    def __init__(self, host: RealScene, node: slicer.vtkMRMLSliceNode) -> None:
        super().__init__(host, node)
        self._logic = slice_logic(host, node.GetLayoutName())
        self._logic.ResizeSliceNode(250, 250)
        self._controller = qMRMLSliceControllerWidget(self)

    @invokable
    def sliceLogic(self) -> slicer.vtkMRMLSliceLogic:
        return self._logic

    @invokable
    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._node

    @invokable
    def mrmlSliceCompositeNode(self) -> slicer.vtkMRMLSliceCompositeNode:
        return self._logic.GetSliceCompositeNode()

    @invokable
    def sliceController(self) -> qMRMLSliceControllerWidget:
        return self._controller

    @invokable
    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    sliceViewName = Property(str, lambda self: self._node.GetLayoutName())
    sliceOrientation = Property(
        str, lambda self: self._node.GetOrientation(), lambda self, value: self._node.SetOrientation(value)
    )

    def _make_view(self) -> SliceView:
        return SliceView(self._host, self._node.GetLayoutName(), None, (self.width(), self.height()))

    def _note(self) -> str:
        letter = {"Axial": "S", "Coronal": "A", "Sagittal": "R"}.get(self._node.GetOrientation(), "")
        return f"{letter}: {self._logic.GetSliceOffset():.1f} mm"


class qMRMLSliceControllerWidget(QtCore.QObject):
    """The bar of a slice view: its offset, and whether it is linked to others."""

    def __init__(self, widget: qMRMLSliceWidget) -> None:
        super().__init__(widget)
        self._widget = widget

    @invokable
    def setSliceLink(self, linked: bool) -> None:
        self._widget.mrmlSliceCompositeNode().SetLinkedControl(linked)

    @invokable
    def setSliceOffsetValue(self, offset: float) -> None:
        logic = self._widget.sliceLogic()
        logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.SliceToRASFlag)
        logic.SetSliceOffset(offset)
        logic.EndSliceNodeInteraction()

    @invokable
    def fitSliceToBackground(self) -> None:
        self._widget.fitSliceToBackground()

    @invokable
    def mrmlSliceNode(self) -> slicer.vtkMRMLSliceNode:
        return self._widget.mrmlSliceNode()


class qMRMLThreeDWidget(_ViewWidget):
    """A 3-D view."""

    @invokable
    def mrmlViewNode(self) -> slicer.vtkMRMLViewNode:
        return self._node

    @invokable
    def threeDView(self) -> qMRMLThreeDView:
        return qMRMLThreeDView(self)

    def _make_view(self) -> ThreeDView:
        return ThreeDView(self._host, self._node.GetLayoutName(), (self.width(), self.height()))


class qMRMLThreeDView(QtCore.QObject):
    """The picture of a 3-D view."""

    def __init__(self, widget: qMRMLThreeDWidget) -> None:
        super().__init__(widget)
        self._widget = widget

    @invokable
    def resetFocalPoint(self) -> None:
        self._widget.view().reset()

    @invokable
    def mrmlViewNode(self) -> slicer.vtkMRMLViewNode:
        return self._widget.mrmlViewNode()


class qMRMLPlotWidget(_ViewWidget):
    """A plot view."""

    def __init__(self, host: RealScene, node: slicer.vtkMRMLPlotViewNode) -> None:
        super().__init__(host, node)
        self._plot_view = qMRMLPlotView(self)

    @invokable
    def mrmlPlotViewNode(self) -> slicer.vtkMRMLPlotViewNode:
        return self._node

    @invokable
    def plotView(self) -> qMRMLPlotView:
        return self._plot_view

    def _make_view(self) -> PlotView:
        return PlotView(self._node, (self.width(), self.height()))


class qMRMLPlotView(QtCore.QObject):
    """The chart of a plot view."""

    dataSelected = Signal(object, object)
    cpp_signals: ClassVar[dict[str, str]] = {"dataSelected(vtkStringArray*, vtkCollection*)": "dataSelected"}

    def __init__(self, parent: QtWidgets.QWidget) -> None:
        super().__init__(parent)
        self._selections: dict[str, vtk.vtkIdTypeArray] = {}

    def click(self, series: slicer.vtkMRMLPlotSeriesNode, point: int) -> None:
        """Select a point of what is plotted (for tests; the application does this when a person clicks it).

        VTK tells of it before and after, and the points selected in other curves stay selected.
        """
        self._tell()
        points = vtk.vtkIdTypeArray()
        points.InsertNextValue(point)
        self._selections[series.GetID()] = points
        self._tell()

    def _tell(self) -> None:
        identifiers, selections = vtk.vtkStringArray(), vtk.vtkCollection()
        for identifier, points in self._selections.items():
            identifiers.InsertNextValue(identifier)
            selections.AddItem(points)
        self.dataSelected.emit(identifiers, selections)
