"""The keypoints of a registration as rows of a table: where, how far off, how sure, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.alignment import DegenerateError
from ..geometry.leverage import leverage
from ..geometry.transforms import apply
from .correction import Correction, PairChoice
from .result import KeypointStatus, Registration


@dataclass(frozen=True)
class KeypointRow:
    """One keypoint pair.  Numbers that a pair does not have are NaN.

    Attributes:
        keypoint: index k.
        label: its name.
        fixed, moving: position in either scan, RAS mm as registered; None where it is missing.
        residual: distance in mm between fixed keypoint and moved moving keypoint, also where the pair is not used.
        spread: root-mean-square radius in mm of its probability map, in the scan where that is wider.
        confidence: probability that its anatomy is in the scan, in the scan where that is lower.
        leverage: 0…1, how far the alignment follows this pair (0 where it is not used).
        weight: part of the fit, 0…1, all together 1.
        status: what became of it.
        choice: what the person wants of it.
        placed: whether the person has moved or added it.
        added: whether the person has added it.
        why: a sentence where it is not used, else empty.
    """

    keypoint: int
    label: str
    fixed: tuple[float, float, float] | None
    moving: tuple[float, float, float] | None
    residual: float
    spread: float
    confidence: float
    leverage: float
    weight: float
    status: KeypointStatus
    choice: PairChoice
    placed: bool
    added: bool
    why: str


def keypoint_rows(registration: Registration, correction: Correction) -> tuple[KeypointRow, ...]:
    """A row for each keypoint of ``registration``, which came of ``correction``, in the order of the keypoints."""
    fixed, moving = registration.fixed_keypoints, registration.moving_keypoints
    leverages, residuals = pair_leverages(registration), pair_distances(registration)
    placed = placed_by_person(registration, correction)
    network = len(registration.status) - len(correction.added)
    not_fixed, not_moving = registration.absent(fixed), registration.absent(moving)
    spreads, confidences = np.maximum(fixed.spread, moving.spread), np.minimum(fixed.presence, moving.presence)
    return tuple(
        KeypointRow(
            keypoint=k,
            label=label,
            fixed=_position(fixed.positions[k], bool(not_fixed[k])),
            moving=_position(moving.positions[k], bool(not_moving[k])),
            residual=float(residuals[k]),
            spread=float(spreads[k]),
            confidence=float(confidences[k]),
            leverage=float(leverages[k]),
            weight=float(registration.weights[k]),
            status=registration.status[k],
            choice=correction.choice(k),
            placed=bool(placed[k]),
            added=k >= network,
            why=registration.exclusion_reasons[k],
        )
        for k, label in enumerate(fixed.labels)
    )


def pair_distances(registration: Registration) -> NDArray[np.float64]:
    """Distance in mm of fixed from moved moving keypoint, shape (K,), NaN where one of the scans lacks it.

    Unlike the fit's residuals it is also that of pairs the fit has not looked at: left out, or excluded by their maps.
    """
    fixed, moving = registration.fixed_keypoints, registration.moving_keypoints
    apart = apply(registration.moving_to_fixed, moving.positions) - fixed.positions
    distances = np.linalg.norm(apart, axis=1)
    distances[registration.absent(fixed) | registration.absent(moving)] = np.nan
    return distances


def pair_leverages(registration: Registration) -> NDArray[np.float64]:
    """How far the alignment follows each pair, shape (K,), 0…1; 0 for those not used, NaN where it is not determined."""
    points = np.nan_to_num(registration.moving_keypoints.positions)
    weights = np.where(registration.used, registration.weights, 0.0)
    try:
        return leverage(registration.transform_type, registration.moving_to_fixed, points, weights)
    except DegenerateError:
        return np.where(registration.used, np.nan, 0.0)


def placed_by_person(registration: Registration, correction: Correction) -> NDArray[np.bool_]:
    """Which keypoints a person has moved or added, shape (K,)."""
    count = len(registration.status)
    network = count - len(correction.added)
    return np.array([k >= network or correction.moved_by_person(k) for k in range(count)], dtype=bool)


def _position(position: NDArray[np.float64], absent: bool) -> tuple[float, float, float] | None:
    if absent or not np.isfinite(position).all():
        return None
    right, anterior, superior = position.tolist()
    return right, anterior, superior
