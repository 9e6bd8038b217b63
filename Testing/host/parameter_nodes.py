"""Stand-in for ``slicer.parameterNodeWrapper``: typed attributes kept in a scripted-module node and bound to widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_type_hints

import slicer

from .parameter_bindings import Binding, binding
from .parameter_types import ParameterType
from .pythonqt import Wrapper


def parameterNodeWrapper(cls: type) -> type:
    """Make a class of annotated attributes a typed view on a parameter node.

    Raises:
        ValueError: for a type that the application's wrapper cannot store.
    """
    hints = get_type_hints(cls, include_extras=True)
    parameters = {name: ParameterType(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}

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
        bound = binding(widget, self._parameters[name])
        bound.show(getattr(self, name))

        store = _storer(self, name, bound)
        if not widget.connect(bound.signal, store):
            raise ValueError(f"{widget.name} has no signal {bound.signal}")
        connections.append((widget, bound.signal, store))
        bindings.append((name, bound))

    def show_all(*_: Any) -> None:
        for name, bound in bindings:
            if bound.value() != getattr(self, name):
                bound.show(getattr(self, name))

    tag = self.parameterNode.AddObserver("ModifiedEvent", show_all)
    self._gui[tag] = connections
    return tag


def _storer(owner: Any, name: str, bound: Binding) -> Callable[[], None]:
    def store() -> None:
        if getattr(owner, name) != bound.value():
            setattr(owner, name, bound.value())

    return store


def _disconnect_gui(self: Any, tag: int | None) -> None:
    """Undo one ``connectParametersToGui``; an unknown tag does nothing."""
    if tag not in self._gui:
        return
    self.parameterNode.RemoveObserver(tag)
    for widget, signal, store in self._gui.pop(tag):
        widget.disconnect(signal, store)
