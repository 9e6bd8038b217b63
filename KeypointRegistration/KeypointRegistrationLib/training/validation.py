"""How good a detector is on synthetic views of people it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..detection.moments import moments
from .generator import ViewGenerator
from .poses import PoseRange


@dataclass(frozen=True)
class Validation:
    """Medians over keypoints in views near upright and in turned ones, in mm; share of right presences."""

    near_error: float
    wide_error: float
    wide_error_p90: float
    near_spread: float
    wide_spread: float
    presence_accuracy: float


@dataclass(frozen=True, eq=False)
class Sightings:
    """Errors and spreads (mm) of the keypoints in view, (n,); median spread of each view (mm); share of right presences."""

    errors: NDArray[np.float64]
    spreads: NDArray[np.float64]
    view_spreads: NDArray[np.float64]
    presence_accuracy: float


def validate(detector: nn.Module, views: ViewGenerator, near: PoseRange, wide: PoseRange) -> Validation:
    """Errors of ``detector`` against the reference points, on a few views of each kind."""
    close, far = observe(detector, views, near, pairs=6), observe(detector, views, wide, pairs=6)
    return Validation(
        near_error=float(np.median(close.errors)),
        wide_error=float(np.median(far.errors)),
        wide_error_p90=float(np.quantile(far.errors, 0.9)),
        near_spread=float(np.median(close.spreads)),
        wide_spread=float(np.median(far.spreads)),
        presence_accuracy=(close.presence_accuracy + far.presence_accuracy) / 2,
    )


@torch.no_grad()
def observe(detector: nn.Module, views: ViewGenerator, limits: PoseRange, pairs: int) -> Sightings:
    """What ``detector`` makes of ``2 · pairs`` views of one kind."""
    detector.eval()
    errors, spreads, medians, right = [], [], [], []
    for _ in range(pairs):
        batch = views.pairs(1, [limits], same_subject=0.0)
        log_probabilities, presence = detector(batch.images, batch.valid)
        found = moments(log_probabilities, batch.valid.shape[-1], 2 * views.settings.spacing)
        errors.append((found.means - batch.points).norm(dim=-1)[batch.present])
        spread = (3 * found.variances).sqrt()
        spreads.append(spread[batch.present])
        medians.append(spread.median(dim=1).values)
        right.append(float(((presence > 0) == batch.present).float().mean()))
    return Sightings(_joined(errors), _joined(spreads), _joined(medians), float(np.mean(right)))


def _joined(parts: list[Tensor]) -> NDArray[np.float64]:
    return torch.cat(parts).double().cpu().numpy()
