"""Which widget can show which parameter, and how: the connectors of the application's parameter nodes."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from PySide6 import QtWidgets

from .ctk_inputs import ctkDirectoryButton, ctkPathLineEdit, ctkSliderWidget
from .parameter_types import Choice, Decimals, Maximum, Minimum, ParameterType, SingleStep, WithinRange
from .pythonqt import Wrapper
from .widgets import qMRMLNodeComboBox


class Binding:
    """A widget that shows and changes one parameter."""

    def __init__(self, signal: str, show: Callable[[Any], Any], value: Callable[[], Any]) -> None:
        self.signal, self.show, self.value = signal, show, value


def binding(widget: Wrapper, parameter: ParameterType) -> Binding:
    """How the widget shows the parameter.

    Raises:
        ValueError: if the application has no connector for this widget and type.
    """
    qt = widget._qt
    if parameter.is_node and isinstance(qt, qMRMLNodeComboBox):
        return Binding("currentNodeChanged(vtkMRMLNode*)", qt.setCurrentNode, qt.currentNode)
    kind = type(qt)
    if parameter.type is bool and kind in (QtWidgets.QCheckBox, QtWidgets.QPushButton):
        if not qt.isCheckable():
            raise ValueError(f"{widget.name} shows a bool and must be checkable")
        return Binding("toggled(bool)", qt.setChecked, qt.isChecked)
    if kind is QtWidgets.QComboBox:
        return _list_binding(qt, parameter)
    if (parameter.type, kind) in _NUMBERS:
        return _number_binding(qt, parameter)
    if parameter.type is str and kind is QtWidgets.QLineEdit:
        return Binding("textChanged(QString)", qt.setText, qt.text)
    if parameter.type is str and kind in (QtWidgets.QTextEdit, QtWidgets.QPlainTextEdit):
        return Binding("textChanged()", qt.setPlainText, qt.toPlainText)
    if issubclass(parameter.type, pathlib.PurePath) and kind in _PATH_PROPERTIES:
        name, signal = _PATH_PROPERTIES[kind]
        return Binding(signal, lambda path: qt.setProperty(name, str(path)), lambda: parameter.type(qt.property(name)))
    raise ValueError(f"a {qt.metaObject().className()} cannot be bound to a parameter of type {parameter.type}")


_NUMBERS = {
    (int, QtWidgets.QSpinBox): "valueChanged(int)",
    (int, QtWidgets.QSlider): "valueChanged(int)",
    (float, QtWidgets.QDoubleSpinBox): "valueChanged(double)",
    (float, ctkSliderWidget): "valueChanged(double)",
}
_PATH_PROPERTIES = {
    ctkPathLineEdit: ("currentPath", "currentPathChanged(QString)"),
    ctkDirectoryButton: ("directory", "directoryChanged(QString)"),
}
_SLIDERS = (QtWidgets.QSlider, ctkSliderWidget)


def _list_binding(qt: QtWidgets.QComboBox, parameter: ParameterType) -> Binding:
    """A list is filled anew with the choices or the members of the enum."""
    choice = parameter.annotation(Choice)
    if parameter.is_enum:
        choices = list(parameter.type)
        texts = [choice.label() if hasattr(choice, "label") else choice.name for choice in choices]
    elif choice is not None:
        choices, texts = choice.choices, [str(entry) for entry in choice.choices]
    else:
        raise ValueError(f"{parameter.name}: a list needs an enum or Choice")
    qt.clear()
    qt.addItems(texts)
    return Binding(
        "currentIndexChanged(int)",
        lambda value: qt.setCurrentIndex(choices.index(value)),
        lambda: choices[qt.currentIndex()],
    )


def _number_binding(qt: QtWidgets.QWidget, parameter: ParameterType) -> Binding:
    """The widget takes range, step and decimals from the annotations; a slider cannot do without a range."""
    within, low, high = (parameter.annotation(kind) for kind in (WithinRange, Minimum, Maximum))
    low = within or low
    high = within or high
    if isinstance(qt, _SLIDERS) and (low is None or high is None):
        raise ValueError(f"{parameter.name}: a slider needs a range")
    for name, kind in (("decimals", Decimals), ("singleStep", SingleStep)):
        annotation = parameter.annotation(kind)
        if annotation is not None:
            qt.setProperty(name, annotation.value)
    whole = parameter.type is int
    qt.setProperty("minimum", low.minimum if low is not None else -(2**31) if whole else float("-inf"))
    qt.setProperty("maximum", high.maximum if high is not None else 2**31 - 1 if whole else float("inf"))
    signal = _NUMBERS[parameter.type, type(qt)]
    return Binding(signal, lambda value: qt.setProperty("value", value), lambda: qt.property("value"))
