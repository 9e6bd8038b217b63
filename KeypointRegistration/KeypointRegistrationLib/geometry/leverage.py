"""How much of an alignment hangs on each keypoint pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .accuracy import inverse_normal_matrix, point_derivatives
from .transforms import TransformType


def leverage(kind: TransformType, matrix: ArrayLike, moving_points: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """Leverage of every pair in a weighted fit, shape (N,), from 0 to 1.

    It is how far the moved position follows when the pair's own fixed position moves, as a share and averaged over the three
    directions: tr(w_k B_k (Σ w BᵀB)⁻¹ B_kᵀ) / 3, the diagonal of the hat matrix of least squares (Hoaglin & Welsch 1978)
    for the fit linearised around ``matrix``, 4×4 moving → fixed RAS.  All leverages sum to a third of the number of
    parameters; a pair near 1 is on its own: no other pair contradicts it.  Pairs of weight 0 have leverage 0.

    ``moving_points`` (N, 3) are in moving RAS mm, ``weights`` (N,) need no scale.

    Raises:
        DegenerateError: if the points do not determine the parameters.
    """
    weights = np.asarray(weights, dtype=float)
    derivatives = point_derivatives(kind, matrix, moving_points)
    inverse = inverse_normal_matrix(derivatives, weights)
    return weights * np.einsum("nrp,pq,nrq->n", derivatives, inverse, derivatives) / 3
