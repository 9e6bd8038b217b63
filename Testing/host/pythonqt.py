"""Qt as Slicer's Python sees it: PySide6 objects behind wrappers that refuse what PythonQt refuses.

PythonQt differs from PySide6 in small ways that break a panel: properties are attributes, no call takes keyword arguments, a
signal is named by its C++ signature, an error in a handler is swallowed.  ``wrap`` and ``unwrap`` convert at the border.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import shiboken6
from PySide6 import QtCore

from .calls import called, converted, refuse_keywords
from .signals import address, bound_signal, connections, guarded, is_signal, problems, signal_signature

#: Where a static function hides the property of the same name.
_STATIC_NOT_PROPERTY = {"QTimer": {"singleShot"}}

_wrapper_classes: dict[type, type] = {}


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
        return unwrapped(value)
    if isinstance(value, np.generic):
        return value.item()
    return value


def unwrapped(values: Iterable[Any]) -> list[Any]:
    """``unwrap`` for several."""
    return [unwrap(value) for value in values]


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
        refuse_keywords(self._qt_class.__name__, keywords)
        object.__setattr__(self, "_qt", called(self._qt_class, unwrapped(arguments)))

    def __init_subclass__(cls) -> None:
        if "_qt_class" in cls.__dict__:
            return
        cls._is_generated = False
        if issubclass(cls._qt_class, (QtCore.QThread, QtCore.QRunnable)):
            raise TypeError(f"{cls.__name__}: Slicer crashes when it runs a {cls._qt_class.__name__} written in Python")
        overridden = [name for name in vars(cls) if not name.startswith("__") and hasattr(cls._qt_class, name)]
        if overridden:
            raise TypeError(f"{cls.__name__}: the stand-in would never call {overridden}")

    def _alive(self) -> Any:
        if not shiboken6.isValid(self._qt):
            raise ValueError(f"the {type(self).__name__} has been destroyed")
        return self._qt

    def __bool__(self) -> bool:
        return shiboken6.isValid(self._qt)

    def __eq__(self, other: object) -> bool:
        if other is None:
            return not self
        return isinstance(other, Wrapper) and bool(self) and bool(other) and address(self._qt) == address(other._qt)

    def __hash__(self) -> int:
        return hash(address(self._alive()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} as in PythonQt>"

    def __getattr__(self, name: str) -> Any:
        qt = self._alive()
        name = "objectName" if name == "name" and isinstance(qt, QtCore.QObject) else name
        if name in _STATIC_NOT_PROPERTY.get(type(qt).__name__, ()):
            return _class_member(type(qt), name)
        if _property(qt, name) is not None:
            return wrap(qt.property(name))
        if is_signal(qt, name):
            return _Signal(self, signal_signature(qt, name))
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
        signal = bound_signal(self._alive(), signature)
        if signal is None:
            problems.append(f"connect: {type(self).__name__} has no signal {signature!r}")
            return False
        guard = guarded(handler, signature, wrap)
        signal.connect(guard)
        connections(self._qt).append((signature, handler, guard))
        return True

    def disconnect(self, signature: str, handler: Callable) -> bool:
        """Undo ``connect`` with the same arguments."""
        made = connections(self._alive())
        for entry in made:
            if entry[0] == signature and entry[1] == handler:
                bound_signal(self._qt, signature).disconnect(entry[2])
                made.remove(entry)
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
        bound_signal(self._owner._qt, self._signature).emit(*map(unwrap, arguments))

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
    plain = converted(meta.typeName(), unwrap(value))
    if isinstance(plain, enum.Enum):
        plain = plain.value
    if not qt.setProperty(name, plain):
        raise ValueError(f"{name} of {type(qt).__name__} cannot be {value!r}")


def _method(qt: Any, name: str) -> Callable:
    if name.startswith("_") or not _is_visible(type(qt), name):
        raise AttributeError(f"{type(qt).__name__} has no attribute {name!r}")
    found = getattr(qt, name)
    if not callable(found):
        return wrap(found)

    def call(*arguments: Any, **keywords: Any) -> Any:
        refuse_keywords(f"{type(qt).__name__}.{name}", keywords)
        set_property = _setter_target(qt, name)
        if set_property is not None and len(arguments) == 1:
            return _write_property(qt, set_property, arguments[0])
        return wrap(called(found, unwrapped(arguments)))

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
    if isinstance(found, int):
        return found

    def call(*arguments: Any, **keywords: Any) -> Any:
        refuse_keywords(f"{qt_class.__name__}.{name}", keywords)
        handlers = [guarded(a, f"{name}()", wrap) if inspect.isroutine(a) else a for a in arguments]
        return wrap(called(found, unwrapped(handlers)))

    return call
