"""How far off a keypoint may be, given how wide its map is: fitted on people the network has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import chi2


@dataclass(frozen=True)
class Calibration:
    """Root-mean-square error = √((spread_factor · spread)² + error_floor_mm²), and how well that holds.

    ``coverage`` maps a probability to the share of held-out errors within the radius that should hold that share, if
    errors are Gaussian.
    """

    spread_factor: float
    error_floor_mm: float
    coverage: dict[str, float]


def calibrate(errors: NDArray, spreads: NDArray) -> Calibration:
    """Maximum-likelihood fit to error lengths and spreads, both (n,) in mm, of isotropic three-dimensional errors."""

    def negative_log_likelihood(logarithms: NDArray) -> float:
        squares = _squares(np.exp(logarithms), spreads)
        return float(np.mean(1.5 * np.log(squares) + 1.5 * errors**2 / squares))

    found = np.exp(minimize(negative_log_likelihood, np.log([0.5, 2.0]), method="Nelder-Mead").x)
    normalised = 3 * errors**2 / _squares(found, spreads)
    coverage = {f"{share:g}": round(float(np.mean(normalised <= chi2.ppf(share, 3))), 3) for share in (0.5, 0.9, 0.95)}
    return Calibration(round(float(found[0]), 4), round(float(found[1]), 3), coverage)


def _squares(factors: NDArray, spreads: NDArray) -> NDArray:
    return (factors[0] * spreads) ** 2 + factors[1] ** 2
