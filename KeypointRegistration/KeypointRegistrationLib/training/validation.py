"""How good a detector is on synthetic views of people it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..detection.moments import Moments, moments
from ..detection.network import KeypointDetector, Reading
from .generator import ViewGenerator, ViewSettings
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


def validate(detector: KeypointDetector, views: ViewGenerator, near: PoseRange, wide: PoseRange, taught: bool) -> Validation:
    """Errors of ``detector`` on a few views of each kind; ``taught`` as for ``observe``."""
    close, far = observe(detector, views, near, 6, taught), observe(detector, views, wide, 6, taught)
    return Validation(
        near_error=float(np.median(close.errors)),
        wide_error=float(np.median(far.errors)),
        wide_error_p90=float(np.quantile(far.errors, 0.9)),
        near_spread=float(np.median(close.spreads)),
        wide_spread=float(np.median(far.spreads)),
        presence_accuracy=(close.presence_accuracy + far.presence_accuracy) / 2,
    )


@torch.no_grad()
def observe(detector: KeypointDetector, views: ViewGenerator, limits: PoseRange, pairs: int, taught: bool) -> Sightings:
    """What ``detector`` makes of ``2 · pairs`` views of one kind.

    The errors of a detector that was ``taught`` reference points are its distances from these.  Those of one that chose its
    own are the distances between the keypoints of two views of one subject under the known motion, over √2: there are two
    of them in each.
    """
    detector.eval()
    errors, spreads, medians, right = [], [], [], []
    for _ in range(pairs):
        batch = views.pairs(1, [limits], same_subject=0.0 if taught else 1.0)
        reading = detector(batch.images, batch.valid)
        found = moments_of(reading, detector, views.settings)
        spread = (3 * found.variances).sqrt()
        if taught:
            errors.append((found.means - batch.points).norm(dim=-1)[batch.present])
            spreads.append(spread[batch.present])
        else:
            errors.append(((found.means[1] - batch.moved(found.means)[0]).norm(dim=-1) / 2**0.5).repeat(2))
            spreads.append(spread.flatten())
        medians.append(spread.median(dim=1).values)
        right.append(float(((reading.presence > 0) == batch.present).float().mean()))
    return Sightings(_joined(errors), _joined(spreads), _joined(medians), float(np.mean(right)))


def moments_of(reading: Reading, detector: KeypointDetector, settings: ViewSettings) -> Moments:
    """Moments of what ``detector`` read off views with these ``settings``, in mm of the view."""
    coarsening = detector.architecture.coarsening
    return moments(reading.log_probabilities, settings.size // coarsening, coarsening * settings.spacing)


def _joined(parts: list[Tensor]) -> NDArray[np.float64]:
    return torch.cat(parts).double().cpu().numpy()
