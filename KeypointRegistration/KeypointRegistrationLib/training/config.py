"""The configuration of a training: one typed, frozen tree read from a TOML file."""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from ..detection.architecture import Architecture, NetworkKind
from ..geometry.errors import InputError
from .contrast import ContrastSettings
from .generator import ViewSettings
from .poses import PoseRange

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class DataConfig:
    """What a training learns from: label maps, or scans without labels.

    Attributes:
        labels: folder of the label maps, relative to the configuration file; or else
        scans: folder of the scans.
        pattern: of the file names in it.
        held_out: names (without extension) of the subjects kept for validation; where none, those it trains on are measured.
        landmarks: ``named`` anatomical points of maps with FreeSurfer's numbers, or points ``spread`` over the brain, or
            over the largest bright object of a scan, or their ``midline``, ``middle``, or points ``marked`` by hand.
        count: how many points are spread.
        points: file with the points ``marked`` in each scan, relative to the configuration file.
        brain_below: labels from 1 to below this are brain: all, unless said otherwise.
        white, fluid: labels of white matter and of fluid; other brain labels are grey matter.  Where neither is told, the
            brain's labels are tissues of as many kinds.
        names: of the labels, by number as text; keypoints that were not taught a place are called after where they lie.
    """

    labels: str = ""
    held_out: tuple[str, ...] = ()
    brain_below: int = 1_000_000
    white: tuple[int, ...] = ()
    fluid: tuple[int, ...] = ()
    scans: str = ""
    pattern: str = "*.nii*"
    landmarks: str = "named"
    count: int = 32
    points: str = ""
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkConfig:
    """The network, as ``detection.architecture.Architecture`` describes it."""

    widths: tuple[int, ...]
    kind: str = NetworkKind.UNET.value
    coarsening: int = 2
    denoiser: tuple[int, ...] = ()

    @property
    def architecture(self) -> Architecture:
        """What is built.  InputError if there is no such network."""
        try:
            kind = NetworkKind(self.kind)
        except ValueError as error:
            known = ", ".join(item.value for item in NetworkKind)
            raise InputError(f"There is no network called {self.kind}. Known: {known}.") from error
        return Architecture(kind, self.widths, self.coarsening, self.denoiser)


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms (0 switches a term off), and what some of them need.

    Attributes:
        repulsion_reach: τ of the repulsion, mm.
        reference_map_spread: σ of the maps that reference points should have, in voxels of the maps.
        similarity_transform: by which the pair is aligned for L_sim and L_dice.
    """

    reference: float = 0.0
    reference_map: float = 0.0
    pose: float = 0.0
    similarity: float = 0.0
    dice: float = 0.0
    point_spread: float = 0.0
    sharpness: float = 0.0
    repulsion: float = 0.0
    presence: float = 0.0
    denoise: float = 0.0
    repulsion_reach: float = 10.0
    reference_map_spread: float = 0.9
    similarity_transform: str = "affine"


@dataclass(frozen=True)
class ScheduleConfig:
    """Steps, pairs of views per step, and how learning rate, rotation and sharpness develop.

    The learning rate warms up, stays, and falls to a twentieth over the last ``decay`` share of the steps.  Rotations grow
    from 15° to their full range over the first ``ramp`` share; the sharpness term grows over the same time.  ``pretraining``
    is the share of the steps that the losses of that name are in force.  With ``nested`` the pair is aligned by the first n
    keypoints only, n drawn anew in each step: any number of first keypoints then is a working model.
    """

    steps: int
    pairs: int
    same_subject: float
    learning_rate: float
    ramp: float = 0.3
    decay: float = 0.3
    average: float = 0.998
    pretraining: float = 0.0
    nested: bool = False
    report_every: int = 25
    validate_every: int = 250


@dataclass(frozen=True)
class CardConfig:
    """What the card of the bundle tells people, and the name of the bundle that finds heads for this one."""

    title: str
    summary: str
    limits: tuple[str, ...]
    licence: str
    data: str
    transform_types: tuple[str, ...]
    finder: str = ""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything a training depends on besides the data.

    ``pretraining`` takes the place of ``losses`` during the first ``schedule.pretraining`` share of the steps.
    """

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
    contrast: ContrastSettings = field(default_factory=ContrastSettings)
    pretraining: LossConfig = field(default_factory=LossConfig)


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration file (TOML), or the configuration on the card of a model (``card.json``).

    Raises:
        InputError: if the file cannot be read, or a key is unknown (with the nearest valid one), missing or of a wrong kind.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = json.loads(text)["training"]["configuration"] if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The configuration {path} is not a text file. Give a TOML file or a model's card.json.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The configuration {path} is not valid TOML: {error}.") from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the card of a model: it holds no configuration of a training.") from error
    return config_from(tree)


def config_from(tree: dict[str, Any]) -> TrainingConfig:
    """The configuration that a tree of tables, lists and values describes; InputError as ``load_config``."""
    config: TrainingConfig = _build(TrainingConfig, tree, "")
    return config


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
        elif item.default is MISSING and item.default_factory is MISSING:
            raise InputError(f"The configuration lacks {where}{item.name}.")
    return kind(**values)


def _value(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        return _build(kind, value, where + ".")
    if getattr(kind, "__origin__", None) is tuple:
        if isinstance(value, list) and all(isinstance(item, kind.__args__[0]) for item in value):
            return tuple(value)
        raise InputError(f"{where} must be a list of {kind.__args__[0].__name__} values.")
    if getattr(kind, "__origin__", None) is dict:
        if isinstance(value, dict) and all(isinstance(item, kind.__args__[1]) for item in value.values()):
            return value
        raise InputError(f"{where} must be a table of {kind.__args__[1].__name__} values.")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where} must be of kind {kind.__name__}, not {value!r}.")
    return value
