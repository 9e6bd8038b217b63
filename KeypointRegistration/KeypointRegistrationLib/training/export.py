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
from safetensors.torch import save_file

from ..detection.bundle import CARD_FILE, WEIGHTS_FILE
from . import anatomy
from .calibration import calibrate
from .config import TrainingConfig
from .trainer import Trainer

_CALIBRATION_PAIRS = 20
_FAMILIAR_SHARE = 0.95


def export_bundle(trainer: Trainer, config: TrainingConfig, points: NDArray, names: list[str], folder: Path) -> None:
    """Write ``weights.safetensors`` and ``card.json`` into ``folder``.

    ``points`` (subjects, K, 3) are the reference points of the training subjects called ``names``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: value.half().contiguous().cpu() for key, value in trainer.averaged.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)
    (folder / WEIGHTS_FILE).chmod(0o644)  # safetensors writes for the owner only
    sha256 = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    card = _card(trainer, config, points, names, sha256)
    (folder / CARD_FILE).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _card(trainer: Trainer, config: TrainingConfig, points: NDArray, names: list[str], sha256: str) -> dict[str, Any]:
    template, variation = anatomy.mean_shape(points)
    near = trainer.observe_held_out(config.near, _CALIBRATION_PAIRS)
    wide = trainer.observe_held_out(config.wide, _CALIBRATION_PAIRS)
    calibration = calibrate(near.errors, near.spreads)
    return {
        "name": config.name,
        "version": config.version,
        "title": config.card.title,
        "summary": config.card.summary,
        "limits": list(config.card.limits),
        "licence": config.card.licence,
        "transform_types": list(config.card.transform_types),
        "architecture": {"kind": "space-to-depth U-Net", "widths": list(config.network.widths)},
        "input": {"size": config.view.size, "spacing_mm": config.view.spacing},
        "keypoints": {
            "labels": list(anatomy.names()),
            "template_mm": np.round(template, 2).tolist(),
            "variation_mm": np.round(variation, 2).tolist(),
        },
        "calibration": asdict(calibration)
        | {"familiar_spread_mm": round(float(np.quantile(near.view_spreads, _FAMILIAR_SHARE)), 2)},
        "accuracy": {
            "on": "synthetic scans of the held-out label maps: median over keypoints, mm",
            "upright": {"error": _median(near.errors), "spread": _median(near.spreads)},
            "turned": {"error": _median(wide.errors), "spread": _median(wide.spreads), "rotation": config.wide.rotation},
            "presence_accuracy": round((near.presence_accuracy + wide.presence_accuracy) / 2, 3),
            "on_real_scans": "docs/benchmarks.md",
        },
        "training": {
            "data": config.card.data,
            "subjects": names,
            "steps": trainer.step,
            "torch": torch.__version__,
            "configuration": asdict(config),
        },
        "weights": {"file": WEIGHTS_FILE, "sha256": sha256, "precision": "float16"},
    }


def _median(values: NDArray) -> float:
    return round(float(np.median(values)), 2)
