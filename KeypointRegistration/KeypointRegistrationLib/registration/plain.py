"""A registration and its correction as plain values: what JSON can hold, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..geometry.keypoints import Keypoints
from ..geometry.transforms import TransformType
from .correction import AddedPair, Correction, PairChoice
from .result import (
    ErrorPrediction,
    KeypointStatus,
    ModelIdentity,
    Registration,
    SimilarityChange,
    Trust,
    TrustLevel,
)

_HEATMAPS = ("fixed_heatmaps", "moving_heatmaps")  # too large for text
_KEYPOINT_ARRAYS = ("positions", "covariances", "presence", "divergences")


def plain(value: Any) -> Any:
    """The value in JSON's own types.  Numbers that are not finite become None, for which JSON has no other word."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def plain_registration(registration: Registration) -> dict[str, Any]:
    """Everything of a registration but its heatmaps."""
    return {f.name: plain(getattr(registration, f.name)) for f in fields(registration) if f.name not in _HEATMAPS}


def registration_from(entry: dict[str, Any]) -> Registration:
    """The registration (without heatmaps) that ``plain_registration`` wrote.

    Raises:
        ValueError: if ``entry`` is no such thing.
    """
    try:
        return Registration(
            moving_to_fixed=array_from(entry["moving_to_fixed"]),
            transform_type=TransformType(entry["transform_type"]),
            requested_type=TransformType(entry["requested_type"]),
            fixed_keypoints=keypoints_from(entry["fixed_keypoints"]),
            moving_keypoints=keypoints_from(entry["moving_keypoints"]),
            status=tuple(KeypointStatus(value) for value in entry["status"]),
            exclusion_reasons=tuple(entry["exclusion_reasons"]),
            weights=array_from(entry["weights"]),
            residuals=array_from(entry["residuals"]),
            expected_distances=array_from(entry["expected_distances"]),
            error_form=array_from(entry["error_form"]),
            error_floor=number_from(entry["error_floor"]),
            variation=number_from(entry.get("variation", 0.0)),  # scenes of version 0.1 do not have it
            fre=number_from(entry["fre"]),
            predicted_tre=ErrorPrediction(**{name: number_from(value) for name, value in entry["predicted_tre"].items()}),
            similarity=SimilarityChange(**{name: number_from(value) for name, value in entry["similarity"].items()}),
            trust=Trust(TrustLevel(entry["trust"]["level"]), tuple(entry["trust"]["reasons"])),
            refined=entry["refined"],
            device=entry["device"],
            model=ModelIdentity(**entry["model"]),
            seconds=entry["seconds"],
            warnings=tuple(entry["warnings"]),
            fit_notes=tuple(entry["fit_notes"]),
            contradicted=entry["contradicted"],
            unfamiliar=entry["unfamiliar"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a registration: {error}") from error


def correction_from(entry: dict[str, Any]) -> Correction:
    """The correction that ``plain`` has made plain.

    Raises:
        ValueError: if ``entry`` is no such thing.
    """
    try:
        return Correction(
            transform_type=TransformType(entry["transform_type"]),
            robust=bool(entry["robust"]),
            keep_refinement=bool(entry["keep_refinement"]),
            choices={int(k): PairChoice(value) for k, value in entry["choices"].items()},
            factors={int(k): float(value) for k, value in entry["factors"].items()},
            fixed_positions={int(k): tuple(value) for k, value in entry["fixed_positions"].items()},
            moving_positions={int(k): tuple(value) for k, value in entry["moving_positions"].items()},
            added=tuple(AddedPair(pair["label"], tuple(pair["fixed"]), tuple(pair["moving"])) for pair in entry["added"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a correction: {error}") from error


def number_from(value: float | None) -> float:
    """The number that ``plain`` has made plain."""
    return float("nan") if value is None else float(value)


def array_from(values: list) -> np.ndarray:
    """The array of numbers that ``plain`` has made plain."""
    return np.array(values, dtype=float)  # turns None into NaN


def keypoints_from(entry: dict[str, Any]) -> Keypoints:
    """The keypoints that ``plain`` has made plain."""
    return Keypoints(labels=tuple(entry["labels"]), **{name: array_from(entry[name]) for name in _KEYPOINT_ARRAYS})
