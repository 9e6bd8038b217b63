"""Model bundles: weights and the card that says what they are, verified before use.  Nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import TransformType
from .architecture import Architecture, NetworkKind

WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "card.json"


@dataclass(frozen=True, eq=False)
class Card:
    """What a bundle says about itself.

    Attributes:
        name, version, title, summary: for people.
        limits: sentences on what the model is not for.
        transform_types: alignments that it was made for; none, where it only finds heads for other models.
        labels: name of each keypoint.
        template: mean positions of the keypoints in an upright head, (K, 3) mm around their own mean, axes R, A, S.
        variation: root-mean-square distance in mm, (K,), between two people's keypoints after the best affine alignment.
        spread_factor, error_floor: localisation error of a keypoint in mm: √((spread_factor · spread)² + error_floor²),
            fitted on held-out synthetic scans.
        familiar_spread: median spread in mm of the maps that 95 % of upright heads stay below.
        size, spacing: voxels per side and mm of the grid that the network sees.
        architecture: of the network.
        finder: name of the bundle that finds heads for this one in scans of more than a head, or empty.
        sha256: of the weights file.
        details: the whole card as read, training and measured accuracy included.
    """

    name: str
    version: str
    title: str
    summary: str
    limits: tuple[str, ...]
    transform_types: tuple[TransformType, ...]
    labels: tuple[str, ...]
    template: NDArray[np.float64]
    variation: NDArray[np.float64]
    spread_factor: float
    error_floor: float
    familiar_spread: float
    size: int
    spacing: float
    architecture: Architecture
    finder: str
    sha256: str
    details: dict[str, Any]

    @property
    def one_person(self) -> bool:
        """Whether the model is for pairs of scans of one person only, which a rigid alignment brings together."""
        return self.transform_types == (TransformType.RIGID,)

    @property
    def pair_variation(self) -> NDArray[np.float64]:
        """How far apart the anatomy of a pair may be in mm, (K,): nothing in scans of one person."""
        return np.zeros_like(self.variation) if self.one_person else self.variation

    def localisation_error(self, spread: NDArray) -> NDArray[np.float64]:
        """Expected root-mean-square error in mm of keypoints whose maps have the given ``spread`` (mm)."""
        return np.hypot(self.spread_factor * np.asarray(spread), self.error_floor)


def models_folder() -> Path:
    """Where the bundles that come with the module are."""
    return Path(__file__).resolve().parents[2] / "Resources" / "Models"


def bundle_names(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the bundles in ``folder`` (default: those that come with the module)."""
    return tuple(sorted(card.parent.name for card in (folder or models_folder()).glob(f"*/{CARD_FILE}")))


def aligning_models(folder: Path | None = None) -> tuple[str, ...]:
    """Names of the bundles that make alignments; a damaged one is among them, so that its loading can say so."""

    def aligns(name: str) -> bool:
        try:
            return bool(load_card(name, folder).transform_types)
        except InputError:
            return True

    return tuple(name for name in bundle_names(folder) if aligns(name))


def load_card(name: str, folder: Path | None = None) -> Card:
    """The card of a bundle.

    Raises:
        InputError: if there is no such bundle or its card cannot be read.
    """
    known = bundle_names(folder)
    if name not in known:
        raise InputError(f"There is no model called {name}. Available: {', '.join(known) or 'none'}.")
    path = (folder or models_folder()) / name / CARD_FILE
    try:
        return parse_card(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The card of the model {name} is damaged ({error}). Reinstall the extension.") from error


def parse_card(tree: dict[str, Any]) -> Card:
    """A card from its JSON tree; KeyError, TypeError or ValueError where it does not fit."""
    keypoints, calibration = tree["keypoints"], tree["calibration"]
    return Card(
        name=tree["name"],
        version=tree["version"],
        title=tree["title"],
        summary=tree["summary"],
        limits=tuple(tree["limits"]),
        transform_types=tuple(TransformType(kind) for kind in tree["transform_types"]),
        labels=tuple(keypoints["labels"]),
        template=np.array(keypoints["template_mm"], dtype=float),
        variation=np.array(keypoints["variation_mm"], dtype=float),
        spread_factor=float(calibration["spread_factor"]),
        error_floor=float(calibration["error_floor_mm"]),
        familiar_spread=float(calibration["familiar_spread_mm"]),
        size=int(tree["input"]["size"]),
        spacing=float(tree["input"]["spacing_mm"]),
        architecture=_architecture(tree["architecture"]),
        finder=str(tree.get("finder", "")),
        sha256=tree["weights"]["sha256"],
        details=tree,
    )


def _architecture(tree: dict[str, Any]) -> Architecture:
    return Architecture(
        kind=NetworkKind(tree["kind"]),
        widths=tuple(tree["widths"]),
        coarsening=int(tree.get("coarsening", 2)),
        denoiser=tuple(tree.get("denoiser", ())),
    )


def verified_weights(name: str, folder: Path | None = None) -> Path:
    """Path of a bundle's weights, after their SHA-256 was found to be the one on the card.

    Raises:
        InputError: if the bundle is unknown, or its weights are missing or not those of its card.
    """
    card = load_card(name, folder)
    path = (folder or models_folder()) / name / WEIGHTS_FILE
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"The weights of the model {name} cannot be read: {error.strerror}. Reinstall the extension."
        ) from error
    if found != card.sha256:
        raise InputError(
            f"The weights of the model {name} are damaged or were exchanged: their SHA-256 is not the one on its card. "
            "Reinstall the extension."
        )
    return path


def verify(name: str, folder: Path | None = None) -> None:
    """Raise InputError unless the bundle ``name`` is complete and unaltered."""
    verified_weights(name, folder)
