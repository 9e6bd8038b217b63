"""Stand-in for ``slicer.parameterNodeWrapper``: typed attributes kept in a scripted-module node and bound to widgets."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import slicer
from PySide6 import QtWidgets

from .pythonqt import Wrapper
from .widgets import qMRMLNodeComboBox


class Default:
    """``Annotated[T, Default(value)]``."""

    def __init__(self, value: Any) -> None:
        self.value = value


def parameterNodeWrapper(cls: type) -> type:
    """Make a class of annotated attributes a typed view on a parameter node.

    Raises:
        ValueError: for a type that the application's wrapper cannot store.
    """
    hints = get_type_hints(cls, include_extras=True)
    parameters = {name: _Parameter(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}

    def __init__(self: Any, parameterNode: slicer.vtkMRMLScriptedModuleNode) -> None:
        self.parameterNode = parameterNode
        self._gui: dict[int, list[tuple[Wrapper, str, Callable]]] = {}
        self._observed: dict[int, int] = {}
        for parameter in parameters.values():
            parameter.write_default(parameterNode)

    members: dict[str, Any] = {name: property(p.read, p.write) for name, p in parameters.items()}
    members |= {"__init__": __init__, "connectGui": _connect_gui, "disconnectGui": _disconnect_gui}
    members["connectParametersToGui"] = _connect_parameters_to_gui
    members |= {"AddObserver": _add_observer, "RemoveObserver": _remove_observer, "HasObserver": _has_observer}
    members["_parameters"] = parameters
    return type(cls.__name__, (), {"__doc__": cls.__doc__, "__module__": cls.__module__, **members})


class _Parameter:
    """One attribute: how it is stored in the node's parameters or references."""

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.name = name
        extras = []
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
        self.type = hint
        self.default = next((extra.value for extra in extras if isinstance(extra, Default)), default)
        self.is_node = isinstance(hint, type) and issubclass(hint, slicer.vtkMRMLNode)
        if not (self.is_node or hint in (bool, int, float, str) or issubclass(hint, enum.Enum)):
            raise ValueError(f"{name}: a parameter node cannot hold a {hint}")

    def write_default(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        if not self.is_node and node.GetParameter(self.name) == "":
            default = self.default
            if default is None:
                default = next(iter(self.type)) if issubclass(self.type, enum.Enum) else self.type()
            node.SetParameter(self.name, self._text(default))

    def read(self, owner: Any) -> Any:
        node = owner.parameterNode
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if issubclass(self.type, enum.Enum):
            return self.type[text]
        return text == "True" if self.type is bool else self.type(text)

    def write(self, owner: Any, value: Any) -> None:
        if self.is_node:
            if value is not None and not isinstance(value, self.type):
                raise TypeError(f"{self.name} takes a {self.type.__name__}, not {value!r}")
            owner.parameterNode.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            owner.parameterNode.Modified()
        else:
            if not isinstance(value, self.type):
                raise TypeError(f"{self.name} takes a {self.type.__name__}, not {value!r}")
            owner.parameterNode.SetParameter(self.name, self._text(value))

    def _text(self, value: Any) -> str:
        return value.name if isinstance(value, enum.Enum) else str(value)


def _add_observer(self: Any, event: int, callback: Callable, priority: float = 0.0) -> int:
    return self.parameterNode.AddObserver(event, callback, priority)


def _remove_observer(self: Any, tag: int) -> None:
    self.parameterNode.RemoveObserver(tag)


def _has_observer(self: Any, *arguments: Any) -> bool:
    return bool(self.parameterNode.HasObserver(*arguments))


def _connect_gui(self: Any, gui: Any) -> None:
    """Bind every widget with a ``SlicerParameterName``.  As in the application no tag: nothing undoes it."""
    names = {
        widget._qt.property("SlicerParameterName"): widget for widget in vars(gui).values() if isinstance(widget, Wrapper)
    }
    self.connectParametersToGui({name: widget for name, widget in names.items() if name})


def _connect_parameters_to_gui(self: Any, mapping: dict[str, Wrapper]) -> int:
    """Bind widgets, by the names of their parameters, both ways.  Returns the tag for ``disconnectGui``."""
    bindings, connections = [], []
    for name, widget in mapping.items():
        if name not in self._parameters:
            raise ValueError(f"{widget.name} is bound to {name!r}, which the parameter node does not have")
        binding = _binding(widget, self._parameters[name])
        binding.show(getattr(self, name))

        store = _storer(self, name, binding)
        if not widget.connect(binding.signal, store):
            raise ValueError(f"{widget.name} has no signal {binding.signal}")
        connections.append((widget, binding.signal, store))
        bindings.append((name, binding))

    def show_all(*_: Any) -> None:
        for name, binding in bindings:
            if binding.value() != getattr(self, name):
                binding.show(getattr(self, name))

    tag = self.parameterNode.AddObserver("ModifiedEvent", show_all)
    self._gui[tag] = connections
    return tag


def _storer(owner: Any, name: str, binding: _Binding) -> Callable[[], None]:
    def store() -> None:
        if getattr(owner, name) != binding.value():
            setattr(owner, name, binding.value())

    return store


def _disconnect_gui(self: Any, tag: int | None) -> None:
    """Undo one ``connectParametersToGui``; an unknown tag does nothing."""
    if tag not in self._gui:
        return
    self.parameterNode.RemoveObserver(tag)
    for widget, signal, store in self._gui.pop(tag):
        widget.disconnect(signal, store)


class _Binding:
    """A widget that shows and changes one parameter."""

    def __init__(self, signal: str, show: Callable[[Any], None], value: Callable[[], Any]) -> None:
        self.signal, self.show, self.value = signal, show, value


def _binding(widget: Wrapper, parameter: _Parameter) -> _Binding:
    qt = widget._qt
    if isinstance(qt, qMRMLNodeComboBox) and parameter.is_node:
        return _Binding("currentNodeChanged(vtkMRMLNode*)", qt.setCurrentNode, qt.currentNode)
    if isinstance(qt, QtWidgets.QCheckBox) and parameter.type is bool:
        return _Binding("toggled(bool)", qt.setChecked, qt.isChecked)
    if isinstance(qt, QtWidgets.QComboBox) and issubclass(parameter.type, enum.Enum):
        choices = list(parameter.type)
        qt.clear()
        qt.addItems([choice.label() if hasattr(choice, "label") else choice.name for choice in choices])
        return _Binding(
            "currentIndexChanged(int)",
            lambda value: qt.setCurrentIndex(choices.index(value)),
            lambda: choices[qt.currentIndex()],
        )
    raise ValueError(f"a {qt.metaObject().className()} cannot be bound to a parameter of type {parameter.type}")
