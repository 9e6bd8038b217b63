"""CTK widgets for numbers, files and choices, on PySide6.

As in ``widgets``, only properties, signals and what is marked ``invokable`` exists for Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .dialogs import QFileDialog
from .pythonqt import invokable


def _passed_on(name: str, kind: type, child: str) -> Property:
    """A property that a child widget has under the same name."""
    setter = f"set{name[0].upper()}{name[1:]}"

    def read(self: QtWidgets.QWidget) -> Any:
        return getattr(getattr(self, child), name)()

    def write(self: QtWidgets.QWidget, value: Any) -> None:
        getattr(getattr(self, child), setter)(value)

    return Property(kind, read, write)


class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A number with decimals."""

    valueChanged = Signal(float)
    editingFinished = Signal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox(self)
        self._box.setObjectName("qt_spinbox")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self.setFocusProxy(self._box)
        self._box.valueChanged.connect(self.valueChanged)
        self._box.editingFinished.connect(self.editingFinished)

    value = _passed_on("value", float, "_box")
    minimum = _passed_on("minimum", float, "_box")
    maximum = _passed_on("maximum", float, "_box")
    singleStep = _passed_on("singleStep", float, "_box")
    decimals = _passed_on("decimals", int, "_box")
    prefix = _passed_on("prefix", str, "_box")
    suffix = _passed_on("suffix", str, "_box")

    @invokable
    def setRange(self, minimum: float, maximum: float) -> None:
        self._box.setRange(minimum, maximum)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box for one number.  The slider has as many steps as fit into the range."""

    valueChanged = Signal(float)
    valueChanging = Signal(float)
    decimalsChanged = Signal(int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal, self)
        self._slider.setObjectName("Slider")
        self._box = QtWidgets.QDoubleSpinBox(self)
        self._box.setObjectName("SpinBox")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._tracking = True
        self._box.setMaximum(100.0)
        self._fit_slider()
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(lambda: self._box.setValue(self._slider_value()))
        self._box.valueChanged.connect(self._on_box)

    def _range_property(name: str) -> Property:
        setter = f"set{name[0].upper()}{name[1:]}"

        def read(self: ctkSliderWidget) -> float:
            return getattr(self._box, name)()

        def write(self: ctkSliderWidget, value: float) -> None:
            getattr(self._box, setter)(value)
            self._fit_slider()

        return Property(float, read, write)

    value = _passed_on("value", float, "_box")
    minimum = _range_property("minimum")
    maximum = _range_property("maximum")
    singleStep = _range_property("singleStep")
    decimals = _passed_on("decimals", int, "_box")
    prefix = _passed_on("prefix", str, "_box")
    suffix = _passed_on("suffix", str, "_box")
    pageStep = _passed_on("pageStep", int, "_slider")
    tracking = Property(bool, lambda self: self._tracking, lambda self, value: setattr(self, "_tracking", value))
    spinBoxVisible = Property(bool, lambda self: not self._box.isHidden(), lambda self, value: self._box.setVisible(value))
    del _range_property

    @invokable
    def setRange(self, minimum: float, maximum: float) -> None:
        self._box.setRange(minimum, maximum)
        self._fit_slider()

    def _fit_slider(self) -> None:
        blocker = QtCore.QSignalBlocker(self._slider)
        step = self._box.singleStep() or 1.0
        self._slider.setRange(0, max(0, round((self._box.maximum() - self._box.minimum()) / step)))
        self._slider.setValue(round((self._box.value() - self._box.minimum()) / step))
        blocker.unblock()

    def _slider_value(self) -> float:
        return self._box.minimum() + self._slider.value() * self._box.singleStep()

    def _on_slider(self, _steps: int) -> None:
        self.valueChanging.emit(self._slider_value())
        if self._tracking or not self._slider.isSliderDown():
            self._box.setValue(self._slider_value())

    def _on_box(self, value: float) -> None:
        self._fit_slider()
        self.valueChanged.emit(value)


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path to a file or folder, typed or chosen."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, NoSymLinks, Readable, Writable, Executable = (1 << bit for bit in range(7))

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = QtWidgets.QComboBox(self)
        self._line.setEditable(True)
        self._line.setObjectName("qt_path_line")
        self._line.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self._button = QtWidgets.QToolButton(self)
        self._button.setText("…")
        self._button.setObjectName("qt_path_button")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line, 1)
        layout.addWidget(self._button)
        self._plain: dict[str, Any] = {}
        self._button.clicked.connect(self.browse)
        self._line.editTextChanged.connect(self._on_text)

    def _kept(name: str, kind: type, default: Any) -> Property:
        def read(self: ctkPathLineEdit) -> Any:
            return self._plain.get(name, default)

        def write(self: ctkPathLineEdit, value: Any) -> None:
            self._plain[name] = value

        return Property(kind, read, write)

    currentPath = Property(
        str, lambda self: self._line.currentText(), lambda self, value: self._line.setEditText(str(value))
    )
    label = _kept("label", str, "")
    settingKey = _kept("settingKey", str, "")
    nameFilters = _kept("nameFilters", list, [])
    showHistoryButton = _kept("showHistoryButton", bool, True)
    showBrowseButton = _kept("showBrowseButton", bool, True)
    filters = _kept("filters", int, Dirs | Files | Readable)
    del _kept

    @invokable
    def addCurrentPathToHistory(self) -> None:
        if self._line.findText(self._line.currentText()) < 0:
            self._line.addItem(self._line.currentText())

    @invokable
    def browse(self) -> None:
        if not self.filters & self.Files:
            path = QFileDialog.getExistingDirectory(self)
        else:
            path = QFileDialog.getSaveFileName(self) if self.filters & self.Writable else QFileDialog.getOpenFileName(self)
        if path:
            self._line.setEditText(path)

    def _on_text(self, text: str) -> None:
        self.currentPathChanged.emit(text)
        self.validInputChanged.emit(Path(text).exists())


class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and lets the person choose another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._directory, self._caption = "", ""
        self._button = QtWidgets.QPushButton(self)
        self._button.setObjectName("qt_directory_button")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.clicked.connect(self.browse)

    def _set_directory(self, directory: str) -> None:
        changed = directory != self._directory
        self._directory = directory
        width = self._button.width() - 12
        self._button.setText(self._button.fontMetrics().elidedText(directory, QtCore.Qt.ElideMiddle, max(width, 120)))
        if changed:
            self.directoryChanged.emit(directory)

    directory = Property(str, lambda self: self._directory, _set_directory)
    caption = Property(str, lambda self: self._caption, lambda self, value: setattr(self, "_caption", value))

    @invokable
    def browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self._caption, self._directory)
        if path:
            self._set_directory(path)
            self.directorySelected.emit(path)


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A frame with a title whose contents can be hidden by clicking the title's box."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._show_contents)

    def _show_contents(self, shown: bool) -> None:
        for child in self.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            child.setVisible(shown)
        self.setMaximumHeight(16777215 if shown else self.fontMetrics().height() + 8)

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        if event.added() and event.child().isWidgetType() and not self.isChecked():
            event.child().setVisible(False)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, value: self.setChecked(not value))


class ctkComboBox(QtWidgets.QComboBox):
    """A list that shows a text of its own while nothing is chosen."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._default_text = ""

    def _set_default_text(self, text: str) -> None:
        self._default_text = text
        self.update()

    def paintEvent(self, _event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = option.currentText or self._default_text
        painter.drawComplexControl(QtWidgets.QStyle.CC_ComboBox, option)
        painter.drawControl(QtWidgets.QStyle.CE_ComboBoxLabel, option)

    defaultText = Property(str, lambda self: self._default_text, _set_default_text)
