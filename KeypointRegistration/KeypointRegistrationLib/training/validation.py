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
    """What was seen of the keypoints in view.

    Attributes:
        errors, spreads: mm, (n,).
        shared: product of each keypoint's error, a vector, and that of its nearest neighbour, mm², (n,).
        view_spreads: median spread of each view, mm.
        presence_accuracy: share of right presences.
    """

    errors: NDArray[np.float64]
    spreads: NDArray[np.float64]
    shared: NDArray[np.float64]
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
    shared: list[Tensor] = []
    for _ in range(pairs):
        batch = views.pairs(1, [limits], same_subject=0.0 if taught else 1.0)
        reading = detector(batch.images, batch.valid)
        found = moments_of(reading, detector, views.settings)
        spread = (3 * found.variances).sqrt()
        if taught:
            wrong, seen = found.means - batch.points, batch.present
        else:
            once = (found.means[1] - batch.moved(found.means)[0]) / 2**0.5
            wrong, seen = once.expand(2, -1, -1), torch.ones_like(batch.present)
        errors.append(wrong.norm(dim=-1)[seen])
        spreads.append(spread[seen])
        shared.extend(_shared(*view) for view in zip(wrong, found.means, seen, strict=True))
        medians.append(spread.median(dim=1).values)
        right.append(float(((reading.presence > 0) == batch.present).float().mean()))
    return Sightings(_joined(errors), _joined(spreads), _joined(shared), _joined(medians), float(np.mean(right)))


def _shared(wrong: Tensor, means: Tensor, seen: Tensor) -> Tensor:
    """Products (n,) of the errors ``(K, 3)`` of a view's keypoints, where ``seen`` ``(K,)``, and of their neighbours'."""
    wrong, means = wrong[seen], means[seen]
    if len(means) < 2:
        return wrong.new_zeros(len(means))
    apart = torch.cdist(means, means).fill_diagonal_(torch.inf)
    return (wrong * wrong[apart.argmin(dim=1)]).sum(dim=1)


def moments_of(reading: Reading, detector: KeypointDetector, settings: ViewSettings) -> Moments:
    """Moments of what ``detector`` read off views with these ``settings``, in mm of the view."""
    coarsening = detector.architecture.coarsening
    return moments(reading.log_probabilities, settings.size // coarsening, coarsening * settings.spacing)


def _joined(parts: list[Tensor]) -> NDArray[np.float64]:
    return torch.cat(parts).double().cpu().numpy()
