"""Signals as PythonQt knows them: found by their C++ signature, their handlers called with no more than they take."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore

#: What went wrong without an exception that a test would see: connections to nothing, errors swallowed in handlers.
problems: list[str] = []

#: Signals that only a newer Qt has than the application's 5.15.
_NEWER_SIGNALS = {"checkStateChanged(Qt::CheckState)"}

_signals_by_class: dict[type, dict[str, str]] = {}
_connections_by_address: dict[int, list[tuple[str, Callable, Callable]]] = {}


def signals(qt: QtCore.QObject) -> dict[str, str]:
    """C++ signatures of the object's signals, each with the name and types by which PySide6 finds it."""
    if type(qt) not in _signals_by_class:
        meta = qt.metaObject()
        methods = [meta.method(index) for index in range(meta.methodCount())]
        emitted = [method for method in methods if method.methodType() == QtCore.QMetaMethod.MethodType.Signal]
        names = [bytes(method.methodSignature().data()).decode() for method in emitted]
        found = {name: name for name in names if name not in _NEWER_SIGNALS}
        for cls in type(qt).__mro__:
            found.update(cls.__dict__.get("cpp_signals", {}))
        _signals_by_class[type(qt)] = found
    return _signals_by_class[type(qt)]


def is_signal(qt: Any, name: str) -> bool:
    return isinstance(qt, QtCore.QObject) and any(s.split("(")[0] == name for s in signals(qt))


def signal_signature(qt: QtCore.QObject, name: str) -> str:
    return next(s for s in signals(qt) if s.split("(")[0] == name and "PyObject" not in s)


def bound_signal(qt: QtCore.QObject, signature: str) -> Any:
    target = signals(qt).get(signature)
    return None if target is None or "PyObject" in signature else getattr(qt, target.split("(")[0])


def guarded(handler: Callable, signature: str, convert: Callable[[Any], Any]) -> Callable:
    """The handler as PythonQt calls it: with no more arguments than it takes, its exceptions printed and swallowed."""
    offered = 0 if signature.endswith("()") else signature.count(",") + 1
    taken = min(offered, _positional_count(handler))

    def call(*arguments: Any) -> None:
        try:
            handler(*(convert(argument) for argument in arguments[:taken]))
        except Exception as error:
            traceback.print_exc()
            problems.append(f"error in the handler of {signature}: {type(error).__name__}: {error}")

    # PySide6 hands out as many arguments as it sees parameters.
    return (
        lambda: call(),
        lambda a: call(a),
        lambda a, b: call(a, b),
        lambda a, b, c: call(a, b, c),
        lambda a, b, c, d: call(a, b, c, d),
    )[offered]


def _positional_count(handler: Callable) -> int:
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 99
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 99
    return sum(parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters)


def connections(qt: QtCore.QObject) -> list[tuple[str, Callable, Callable]]:
    """The connections made to the object's signals, forgotten when it is destroyed."""
    key = address(qt)
    if key not in _connections_by_address:
        _connections_by_address[key] = []
        qt.destroyed.connect(lambda: _connections_by_address.pop(key, None))
    return _connections_by_address[key]


def address(qt: Any) -> int:
    """Where the C++ object is: equal for the same object only."""
    return shiboken6.getCppPointer(qt)[0]
