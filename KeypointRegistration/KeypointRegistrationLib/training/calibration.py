"""How far off a keypoint may be, given how wide its map is: fitted on people the network has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

_LOG_FACTORS = (np.log(0.05), np.log(5.0))  # of the spread: where its factor is looked for


@dataclass(frozen=True)
class Calibration:
    """Root-mean-square error = √((spread_factor · spread)² + error_floor_mm²), and how well that holds.

    The floor is what neighbouring keypoints get wrong together, which no averaging over keypoints takes away.  ``coverage``
    maps a probability to the share of held-out errors within the radius that should hold that share, if errors are Gaussian.
    """

    spread_factor: float
    error_floor_mm: float
    coverage: dict[str, float]


def calibrate(errors: NDArray, spreads: NDArray, shared: NDArray) -> Calibration:
    """Maximum-likelihood fit to error lengths and spreads, both (n,) in mm, of isotropic three-dimensional errors.

    ``shared`` (n,), mm², are products of the errors of keypoints and of their neighbours, whose mean is the floor's square:
    lengths and spreads alone do not tell one part from the other where all maps are about as wide.
    """
    floor = float(np.sqrt(max(0.0, np.mean(shared))))

    def negative_log_likelihood(logarithm: float) -> float:
        squares = _squares(np.exp(logarithm), floor, spreads)
        return float(np.mean(1.5 * np.log(squares) + 1.5 * errors**2 / squares))

    factor = float(np.exp(minimize_scalar(negative_log_likelihood, bounds=_LOG_FACTORS, method="bounded").x))
    normalised = 3 * errors**2 / _squares(factor, floor, spreads)
    coverage = {f"{share:g}": round(float(np.mean(normalised <= chi2.ppf(share, 3))), 3) for share in (0.5, 0.9, 0.95)}
    return Calibration(round(factor, 4), round(floor, 3), coverage)


def _squares(factor: float, floor: float, spreads: NDArray) -> NDArray:
    return (factor * spreads) ** 2 + floor**2
