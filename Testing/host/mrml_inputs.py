"""Further qMRML widgets over the real scene: a number with units, and several nodes at once."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .ctk_inputs import ctkSliderWidget
from .pythonqt import invokable
from .widgets import _check_class, qMRMLNodeComboBox


class qMRMLSliderWidget(ctkSliderWidget):
    """A slider whose number has a quantity; the stand-in knows millimetres only."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._quantity = ""
        self._scene: slicer.vtkMRMLScene | None = None

    def _set_quantity(self, quantity: str) -> None:
        self._quantity = quantity
        self._box.setSuffix(" mm" if quantity == "length" else "")

    quantity = Property(str, lambda self: self._quantity, _set_quantity)

    @invokable
    def mrmlScene(self) -> slicer.vtkMRMLScene | None:
        return self._scene

    @invokable
    def setMRMLScene(self, scene: slicer.vtkMRMLScene | None) -> None:
        _check_class(scene, "vtkMRMLScene")
        self._scene = scene


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """A list of nodes, each of which can be ticked."""

    checkedNodesChanged = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._list.setPlaceholderText("None")
        self._list.view().pressed.connect(lambda index: self._toggle(self._rows[index.row()]))

    @invokable
    def checkedNodes(self) -> list[slicer.vtkMRMLNode]:
        return [node for row, node in enumerate(self._rows) if node is not None and self._is_checked(row)]

    @invokable
    def checkState(self, node: slicer.vtkMRMLNode) -> QtCore.Qt.CheckState:
        _check_class(node, "vtkMRMLNode")
        row = self._row(node)
        return QtCore.Qt.Checked if row >= 0 and self._is_checked(row) else QtCore.Qt.Unchecked

    @invokable
    def setCheckState(self, node: slicer.vtkMRMLNode, state: QtCore.Qt.CheckState) -> None:
        _check_class(node, "vtkMRMLNode")
        row = self._row(node)
        if row >= 0 and self.checkState(node) != QtCore.Qt.CheckState(state):
            self._list.model().item(row).setCheckState(QtCore.Qt.CheckState(state))
            self._choose(None)
            self.checkedNodesChanged.emit()

    def _toggle(self, node: slicer.vtkMRMLNode) -> None:
        is_checked = self.checkState(node) == QtCore.Qt.Checked
        self.setCheckState(node, QtCore.Qt.Unchecked if is_checked else QtCore.Qt.Checked)

    def _choose(self, _node: slicer.vtkMRMLNode | None) -> None:
        """Nothing is the current node; the closed list shows what is ticked."""
        ticked = self.checkedNodes() if self._list.count() == len(self._rows) else []
        self._list.setCurrentIndex(-1)
        self._list.setPlaceholderText(", ".join(node.GetName() for node in ticked) or "None")

    def _row(self, node: slicer.vtkMRMLNode) -> int:
        return next((row for row, known in enumerate(self._rows) if known is node), -1)

    def _is_checked(self, row: int) -> bool:
        return self._list.model().item(row).checkState() == QtCore.Qt.Checked

    def _refresh(self) -> None:
        checked = self.checkedNodes() if self._list.count() == len(self._rows) else []
        super()._refresh()
        for row, node in enumerate(self._rows):
            ticked = any(node is known for known in checked)
            item = self._list.model().item(row)
            item.setFlags(QtCore.Qt.ItemIsUserCheckable | QtCore.Qt.ItemIsEnabled)
            item.setCheckState(QtCore.Qt.Checked if ticked else QtCore.Qt.Unchecked)
        self._choose(None)
        if len(self.checkedNodes()) != len(checked):
            self.checkedNodesChanged.emit()

    noneEnabled = Property(bool, lambda self: True, lambda self, value: None)


def custom_widgets(*modules: Any) -> tuple[type[QtWidgets.QWidget], ...]:
    """The widget classes of CTK and qMRML that the modules define or import."""
    found = {
        value
        for module in modules
        for name, value in vars(module).items()
        if name.startswith(("ctk", "qMRML")) and isinstance(value, type) and issubclass(value, QtWidgets.QWidget)
    }
    return tuple(sorted(found, key=lambda cls: cls.__name__))
