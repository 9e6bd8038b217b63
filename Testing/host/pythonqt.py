"""Qt as Slicer's Python sees it: PySide6 objects behind wrappers that refuse what PythonQt refuses.

PythonQt differs from PySide6 in small ways that break a panel: properties are attributes, no call takes keyword arguments, a
signal is named by its C++ signature, an error in a handler is swallowed.  ``wrap`` and ``unwrap`` convert at the border.
"""

from __future__ import annotations

import enum
import inspect
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import shiboken6
from PySide6 import QtCore
from shibokensupport.signature import get_signature

#: What went wrong without an exception that a test would see: connections to nothing, errors swallowed in handlers.
problems: list[str] = []

#: Where a static function hides the property of the same name.
_STATIC_NOT_PROPERTY = {"QTimer": {"singleShot"}}

#: Signals that only a newer Qt has than the application's 5.15.
_NEWER_SIGNALS = {"checkStateChanged(Qt::CheckState)"}

_wrapper_classes: dict[type, type] = {}
_signals_by_class: dict[type, dict[str, str]] = {}
_connections_by_address: dict[int, list[tuple[str, Callable, Callable]]] = {}


class WrongVtkClass(Exception):
    """A stand-in got a VTK object of the wrong class.  Leaves the wrapper as TypeError; wrong Qt arguments as ValueError."""


class EnumValue(int):
    """A Qt enum value: an int, as in PythonQt, that remembers what PySide6 calls it.  Combining two gives a plain int."""

    original: enum.Enum

    @classmethod
    def of(cls, original: enum.Enum) -> EnumValue:
        value = cls(original.value)
        value.original = original
        return value


def invokable(method: Callable) -> Callable:
    """Mark a method of a stand-in class as one that C++ shows to Python (a slot or Q_INVOKABLE)."""
    method.is_invokable = True
    return method


def wrap(value: Any) -> Any:
    """A PySide6 value as PythonQt would hand it to Python."""
    if isinstance(value, enum.Enum):
        return EnumValue.of(value)
    if isinstance(value, (list, tuple)):
        return tuple(wrap(item) for item in value)
    if isinstance(value, QtCore.QByteArray):
        return _ByteArray(value)
    if isinstance(value, shiboken6.Shiboken.Object):
        wrapper = object.__new__(wrapper_class(type(value)))
        object.__setattr__(wrapper, "_qt", value)
        return wrapper
    return value


def unwrap(value: Any) -> Any:
    """The PySide6 value of what Python hands to Qt."""
    if isinstance(value, EnumValue):
        return value.original
    if isinstance(value, Wrapper):
        return value._alive()
    if isinstance(value, (list, tuple)):
        return [unwrap(item) for item in value]
    return value


def wrapper_class(qt_class: type) -> type:
    """The class that stands for ``qt_class``, with wrappers of its bases as bases."""
    if qt_class not in _wrapper_classes:
        bases = [wrapper_class(base) for base in qt_class.__bases__ if issubclass(base, shiboken6.Shiboken.Object)]
        bases = tuple(base for base in bases if base is not Wrapper) or (Wrapper,)
        if qt_class is shiboken6.Shiboken.Object:
            return Wrapper
        _wrapper_classes[qt_class] = _WrapperType(qt_class.__name__, bases, {"_qt_class": qt_class, "_is_generated": True})
    return _wrapper_classes[qt_class]


class _WrapperType(type):
    """Gives wrapper classes the enum values and static functions of their Qt class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _class_member(cls._qt_class, name)


class Wrapper(metaclass=_WrapperType):
    """One Qt object as PythonQt shows it."""

    _qt_class: type = shiboken6.Shiboken.Object
    _is_generated = True

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        _refuse_keywords(self._qt_class.__name__, keywords)
        object.__setattr__(self, "_qt", _called(self._qt_class, arguments))

    def __init_subclass__(cls) -> None:
        if "_qt_class" not in cls.__dict__:
            cls._is_generated = False

    def _alive(self) -> Any:
        if not shiboken6.isValid(self._qt):
            raise ValueError(f"the {type(self).__name__} has been destroyed")
        return self._qt

    def __bool__(self) -> bool:
        return shiboken6.isValid(self._qt)

    def __eq__(self, other: object) -> bool:
        if other is None:
            return not self
        return isinstance(other, Wrapper) and bool(self) and bool(other) and _address(self._qt) == _address(other._qt)

    def __hash__(self) -> int:
        return hash(_address(self._alive()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} as in PythonQt>"

    def __getattr__(self, name: str) -> Any:
        qt = self._alive()
        name = "objectName" if name == "name" and isinstance(qt, QtCore.QObject) else name
        if name in _STATIC_NOT_PROPERTY.get(type(qt).__name__, ()):
            return _class_member(type(qt), name)
        if _property(qt, name) is not None:
            return wrap(qt.property(name))
        if _is_signal(qt, name):
            return _Signal(self, _signal_signature(qt, name))
        return _method(qt, name)

    def __setattr__(self, name: str, value: Any) -> None:
        qt = self._alive()
        name = "objectName" if name == "name" and isinstance(qt, QtCore.QObject) else name
        if name in _STATIC_NOT_PROPERTY.get(type(qt).__name__, ()):
            raise AttributeError(f"{name} of a {type(qt).__name__} is a static function; call its setter")
        if _property(qt, name) is not None:
            _write_property(qt, name, value)
        elif not type(self)._is_generated:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}, and none can be added to it")

    def connect(self, signature: str, handler: Callable) -> bool:
        """Connect a signal, named by its full C++ signature.  A name without a signal only returns False."""
        signal = _bound_signal(self._alive(), signature)
        if signal is None:
            problems.append(f"connect: {type(self).__name__} has no signal {signature!r}")
            return False
        guarded = _guarded(handler, signature)
        signal.connect(guarded)
        _connections(self._qt).append((signature, handler, guarded))
        return True

    def disconnect(self, signature: str, handler: Callable) -> bool:
        """Undo ``connect`` with the same arguments."""
        connections = _connections(self._alive())
        for entry in connections:
            if entry[0] == signature and entry[1] == handler:
                _bound_signal(self._qt, signature).disconnect(entry[2])
                connections.remove(entry)
                return True
        problems.append(f"disconnect: {signature!r} of {type(self).__name__} is not connected to {handler}")
        return False

    def className(self) -> str:
        return self._qt.metaObject().className()

    def setProperty(self, name: str, value: Any) -> bool:
        return self._alive().setProperty(name, unwrap(value))

    def exec_(self) -> Any:
        return _method(self._alive(), "exec")()


_wrapper_classes[shiboken6.Shiboken.Object] = Wrapper


class _Signal:
    """A signal as an attribute: ``button.clicked.connect(f)``."""

    def __init__(self, owner: Wrapper, signature: str) -> None:
        self._owner, self._signature = owner, signature

    def connect(self, handler: Callable) -> bool:
        return self._owner.connect(self._signature, handler)

    def disconnect(self, handler: Callable) -> bool:
        return self._owner.disconnect(self._signature, handler)

    def emit(self, *arguments: Any) -> None:
        _bound_signal(self._owner._qt, self._signature).emit(*map(unwrap, arguments))

    __call__ = emit


class _ByteArray:
    """bytes that come back from Qt: no bytes, but an object with ``data()``."""

    def __init__(self, value: QtCore.QByteArray) -> None:
        self._value = bytes(value.data())

    def data(self) -> bytes:
        return self._value


# -- members ----------------------------------------------------------------------------------------------------------------


def _property(qt: Any, name: str) -> QtCore.QMetaProperty | None:
    if not isinstance(qt, QtCore.QObject):
        return None
    index = qt.metaObject().indexOfProperty(name)
    return qt.metaObject().property(index) if index >= 0 else None


def _write_property(qt: QtCore.QObject, name: str, value: Any) -> None:
    meta = _property(qt, name)
    if not meta.isWritable():
        raise AttributeError(f"{name} of {type(qt).__name__} is read-only")
    converted = _converted(meta.typeName(), unwrap(value))
    if isinstance(converted, enum.Enum):
        converted = converted.value
    if not qt.setProperty(name, converted):
        raise ValueError(f"{name} of {type(qt).__name__} cannot be {value!r}")


def _converted(type_name: str, value: Any) -> Any:
    """PythonQt's generous conversions: anything to text, truth to bool, floats cut to int."""
    if type_name == "QString":
        return str(value)
    if type_name == "bool":
        return bool(value)
    if type_name == "int" and isinstance(value, (int, float)):
        return int(value)
    return value


def _method(qt: Any, name: str) -> Callable:
    if name.startswith("_") or not _is_visible(type(qt), name):
        raise AttributeError(f"{type(qt).__name__} has no attribute {name!r}")
    found = getattr(qt, name)
    if not callable(found):
        return wrap(found)

    def call(*arguments: Any, **keywords: Any) -> Any:
        _refuse_keywords(f"{type(qt).__name__}.{name}", keywords)
        set_property = _setter_target(qt, name)
        if set_property is not None and len(arguments) == 1:
            return _write_property(qt, set_property, arguments[0])
        return wrap(_called(found, arguments))

    return call


def _is_visible(qt_class: type, name: str) -> bool:
    """Of the stand-ins for C++ classes outside Qt, only what is marked exists in Python."""
    for cls in qt_class.__mro__:
        if name in cls.__dict__:
            is_qt = cls.__module__.startswith(("PySide6", "Shiboken", "shiboken6"))
            return is_qt or getattr(cls.__dict__[name], "is_invokable", False)
    return hasattr(qt_class, name)


def _setter_target(qt: Any, name: str) -> str | None:
    """The property that ``setSomething`` writes, if there is one."""
    if not name.startswith("set") or len(name) < 4:
        return None
    target = name[3].lower() + name[4:]
    meta = _property(qt, target)
    return target if meta is not None and meta.isWritable() else None


def _class_member(qt_class: type, name: str) -> Any:
    found = getattr(qt_class, name, None)
    if found is None:
        raise AttributeError(f"{qt_class.__name__} has no attribute {name!r}")
    if isinstance(found, enum.Enum):
        return EnumValue.of(found)
    if isinstance(found, type) and issubclass(found, enum.Enum):
        return type(name, (), {member.name: EnumValue.of(member) for member in found})
    if isinstance(found, type):
        return wrapper_class(found)

    def call(*arguments: Any, **keywords: Any) -> Any:
        _refuse_keywords(f"{qt_class.__name__}.{name}", keywords)
        guarded = [_guarded(a, f"{name}()") if inspect.isroutine(a) else a for a in arguments]
        return wrap(_called(found, guarded))

    return call


def _called(function: Callable, arguments: Iterable[Any]) -> Any:
    """Call with unwrapped arguments; what PySide6 calls a TypeError is a ValueError in PythonQt."""
    plain = [unwrap(argument) for argument in arguments]
    if any(inspect.isgenerator(argument) for argument in plain):
        raise ValueError("wrong arguments: a generator is no list")
    try:
        return _called_with_enums(function, plain)
    except WrongVtkClass as error:
        raise TypeError(str(error)) from error
    except TypeError as error:
        raise ValueError(f"wrong arguments: {error}") from error


def _called_with_enums(function: Callable, arguments: list[Any]) -> Any:
    """Call; where Qt asks for an enum and got a plain number, as combining two enum values gives, convert it first."""
    try:
        return function(*arguments)
    except TypeError:
        converted = _with_enums(function, arguments)
        if converted is None:
            raise
        return function(*converted)


def _with_enums(function: Callable, arguments: list[Any]) -> list[Any] | None:
    """The arguments with numbers as the enums of a signature that they fit; None where there is none."""
    if not any(type(argument) is int for argument in arguments):
        return None
    found = get_signature(function)
    for signature in found if isinstance(found, list) else [found] if found else []:
        kinds = [parameter.annotation for parameter in signature.parameters.values() if parameter.name != "self"]
        if len(kinds) < len(arguments):
            continue
        pairs = list(zip(arguments, kinds, strict=False))
        if any(type(a) is int and isinstance(kind, type) and issubclass(kind, enum.Enum) for a, kind in pairs):
            return [
                kind(a) if type(a) is int and isinstance(kind, type) and issubclass(kind, enum.Enum) else a
                for a, kind in pairs
            ]
    return None


def _refuse_keywords(what: str, keywords: dict[str, Any]) -> None:
    if keywords:
        raise TypeError(f"{what}() takes no keyword arguments, got {sorted(keywords)}")


# -- signals ----------------------------------------------------------------------------------------------------------------


def _signals(qt: QtCore.QObject) -> dict[str, str]:
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


def _is_signal(qt: Any, name: str) -> bool:
    return isinstance(qt, QtCore.QObject) and any(s.split("(")[0] == name for s in _signals(qt))


def _signal_signature(qt: QtCore.QObject, name: str) -> str:
    return next(s for s in _signals(qt) if s.split("(")[0] == name and "PyObject" not in s)


def _bound_signal(qt: QtCore.QObject, signature: str) -> Any:
    target = _signals(qt).get(signature)
    return None if target is None or "PyObject" in signature else getattr(qt, target.split("(")[0])


def _guarded(handler: Callable, signature: str) -> Callable:
    """The handler as PythonQt calls it: with no more arguments than it takes, its exceptions printed and swallowed."""
    offered = 0 if signature.endswith("()") else signature.count(",") + 1
    taken = min(offered, _positional_count(handler))

    def call(*arguments: Any) -> None:
        try:
            handler(*(wrap(argument) for argument in arguments[:taken]))
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


def _connections(qt: QtCore.QObject) -> list[tuple[str, Callable, Callable]]:
    """The connections made to the object's signals, forgotten when it is destroyed."""
    address = _address(qt)
    if address not in _connections_by_address:
        _connections_by_address[address] = []
        qt.destroyed.connect(lambda: _connections_by_address.pop(address, None))
    return _connections_by_address[address]


def _address(qt: Any) -> int:
    return shiboken6.getCppPointer(qt)[0]
