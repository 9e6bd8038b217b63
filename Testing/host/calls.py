"""Calls as PythonQt makes them: what it converts, and what it refuses."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from typing import Any

from shibokensupport.signature import get_signature


class WrongVtkClass(Exception):
    """A stand-in got a VTK object of the wrong class.  Leaves the wrapper as TypeError; wrong Qt arguments as ValueError."""


def converted(type_name: str, value: Any) -> Any:
    """PythonQt's generous conversions: anything to text, truth to bool, floats cut to int."""
    if type_name == "QString":
        return str(value)
    if type_name == "bool":
        return bool(value)
    if type_name == "int" and isinstance(value, (int, float)):
        return int(value)
    return value


def called(function: Callable, arguments: list[Any]) -> Any:
    """Call with PySide6's own arguments; what PySide6 calls a TypeError is a ValueError in PythonQt."""
    if any(inspect.isgenerator(argument) for argument in arguments):
        raise ValueError("wrong arguments: a generator is no list")
    try:
        return _called_with_enums(function, arguments)
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


def refuse_keywords(what: str, keywords: dict[str, Any]) -> None:
    if keywords:
        raise TypeError(f"{what}() takes no keyword arguments, got {sorted(keywords)}")
