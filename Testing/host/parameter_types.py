"""What a parameter node can hold: how each annotated type is written as text or reference, read, and checked."""

from __future__ import annotations

import enum
import pathlib
import types
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

import slicer


class Default:
    """``Annotated[T, Default(value)]``."""

    def __init__(self, value: Any = None, generator: Any = None) -> None:
        self.value = generator() if generator is not None else value


@dataclass
class WithinRange:
    """A number from ``minimum`` to ``maximum``."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if value is not None and not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not between {self.minimum} and {self.maximum}")


@dataclass
class Minimum:
    """A number not below ``minimum``."""

    minimum: float

    def validate(self, value: Any) -> None:
        if value is not None and value < self.minimum:
            raise ValueError(f"{value} is less than {self.minimum}")


@dataclass
class Maximum:
    """A number not above ``maximum``."""

    maximum: float

    def validate(self, value: Any) -> None:
        if value is not None and value > self.maximum:
            raise ValueError(f"{value} is more than {self.maximum}")


@dataclass
class Choice:
    """One of ``choices``."""

    choices: list[Any]

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass
class Decimals:
    """Digits after the point in a bound widget."""

    value: int


@dataclass
class SingleStep:
    """The step of a bound widget."""

    value: float


_VALIDATORS = (WithinRange, Minimum, Maximum, Choice)
_PATHS = (pathlib.Path, pathlib.PurePath, pathlib.PurePosixPath)


class ParameterType:
    """One annotated attribute: how it is stored in the node's parameters or references.

    Raises:
        ValueError: for a type that the application's wrapper cannot store.
    """

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.name = name
        self.annotations: list[Any] = []
        if get_origin(hint) is Annotated:
            hint, *self.annotations = get_args(hint)
        self.type, self.is_optional = _without_none(hint)
        self.default = next((extra.value for extra in self.annotations if isinstance(extra, Default)), default)
        self.is_node = isinstance(self.type, type) and issubclass(self.type, slicer.vtkMRMLNode)
        if not (self.is_node or self.type in (bool, int, float, str, *_PATHS) or self.is_enum):
            raise ValueError(f"{name}: a parameter node cannot hold a {hint}")

    @property
    def is_enum(self) -> bool:
        return isinstance(self.type, type) and issubclass(self.type, enum.Enum)

    def annotation(self, kind: type) -> Any:
        """The first annotation of that class, or None."""
        return next((extra for extra in self.annotations if isinstance(extra, kind)), None)

    def write_default(self, node: slicer.vtkMRMLScriptedModuleNode) -> None:
        if self.is_node or node.HasParameter(self.name):
            return
        default = self.default
        if default is None and not self.is_optional:
            default = next(iter(self.type)) if self.is_enum else self.type()
        node.SetParameter(self.name, self._text(default))

    def read(self, owner: Any) -> Any:
        node = owner.parameterNode
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.is_optional and text in ("", "None"):
            return None
        if self.is_enum:
            return self.type[text]
        return text == "True" if self.type is bool else self.type(text)

    def write(self, owner: Any, value: Any) -> None:
        self.check(value)
        node = owner.parameterNode
        if self.is_node:
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            node.Modified()
        else:
            node.SetParameter(self.name, self._text(value))

    def check(self, value: Any) -> None:
        """Raises TypeError for a value of another type, ValueError for one that the annotations exclude."""
        accepted = (int, float) if self.type is float else self.type
        is_none_allowed = self.is_node or self.is_optional
        if not (isinstance(value, accepted) or (value is None and is_none_allowed)):
            raise TypeError(f"{self.name} takes a {self.type.__name__}, not {value!r}")
        for validator in self.annotations:
            if isinstance(validator, _VALIDATORS):
                validator.validate(value)

    def _text(self, value: Any) -> str:
        return value.name if isinstance(value, enum.Enum) else str(value)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """The type inside ``Optional[…]`` or ``… | None``, and whether it was that."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if len(kinds) != 1 or len(kinds) == len(get_args(hint)):
        raise ValueError(f"the stand-in knows one type or None, not {hint}")
    return kinds[0], True
