"""The CTK and qMRML widgets that the panel uses, on PySide6, over the real scene.

Only what is a property, a signal or marked ``invokable`` here exists for Python, as with the C++ classes they stand for.
``cpp_signals`` gives the C++ signatures of signals whose arguments PySide6 cannot name.
"""

from __future__ import annotations

from typing import Any, ClassVar

import shiboken6
import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .calls import WrongVtkClass
from .pythonqt import invokable


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A title that shows or hides what is below it."""

    contentsCollapsed = Signal(bool)
    _title = ""
    _collapsed = False
    _is_showing = False
    _height = 24

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, self._height, 0, 0)
        self.setFocusPolicy(QtCore.Qt.TabFocus)

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width(), self._height)
        painter = QtWidgets.QStylePainter(self)
        painter.drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option)
        option.rect = QtCore.QRect(8, 6, 12, 12)
        arrow = QtWidgets.QStyle.PE_IndicatorArrowRight if self._collapsed else QtWidgets.QStyle.PE_IndicatorArrowDown
        painter.drawPrimitive(arrow, option)
        painter.drawText(QtCore.QRect(26, 0, self.width() - 26, self._height), QtCore.Qt.AlignVCenter, self._title)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        if event.position().y() < self._height:
            self._set_collapsed(not self._collapsed)

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        if event.added() and event.child().isWidgetType():
            event.child().installEventFilter(self)
            if self._collapsed:
                self._show_child(event.child(), False)

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """As CTK does: what was hidden on purpose stays hidden when the section is opened."""
        if not self._is_showing and event.type() in (QtCore.QEvent.ShowToParent, QtCore.QEvent.HideToParent):
            child.setProperty("visibilityToParent", event.type() == QtCore.QEvent.ShowToParent)
            if self._collapsed and event.type() == QtCore.QEvent.ShowToParent:
                self._show_child(child, False)
        return False

    def _show_child(self, child: QtWidgets.QWidget, visible: bool) -> None:
        self._is_showing = True
        child.setVisible(visible and child.property("visibilityToParent") is not False)
        self._is_showing = False

    def minimumSizeHint(self) -> QtCore.QSize:
        return QtCore.QSize(60, self._height) if self._collapsed else super().minimumSizeHint()

    def sizeHint(self) -> QtCore.QSize:
        return self.minimumSizeHint() if self._collapsed else super().sizeHint()

    def _set_collapsed(self, collapsed: bool) -> None:
        changed = collapsed != self._collapsed
        self._collapsed = collapsed
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            self._show_child(child, not collapsed)
        self.setMaximumHeight(self._height if collapsed else 16777215)
        self.updateGeometry()
        if changed:
            self.contentsCollapsed.emit(collapsed)

    def _set_text(self, text: str) -> None:
        self._title = text
        self.update()

    text = Property(str, lambda self: self._title, _set_text)
    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)


class qMRMLWidget(QtWidgets.QWidget):
    """The root of a panel: hands the scene on to the widgets inside."""

    mrmlSceneChanged = Signal(object)
    cpp_signals: ClassVar[dict[str, str]] = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: slicer.vtkMRMLScene | None = None

    @invokable
    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    @invokable
    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        _check_class(scene, "vtkMRMLScene")
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Chooses a node of given classes from the scene."""

    currentNodeChanged = Signal(object)
    currentNodeValid = Signal(bool)
    currentNodeIDChanged = Signal(str)
    cpp_signals: ClassVar[dict[str, str]] = {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "currentNodeValid",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: slicer.vtkMRMLScene | None = None
        self._observations: list[int] = []
        self._node: slicer.vtkMRMLNode | None = None
        self._rows: list[slicer.vtkMRMLNode | None] = []
        self._settings: dict[str, Any] = {"nodeTypes": [], "noneEnabled": False, "noneDisplay": "None", "enabledActions": {}}
        self._list = QtWidgets.QComboBox(self)
        self._list.setObjectName("qt_node_list")
        self._list.setMinimumContentsLength(6)
        self._list.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)
        self._list.activated.connect(lambda index: self._choose(self._rows[index]))

    # -- what Python sees ----------------------------------------------------------------------------------------------

    @invokable
    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    @invokable
    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        _check_class(scene, "vtkMRMLScene")
        if self._scene is not None:
            for tag in self._observations:
                self._scene.RemoveObserver(tag)
        self._scene, self._observations = scene, []
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent):
                self._observations.append(scene.AddObserver(event, lambda *_: self._on_scene_event()))
        self._refresh()

    @invokable
    def currentNode(self) -> slicer.vtkMRMLNode | None:
        return self._node

    @invokable
    def setCurrentNode(self, node: slicer.vtkMRMLNode | None) -> None:
        """Choose a node; one that is not in the list means none."""
        _check_class(node, "vtkMRMLNode")
        self._choose(node if any(node is candidate for candidate in self._candidates()) else None)

    @invokable
    def nodeCount(self) -> int:
        return len(self._candidates())

    @invokable
    def setCurrentNodeID(self, node_id: str) -> None:
        self.setCurrentNode(self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None)

    def _node_id(self) -> str:
        return self._node.GetID() if self._node is not None else ""

    currentNodeID = Property(str, _node_id, setCurrentNodeID)
    nodeTypes = Property(
        list, lambda self: self._settings["nodeTypes"], lambda self, value: self._set("nodeTypes", list(value))
    )
    noneEnabled = Property(
        bool, lambda self: self._settings["noneEnabled"], lambda self, value: self._set("noneEnabled", value)
    )
    noneDisplay = Property(
        str, lambda self: self._settings["noneDisplay"], lambda self, value: self._set("noneDisplay", value)
    )

    # The list of the stand-in has no menu, so these only have to be what the panel needs: present.
    def _plain(name: str, kind: type, default: Any) -> Property:
        def read(self: qMRMLNodeComboBox) -> Any:
            return self._settings.get(name, default)

        def write(self: qMRMLNodeComboBox, value: Any) -> None:
            self._set(name, value)

        return Property(kind, read, write)

    showHidden = _plain("showHidden", bool, False)
    showChildNodeTypes = _plain("showChildNodeTypes", bool, True)
    addEnabled = _plain("addEnabled", bool, True)
    removeEnabled = _plain("removeEnabled", bool, True)
    editEnabled = _plain("editEnabled", bool, False)
    renameEnabled = _plain("renameEnabled", bool, False)
    selectNodeUponCreation = _plain("selectNodeUponCreation", bool, True)
    del _plain

    # -- inside --------------------------------------------------------------------------------------------------------

    def _set(self, name: str, value: Any) -> None:
        self._settings[name] = value
        self._refresh()

    def _on_scene_event(self) -> None:
        if shiboken6.isValid(self):
            self._refresh()
        else:  # deleted together with its parent
            for tag in self._observations:
                self._scene.RemoveObserver(tag)

    def _candidates(self) -> list[slicer.vtkMRMLNode]:
        if self._scene is None or self._scene.IsClosing():
            return []
        nodes = [self._scene.GetNthNode(n) for n in range(self._scene.GetNumberOfNodes())]
        with_children = self._settings.get("showChildNodeTypes", True)
        hidden = self._settings.get("showHidden", False)
        return [
            node
            for node in nodes
            if any(node.IsA(kind) if with_children else node.GetClassName() == kind for kind in self._settings["nodeTypes"])
            and (hidden or not node.GetHideFromEditors())
        ]

    def _refresh(self) -> None:
        candidates = self._candidates()
        self._rows = [None, *candidates] if self._settings["noneEnabled"] or not candidates else candidates
        self._list.clear()
        self._list.addItems([self._settings["noneDisplay"] if node is None else node.GetName() for node in self._rows])
        current = self._node if any(self._node is node for node in candidates) else None
        if current is None and candidates and not self._settings["noneEnabled"]:
            current = candidates[0]
        self._choose(current)

    def _choose(self, node: slicer.vtkMRMLNode | None) -> None:
        self._list.setCurrentIndex(next((row for row, item in enumerate(self._rows) if item is node), -1))
        if node is self._node:
            return
        self._node = node
        self.currentNodeChanged.emit(node)
        self.currentNodeValid.emit(node is not None)
        self.currentNodeIDChanged.emit(self._node_id())


def _check_class(value: Any, class_name: str) -> None:
    """VTK arguments are checked by class, and the wrong one is a TypeError."""
    if value is not None and not (isinstance(value, vtk.vtkObject) and value.IsA(class_name)):
        raise WrongVtkClass(f"expected a {class_name}, got {type(value).__name__}")
