"""Reading .ui files with the stand-in widgets, strictly: an unknown widget, property or signal is an error."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import ctk_inputs, mrml_inputs, widgets
from .signals import bound_signal

CUSTOM_WIDGETS = mrml_inputs.custom_widgets(widgets, ctk_inputs, mrml_inputs)

#: Properties of layouts and of Designer that QUiLoader treats by itself.
_DESIGNER_ATTRIBUTES = {"windowTitle"}


def load_ui(path: Path) -> QtWidgets.QWidget:
    """The widget that the file describes, with its connections made by C++ signature as Slicer's loader makes them.

    Raises:
        ValueError: if the file uses a class, property, signal or slot that does not exist.
    """
    tree = ElementTree.parse(path)
    connections = _take_connections(tree)
    _spell_out_flags(tree)
    loader = QtUiTools.QUiLoader()
    for custom in CUSTOM_WIDGETS:
        loader.registerCustomWidget(custom)
    buffer = QtCore.QBuffer()
    buffer.setData(ElementTree.tostring(tree.getroot()))
    buffer.open(QtCore.QIODevice.ReadOnly)
    root = loader.load(buffer)
    if root is None:
        raise ValueError(f"{path.name}: {loader.errorString()}")
    _check(tree, root, path.name)
    for sender, signal, receiver, slot in connections:
        _connect(root, sender, signal, receiver, slot, path.name)
    return root


def _take_connections(tree: ElementTree.ElementTree) -> list[tuple[str, str, str, str]]:
    """Remove the connections, which PySide6 could not make for VTK arguments, and return them."""
    root = tree.getroot()
    section = root.find("connections")
    if section is None:
        return []
    root.remove(section)
    return [tuple(entry.findtext(tag) for tag in ("sender", "signal", "receiver", "slot")) for entry in section]


def _spell_out_flags(tree: ElementTree.ElementTree) -> None:
    """Write flags of the stand-ins' own, as in ``ctkPathLineEdit::Dirs``, as the numbers that they are."""
    classes = {custom.__name__: custom for custom in CUSTOM_WIDGETS}
    for element in [*tree.iter("set"), *tree.iter("enum")]:
        parts = [part.split("::") for part in element.text.split("|")]
        if parts[0][0] in classes:
            element.text = str(sum(getattr(classes[kind], flag) for kind, flag in parts))
            element.tag = "number"


def _check(tree: ElementTree.ElementTree, root: QtWidgets.QWidget, file_name: str) -> None:
    names = [element.get("name") for element in tree.iter("widget")]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise ValueError(f"{file_name}: more than one widget is called {sorted(doubled)}")
    for element in tree.iter("widget"):
        widget = _find(root, element.get("name"), file_name)
        if widget.metaObject().className() != element.get("class"):
            raise ValueError(f"{file_name}: {element.get('name')} is no {element.get('class')}")
        for entry in element.findall("property"):
            name = entry.get("name")
            known = widget.metaObject().indexOfProperty(name) >= 0 or entry.get("stdset") == "0"
            if not known and name not in _DESIGNER_ATTRIBUTES:
                raise ValueError(f"{file_name}: {element.get('class')} has no property {name!r}")


def _find(root: QtWidgets.QWidget, name: str, file_name: str) -> QtWidgets.QWidget:
    found = root if root.objectName() == name else root.findChild(QtWidgets.QWidget, name)
    if found is None:
        raise ValueError(f"{file_name}: no widget is called {name!r}, or its class is unknown")
    return found


def _connect(root: QtWidgets.QWidget, sender: str, signal: str, receiver: str, slot: str, file_name: str) -> None:
    bound = bound_signal(_find(root, sender, file_name), signal)
    method = getattr(_find(root, receiver, file_name), slot.split("(")[0], None)
    if bound is None or method is None:
        raise ValueError(f"{file_name}: cannot connect {sender}.{signal} to {receiver}.{slot}")
    bound.connect(method)
