"""The application's layout manager: view nodes and widgets as the layout node's own descriptions ask for."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .mrml import RealScene
from .pythonqt import invokable
from .view_widgets import qMRMLPlotWidget, qMRMLSliceWidget, qMRMLThreeDWidget
from .views import SliceView, ThreeDView

_WIDGETS = {
    "vtkMRMLSliceNode": qMRMLSliceWidget,
    "vtkMRMLViewNode": qMRMLThreeDWidget,
    "vtkMRMLPlotViewNode": qMRMLPlotWidget,
}
_Items = list[tuple[ElementTree.Element, QtWidgets.QWidget]]
_DIRECTIONS = {"horizontal": QtCore.Qt.Horizontal, "vertical": QtCore.Qt.Vertical}


class qSlicerLayoutManager(QtCore.QObject):
    """What ``slicer.app.layoutManager()`` gives.

    Slicer's own layout logic makes the view nodes that a description names; here are the widgets, arranged on ``viewport``.
    """

    layoutChanged = Signal(int)

    def __init__(self, host: RealScene, viewport: QtWidgets.QWidget) -> None:
        super().__init__(viewport)
        self._host, self._viewport = host, viewport
        self._widgets: dict[str, qMRMLSliceWidget | qMRMLThreeDWidget | qMRMLPlotWidget] = {}
        self._arrangement: QtWidgets.QWidget | None = None
        self._shown: tuple[int, str] | None = None
        self._visible: list[str] = []
        QtWidgets.QVBoxLayout(viewport).setContentsMargins(0, 0, 0, 0)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(host.application_logic)
        self._logic.SetMRMLScene(host.scene)
        self._node = self._logic.GetLayoutNode()
        self._observation = self._node.AddObserver("ModifiedEvent", lambda *_: self._update())
        self._node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    # -- what Python sees ----------------------------------------------------------------------------------------------

    @invokable
    def setLayout(self, layout: int) -> None:
        self._node.SetViewArrangement(layout)

    layout = Property(int, lambda self: self._node.GetViewArrangement(), setLayout)

    @invokable
    def layoutLogic(self) -> slicer.vtkMRMLLayoutLogic:
        return self._logic

    @invokable
    def mrmlScene(self) -> slicer.vtkMRMLScene:
        return self._host.scene

    @invokable
    def sliceViewNames(self) -> list[str]:
        return [name for name, widget in self._widgets.items() if isinstance(widget, qMRMLSliceWidget)]

    @invokable
    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        widget = self._widgets.get(name)
        return widget if isinstance(widget, qMRMLSliceWidget) else None

    @invokable
    def threeDWidget(self, index: int | str) -> qMRMLThreeDWidget | None:
        widgets = [widget for widget in self._widgets.values() if isinstance(widget, qMRMLThreeDWidget)]
        if isinstance(index, str):
            return next((widget for widget in widgets if widget.mrmlViewNode().GetLayoutName() == index), None)
        return widgets[index] if index < len(widgets) else None

    threeDViewCount = Property(
        int, lambda self: sum(isinstance(widget, qMRMLThreeDWidget) for widget in self._widgets.values())
    )

    @invokable
    def plotWidget(self, index: int) -> qMRMLPlotWidget | None:
        widgets = [widget for widget in self._widgets.values() if isinstance(widget, qMRMLPlotWidget)]
        return widgets[index] if index < len(widgets) else None

    plotViewCount = Property(int, lambda self: sum(isinstance(widget, qMRMLPlotWidget) for widget in self._widgets.values()))

    @invokable
    def mrmlSliceLogics(self) -> vtk.vtkCollection:
        return self._host.application_logic.GetSliceLogics()

    @invokable
    def resetSliceViews(self) -> None:
        for name in self.sliceViewNames():
            self._widgets[name].fitSliceToBackground()

    @invokable
    def resetThreeDViews(self) -> None:
        for widget in self._widgets.values():
            if isinstance(widget, qMRMLThreeDWidget):
                widget.view().reset()

    # -- what a test sees ----------------------------------------------------------------------------------------------

    def view(self, name: str) -> SliceView | ThreeDView:
        """The real view of that layout name; it must be in the present layout."""
        assert name in self.visible_views(), f"{name} is not in the layout, but {self.visible_views()}"
        return self._widgets[name].view()

    def visible_views(self) -> list[str]:
        """The layout names of the views that are shown, in the order of the layout."""
        return list(self._visible)

    def draw(self) -> None:
        """Draw all views of the layout."""
        for name in self.visible_views():
            self._widgets[name].draw()

    def close(self) -> None:
        """Let go of the scene and of all views."""
        self._node.RemoveObserver(self._observation)
        for widget in self._widgets.values():
            widget.let_go()
            widget.deleteLater()
        self._widgets.clear()
        self._logic.SetMRMLScene(None)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _update(self) -> None:
        description = self._node.GetLayoutDescription(self._node.GetViewArrangement())
        shown = (self._node.GetViewArrangement(), description)
        if shown == self._shown or not description:
            return
        self._shown = shown
        self._visible.clear()
        for widget in self._widgets.values():
            widget.setParent(None)
            widget._node.SetMappedInLayout(False)
        if self._arrangement is not None:
            self._arrangement.deleteLater()
        self._arrangement = self._build(ElementTree.fromstring(description))
        self._viewport.layout().addWidget(self._arrangement)
        self.layoutChanged.emit(shown[0])

    def _build(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        if element.tag == "view":
            return self._view_widget(element)
        kind = element.get("type", "horizontal")
        children = [(item, self._build(item[0])) for item in element.findall("item")]
        if kind == "tab":
            tabs = QtWidgets.QTabWidget()
            for item, child in children:
                tabs.addTab(child, item.get("name", ""))
            return tabs
        return _grid(children) if kind == "grid" else _row(children, _DIRECTIONS[kind])

    def _view_widget(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        kind, name = element.get("class"), element.get("singletontag")
        if kind not in _WIDGETS:
            return QtWidgets.QLabel(f"{kind} {name}")  # tables are not drawn
        node: Any = self._host.scene.GetSingletonNode(name, kind)
        if name not in self._widgets:
            self._widgets[name] = _WIDGETS[kind](self._host, node)
        node.SetMappedInLayout(True)
        self._visible.append(name)
        return self._widgets[name]


def _grid(children: _Items) -> QtWidgets.QWidget:
    page = QtWidgets.QWidget()
    grid = QtWidgets.QGridLayout(page)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setSpacing(2)
    for item, child in children:
        defaults = {"row": 0, "column": 0, "rowspan": 1, "colspan": 1}
        grid.addWidget(child, *(int(item.get(key, default)) for key, default in defaults.items()))
    return page


def _row(
    children: list[tuple[ElementTree.Element, QtWidgets.QWidget]], direction: QtCore.Qt.Orientation
) -> QtWidgets.QWidget:
    splitter = QtWidgets.QSplitter(direction)
    splitter.setHandleWidth(2)
    for _, child in children:
        child.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)
        splitter.addWidget(child)
    splitter.setSizes([int(item.get("splitSize", 500)) for item, _ in children])
    return splitter
