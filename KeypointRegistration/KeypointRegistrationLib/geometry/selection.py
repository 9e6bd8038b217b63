"""Which pairs an alignment needs: those that determine it best, as few as will do.

A-optimal design (Atkinson, Donev & Tobias 2007) by greedy forward selection: of all pairs the one is taken next that most
reduces the mean squared error predicted over the anatomy, the trace of (Σ w BᵀB)⁻¹ times the mean of BᵀB over it, in the
notation of ``geometry.accuracy``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .accuracy import point_derivatives
from .robust import EFFECTIVE_PAIRS
from .transforms import TransformType

#: Root-mean-square error in mm over the anatomy before any pair is known: so large that it does not matter afterwards.
_UNKNOWN = 1e3

#: Pairs that any alignment keeps, so that they can contradict each other.
_FEWEST = 6


@dataclass(frozen=True, eq=False)
class Selection:
    """Pairs in the order in which they were chosen, and what is predicted of them.

    Attributes:
        order: indices of the chosen pairs, most useful first, shape (n,).
        predicted: root-mean-square error in mm over the anatomy with the first, the first two, … of them, shape (n,).
    """

    order: NDArray[np.int_]
    predicted: NDArray[np.float64]


def select_pairs(
    kind: TransformType,
    matrix: ArrayLike,
    moving_points: ArrayLike,
    distances: ArrayLike,
    anatomy: ArrayLike,
    least_gain: float = 0.01,
) -> Selection:
    """Choose pairs until the best of the rest would improve the predicted error by less than ``least_gain`` of it.

    Args:
        kind: of the alignment.
        matrix: 4×4 moving → fixed RAS, about which the alignment is linearised.
        moving_points: of the pairs to choose from, (N, 3) moving RAS mm.
        distances: root-mean-square distance in mm of each pair after a correct alignment, (N,); weights are 1/distance².
        anatomy: where the alignment shall be good, (M, 3) moving RAS mm.
        least_gain: share of the predicted error.

    As long as there are any, never fewer pairs are chosen than the robust fit needs for ``kind``, nor than six.
    """
    derivatives = point_derivatives(kind, matrix, moving_points)
    variances = np.square(np.asarray(distances, dtype=float)) / 3
    everywhere = point_derivatives(kind, matrix, anatomy)
    wanted = np.tensordot(everywhere, everywhere, axes=([0, 1], [0, 1])) / len(everywhere)
    covariance = np.linalg.inv(wanted) * _UNKNOWN**2 / len(wanted)
    left = np.ones(len(derivatives), dtype=bool)
    order: list[int] = []
    predicted = [_UNKNOWN]
    while left.any():
        candidates = np.flatnonzero(left)
        gains, innovations = _gains(covariance, derivatives[candidates], variances[candidates])
        reductions = np.trace(np.linalg.solve(innovations, gains.transpose(0, 2, 1) @ wanted @ gains), axis1=1, axis2=2)
        best = int(np.argmax(reductions))
        error = float(np.sqrt(max(0.0, np.sum(covariance * wanted) - reductions[best])))
        if error > (1 - least_gain) * predicted[-1] and _suffice(kind, variances[order]):
            break
        covariance = covariance - gains[best] @ np.linalg.solve(innovations[best], gains[best].T)
        left[candidates[best]] = False
        order.append(int(candidates[best]))
        predicted.append(error)
    return Selection(np.array(order, dtype=int), np.array(predicted[1:]))


def _gains(covariance: NDArray, derivatives: NDArray, variances: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What joining pairs do to the parameters' covariance C: it becomes C − G S⁻¹ Gᵀ (the matrix inversion lemma).

    Returns G = C Bᵀ, (n, p, 3), and S = B C Bᵀ + σ² I, (n, 3, 3), of pairs with ``derivatives`` B (n, 3, p) and
    ``variances`` σ² (n,) per coordinate.
    """
    gains = covariance @ derivatives.transpose(0, 2, 1)
    return gains, derivatives @ gains + variances[:, None, None] * np.eye(3)


def _suffice(kind: TransformType, variances: NDArray) -> bool:
    """Whether the robust fit will do with pairs of these ``variances`` (n,)."""
    weights = 1 / variances
    return len(weights) >= _FEWEST and weights.sum() ** 2 / (weights**2).sum() >= EFFECTIVE_PAIRS[kind]
