"""The configuration of a training: one typed, frozen tree read from a TOML file."""

from __future__ import annotations

import difflib
import sys
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from ..geometry.errors import InputError
from .generator import ViewSettings
from .poses import PoseRange

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class DataConfig:
    """Where the label maps are (relative to the configuration file) and which are held out for validation."""

    labels: str
    held_out: tuple[str, ...]
    brain_below: int
    white: tuple[int, ...]
    fluid: tuple[int, ...]


@dataclass(frozen=True)
class NetworkConfig:
    """Channels per level."""

    widths: tuple[int, ...]


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms (0 switches a term off), reach τ of the repulsion in mm, and the model of L_sim."""

    reference: float = 0.0
    pose: float = 0.0
    similarity: float = 0.0
    point_spread: float = 0.0
    sharpness: float = 0.0
    repulsion: float = 0.0
    presence: float = 0.0
    repulsion_reach: float = 10.0
    similarity_transform: str = "affine"


@dataclass(frozen=True)
class ScheduleConfig:
    """Steps, pairs of views per step, and how learning rate, rotation and sharpness develop.

    The learning rate warms up, stays, and falls to a twentieth over the last ``decay`` share of the steps.  Rotations grow
    from 15° to their full range over the first ``ramp`` share; the sharpness term grows over the same time.
    """

    steps: int
    pairs: int
    same_subject: float
    learning_rate: float
    ramp: float = 0.3
    decay: float = 0.3
    average: float = 0.998
    report_every: int = 25
    validate_every: int = 250


@dataclass(frozen=True)
class CardConfig:
    """What the card of the bundle tells people."""

    title: str
    summary: str
    limits: tuple[str, ...]
    licence: str
    data: str
    transform_types: tuple[str, ...]


@dataclass(frozen=True)
class TrainingConfig:
    """Everything a training depends on besides the data."""

    name: str
    version: str
    seed: int
    data: DataConfig
    network: NetworkConfig
    view: ViewSettings
    near: PoseRange
    wide: PoseRange
    losses: LossConfig
    schedule: ScheduleConfig
    card: CardConfig


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration file.

    Raises:
        InputError: if the file cannot be read, or a key is unknown (with the nearest valid one), missing or of a wrong kind.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The configuration {path} is not valid TOML: {error}.") from error
    return _build(TrainingConfig, tree, "")


def _build(kind: type, tree: Any, where: str) -> Any:
    if not isinstance(tree, dict):
        raise InputError(f"[{where}] in the configuration must be a table.")
    hints = get_type_hints(kind)
    for key in tree:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            hint = f" Did you mean {where}{near[0]}?" if near else f" Known here: {', '.join(hints)}."
            raise InputError(f"{where}{key} is not a setting.{hint}")
    values = {}
    for item in fields(kind):
        if item.name in tree:
            values[item.name] = _value(hints[item.name], tree[item.name], where + item.name)
        elif item.default is MISSING:
            raise InputError(f"The configuration lacks {where}{item.name}.")
    return kind(**values)


def _value(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return _build(kind, value, where + ".")
    if getattr(kind, "__origin__", None) is tuple:
        if isinstance(value, list) and all(isinstance(item, kind.__args__[0]) for item in value):
            return tuple(value)
        raise InputError(f"{where} must be a list of {kind.__args__[0].__name__} values.")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where} must be of kind {kind.__name__}, not {value!r}.")
    return value
