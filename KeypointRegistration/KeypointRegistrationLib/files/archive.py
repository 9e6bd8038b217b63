"""A volume or a whole result in one .npz file: plain arrays and JSON, nothing pickled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detection.heatmaps import Heatmaps
from ..geometry.errors import InputError
from ..geometry.keypoints import Keypoints
from ..geometry.sampling import Grid
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume
from ..registration.result import (
    ErrorPrediction,
    KeypointStatus,
    ModelIdentity,
    Registration,
    SimilarityChange,
    Trust,
    TrustLevel,
)

_KEYPOINT_ARRAYS = ("positions", "covariances", "presence", "divergences")
_RESULT_ARRAYS = ("moving_to_fixed", "weights", "residuals", "error_form")


def save_volume(path: str | Path, volume: Volume) -> None:
    """Write a scan, uncompressed, with its position (RAS mm) and name."""
    np.savez(Path(path), voxels=volume.voxels, ijk_to_ras=volume.ijk_to_ras, name=np.array(volume.name))


def load_volume(path: str | Path) -> Volume:
    """The scan that ``save_volume`` wrote.

    Raises:
        InputError: if the file is not such an archive.
    """
    arrays = _load(path)
    try:
        return Volume(arrays["voxels"], arrays["ijk_to_ras"], str(arrays["name"]))
    except KeyError as error:
        raise InputError(f"{path} is not an archive of a volume: it lacks {error}.") from error


def save_registration(path: str | Path, registration: Registration) -> None:
    """Write a result with everything in it, heatmaps included where it has them."""
    arrays = {name: getattr(registration, name) for name in _RESULT_ARRAYS}
    for side in ("fixed", "moving"):
        keypoints = getattr(registration, f"{side}_keypoints")
        arrays |= {f"{side}_{name}": getattr(keypoints, name) for name in _KEYPOINT_ARRAYS}
        heatmaps = getattr(registration, f"{side}_heatmaps")
        if heatmaps is not None:
            arrays[f"{side}_heatmaps"] = heatmaps.values
            arrays[f"{side}_heatmaps_ijk_to_ras"] = heatmaps.grid.ijk_to_ras
    np.savez(Path(path), text=np.array(json.dumps(_text(registration))), **arrays)


def load_registration(path: str | Path) -> Registration:
    """The result that ``save_registration`` wrote.

    Raises:
        InputError: if the file is not such an archive.
    """
    arrays = _load(path)
    try:
        text = json.loads(str(arrays["text"]))
        return Registration(
            **{name: arrays[name] for name in _RESULT_ARRAYS},
            transform_type=TransformType(text["transform_type"]),
            requested_type=TransformType(text["requested_type"]),
            fixed_keypoints=_keypoints(arrays, "fixed", text["fixed_labels"]),
            moving_keypoints=_keypoints(arrays, "moving", text["moving_labels"]),
            status=tuple(KeypointStatus(value) for value in text["status"]),
            exclusion_reasons=tuple(text["exclusion_reasons"]),
            fre=text["fre"],
            predicted_tre=ErrorPrediction(**text["predicted_tre"]),
            similarity=SimilarityChange(**text["similarity"]),
            trust=Trust(TrustLevel(text["trust_level"]), tuple(text["trust_reasons"])),
            refined=text["refined"],
            device=text["device"],
            model=ModelIdentity(**text["model"]),
            seconds=text["seconds"],
            warnings=tuple(text["warnings"]),
            fixed_heatmaps=_heatmaps(arrays, "fixed"),
            moving_heatmaps=_heatmaps(arrays, "moving"),
        )
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is not an archive of a registration: {error}.") from error


def _text(registration: Registration) -> dict:
    """Everything of a result that is not an array, for JSON (which keeps every digit of a float, and NaN and infinity)."""
    return {
        "transform_type": registration.transform_type.value,
        "requested_type": registration.requested_type.value,
        "fixed_labels": registration.fixed_keypoints.labels,
        "moving_labels": registration.moving_keypoints.labels,
        "status": [status.value for status in registration.status],
        "exclusion_reasons": registration.exclusion_reasons,
        "fre": float(registration.fre),
        "predicted_tre": {name: float(getattr(registration.predicted_tre, name)) for name in ("centre", "median", "p95")},
        "similarity": {name: float(getattr(registration.similarity, name)) for name in ("before", "after")},
        "trust_level": registration.trust.level.value,
        "trust_reasons": registration.trust.reasons,
        "refined": bool(registration.refined),
        "device": registration.device,
        "model": {name: getattr(registration.model, name) for name in ("name", "version", "sha256")},
        "seconds": {stage: float(seconds) for stage, seconds in registration.seconds.items()},
        "warnings": registration.warnings,
    }


def _keypoints(arrays: dict[str, NDArray], side: str, labels: list[str]) -> Keypoints:
    return Keypoints(tuple(labels), **{name: arrays[f"{side}_{name}"] for name in _KEYPOINT_ARRAYS})


def _heatmaps(arrays: dict[str, NDArray], side: str) -> Heatmaps | None:
    values = arrays.get(f"{side}_heatmaps")
    if values is None:
        return None
    return Heatmaps(values, Grid(values.shape[1:], arrays[f"{side}_heatmaps_ijk_to_ras"]))


def _load(path: str | Path) -> dict[str, NDArray]:
    try:
        with np.load(Path(path), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as an archive: {error}.") from error
