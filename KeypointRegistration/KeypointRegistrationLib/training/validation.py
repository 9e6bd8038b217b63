"""How good a detector is on synthetic views of people it has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from ..detection.moments import moments
from .config import TrainingConfig
from .generator import ViewGenerator
from .poses import PoseRange

_PAIRS = 6


@dataclass(frozen=True)
class Validation:
    """Medians over keypoints in views near upright and in turned ones, in mm; share of right presences."""

    near_error: float
    wide_error: float
    wide_error_p90: float
    near_spread: float
    wide_spread: float
    presence_accuracy: float


@torch.no_grad()
def validate(detector: nn.Module, views: ViewGenerator, config: TrainingConfig) -> Validation:
    """Errors of ``detector`` against the reference points."""
    detector.eval()
    errors, spreads, right = {}, {}, []
    for kind, pose in (("near", config.near), ("wide", config.wide)):
        batch = views.pairs(_PAIRS, [PoseRange(**asdict(pose))], same_subject=0.0)
        log_probabilities, presence = detector(batch.images, batch.valid)
        found = moments(log_probabilities, config.view.size // 2, 2 * config.view.spacing)
        errors[kind] = (found.means - batch.points).norm(dim=-1)[batch.present]
        spreads[kind] = (3 * found.variances).sqrt()[batch.present]
        right.append(((presence > 0) == batch.present).float().mean())
    return Validation(
        near_error=float(errors["near"].median()),
        wide_error=float(errors["wide"].median()),
        wide_error_p90=float(errors["wide"].quantile(0.9)),
        near_spread=float(spreads["near"].median()),
        wide_spread=float(spreads["wide"].median()),
        presence_accuracy=float(torch.stack(right).mean()),
    )
