"""A registration as JSON text: the provenance record in the scene, from which the whole result comes back."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..geometry.keypoints import Keypoints
from ..geometry.transforms import TransformType
from ..registration.result import (
    ErrorPrediction,
    KeypointStatus,
    ModelIdentity,
    Registration,
    SimilarityChange,
    Trust,
    TrustLevel,
)

_HEATMAPS = ("fixed_heatmaps", "moving_heatmaps")  # too large for text; shown maps are volumes of the scene

_FORMAT = 1
_NUMBERS = re.compile(r"\[[\s\d.,eE+\-nul]*\]")  # a list of numbers, which reads better on one line


def to_text(provenance: dict[str, Any], registration: Registration) -> str:
    """JSON text of a registration, all but its heatmaps, under ``registration``, after the entries of ``provenance``."""
    result = {f.name: getattr(registration, f.name) for f in fields(registration) if f.name not in _HEATMAPS}
    content = {"format": _FORMAT, **provenance, "registration": result}
    text = json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    return _NUMBERS.sub(lambda row: " ".join(row.group().split()), text)


def from_text(text: str) -> tuple[dict[str, Any], Registration]:
    """The provenance and the registration (without heatmaps) that ``to_text`` wrote.

    Raises:
        ValueError: if the text is not such a record, or one of a later format.
    """
    try:
        provenance = json.loads(text)
        if provenance.pop("format") != _FORMAT:
            raise ValueError("the registration record has a format that this version does not know")
        entry = provenance.pop("registration")
        return provenance, Registration(
            moving_to_fixed=_array(entry["moving_to_fixed"]),
            transform_type=TransformType(entry["transform_type"]),
            requested_type=TransformType(entry["requested_type"]),
            fixed_keypoints=_keypoints(entry["fixed_keypoints"]),
            moving_keypoints=_keypoints(entry["moving_keypoints"]),
            weights=_array(entry["weights"]),
            status=tuple(KeypointStatus(value) for value in entry["status"]),
            exclusion_reasons=tuple(entry["exclusion_reasons"]),
            residuals=_array(entry["residuals"]),
            error_form=_array(entry["error_form"]),
            fre=_number(entry["fre"]),
            predicted_tre=ErrorPrediction(**{name: _number(value) for name, value in entry["predicted_tre"].items()}),
            similarity=SimilarityChange(**{name: _number(value) for name, value in entry["similarity"].items()}),
            trust=Trust(TrustLevel(entry["trust"]["level"]), tuple(entry["trust"]["reasons"])),
            refined=entry["refined"],
            device=entry["device"],
            model=ModelIdentity(**entry["model"]),
            seconds=entry["seconds"],
            warnings=tuple(entry["warnings"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a registration record: {error}") from error


def _plain(value: Any) -> Any:
    """The value in JSON's own types.  Numbers that are not finite become null, which JSON has no other word for."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _array(values: list) -> np.ndarray:
    return np.array(values, dtype=float)  # turns null into NaN


def _keypoints(entry: dict[str, Any]) -> Keypoints:
    arrays = {name: _array(entry[name]) for name in ("positions", "covariances", "presence", "divergences")}
    return Keypoints(labels=tuple(entry["labels"]), **arrays)
