"""Mutual information of paired values, and where each value would have to go for more of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BINS = 32

_WINDOW = 1.0  # bins, Gaussian σ of the Parzen window
_NEVER = 1e-9  # probability of a pair of values that was never seen
_PERCENTILES = (0.5, 99.5)


class Bins:
    """The range of some values, cut into ``BINS``; values beyond count as the nearest within."""

    def __init__(self, values: NDArray) -> None:
        low, high = np.percentile(values, _PERCENTILES)
        self._low, self.width = float(low), float(max(high - low, 1e-9)) / (BINS - 1)

    def places(self, values: NDArray) -> NDArray[np.float64]:
        """Where values are, (n,), in bins from the middle of the first: from 0 to ``BINS`` − 1."""
        return np.clip((values - self._low) / self.width, 0, BINS - 1)


def mutual_information(first: NDArray, second: NDArray) -> tuple[float, NDArray[np.float64]]:
    """Mutual information I in nats of values at ``places`` (n,) and (n,), and the slopes (n,) of what each adds to it.

    Probabilities come from a histogram into which each pair is shared out linearly, smoothed by a Gaussian window (Viola &
    Wells 1997 use such windows, Mattes et al. 2003 splines).  The slopes are ∂/∂m log p(f, m)/p(m), per bin, which makes
    ∂I = mean(slope · ∂m): how p itself depends on the values cancels.  They are 0 at the ends of the range.
    """
    log_ratio, information = _log_ratio(first, second)
    rise = np.gradient(log_ratio, axis=1)
    slopes = ndimage.map_coordinates(rise, np.stack([first, second]), order=1, mode="nearest")
    return information, slopes * ((second > 0) & (second < BINS - 1))


def _log_ratio(first: NDArray, second: NDArray) -> tuple[NDArray[np.float64], float]:
    """log p(f, m) / p(f) p(m) of every pair of bins (BINS, BINS), and its mean."""
    i, j = (np.minimum(places.astype(np.intp), BINS - 2) for places in (first, second))
    a, b = first - i, second - j
    cell = i * BINS + j
    cells = np.concatenate([cell, cell + 1, cell + BINS, cell + BINS + 1])
    shares = np.concatenate([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b])
    counts = np.bincount(cells, weights=shares, minlength=BINS**2).reshape(BINS, BINS)
    joint = ndimage.gaussian_filter(counts / max(len(first), 1), _WINDOW, mode="nearest") + _NEVER
    joint /= joint.sum()
    log_ratio = np.log(joint / (joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)))
    return log_ratio, float((joint * log_ratio).sum())
