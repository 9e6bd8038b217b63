"""From a finished training to a model bundle: half-precision weights and a card with what was measured."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from ..detection.bundle import CARD_FILE, WEIGHTS_FILE
from ..detection.network import KeypointDetector
from ..files.placing import ResultSet
from .calibration import calibrate
from .config import TrainingConfig
from .shape import spread_order
from .steerable_kernels import plain_state
from .trainer import Trainer

_FILES = ResultSet((WEIGHTS_FILE, CARD_FILE))
_CALIBRATION_PAIRS = 20
_FAMILIAR_SHARE = 0.95
_NEVER_ABSENT = -100.0  # a logit below anything a map's evidence can be


def export_bundle(trainer: Trainer, config: TrainingConfig, folder: Path) -> None:
    """Write ``weights.safetensors`` and ``card.json`` into ``folder``.

    Keypoints come in an order in which the first n of them, for any n, are spread well: any prefix is a working model.  A
    nested training has learned its own order, which is kept.

    Raises:
        InputError: if they cannot be written, for example to a full disk; an earlier bundle is intact then.
    """
    shape = trainer.shape()
    order = np.arange(len(shape.template)) if config.schedule.nested else spread_order(shape.template)
    weights = {key: value.half().contiguous().cpu() for key, value in _ordered_state(trainer, order).items()}
    content = save(weights)
    sha256 = hashlib.sha256(content).hexdigest()
    keypoints = {
        "labels": [shape.labels[k] for k in order],
        "template_mm": np.round(shape.template[order], 2).tolist(),
        "variation_mm": np.round(shape.variation[order], 2).tolist(),
    }
    card = _card(trainer, config, keypoints, sha256)
    with _FILES.written_into(folder) as aside:
        (aside / WEIGHTS_FILE).write_bytes(content)
        (aside / CARD_FILE).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _ordered_state(trainer: Trainer, order: NDArray) -> dict[str, Tensor]:
    """Plain weights with the keypoints in ``order``; what was not taught to tell absence says that all are present."""
    detector: KeypointDetector = trainer.averaged
    state = plain_state(detector)
    for key in [key for key in state if key.startswith("network.head.")]:
        parts = state[key].unflatten(0, (len(order), -1))  # a finer map is made of eight channels
        state[key] = parts[order].flatten(0, 1)
    state["absence"] = state["absence"][order] if trainer.tells_presence else torch.full((len(order),), _NEVER_ABSENT)
    return state


def _card(trainer: Trainer, config: TrainingConfig, keypoints: dict[str, Any], sha256: str) -> dict[str, Any]:
    near = trainer.observe_held_out(config.near, _CALIBRATION_PAIRS)
    wide = trainer.observe_held_out(config.wide, _CALIBRATION_PAIRS)
    calibration = calibrate(near.errors, near.spreads, near.shared)
    return {
        "name": config.name,
        "version": config.version,
        "title": config.card.title,
        "summary": config.card.summary,
        "limits": list(config.card.limits),
        "licence": config.card.licence,
        "transform_types": list(config.card.transform_types),
        **({"finder": config.card.finder} if config.card.finder else {}),
        "architecture": asdict(config.network),
        "input": {"size": config.view.size, "spacing_mm": config.view.spacing},
        "keypoints": keypoints,
        "calibration": asdict(calibration)
        | {"familiar_spread_mm": round(float(np.quantile(near.view_spreads, _FAMILIAR_SHARE)), 2)},
        "accuracy": {
            "on": f"synthetic scans of {trainer.measured_on}: median over keypoints, mm",
            "error": "distance from the reference points"
            if trainer.taught
            else "distance between the keypoints of two views under the known motion, over √2",
            "upright": {"error": _median(near.errors), "spread": _median(near.spreads)},
            "turned": {"error": _median(wide.errors), "spread": _median(wide.spreads), "rotation": config.wide.rotation},
            "presence_accuracy": round((near.presence_accuracy + wide.presence_accuracy) / 2, 3),
            "on_real_scans": "docs/benchmarks.md",
        },
        "training": {
            "data": config.card.data,
            "subjects": trainer.subject_names,
            "steps": trainer.step,
            "torch": torch.__version__,
            "configuration": asdict(config),
        },
        "weights": {"file": WEIGHTS_FILE, "sha256": sha256, "precision": "float16"},
    }


def _median(values: NDArray) -> float:
    return round(float(np.median(values)), 2)
