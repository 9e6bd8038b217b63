"""The predicted error of an alignment in the three numbers that people read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ..geometry.accuracy import predicted_error
from .result import ErrorPrediction

#: Equally likely lengths of a Gaussian error in three dimensions whose root-mean-square length is 1.
_LENGTHS = np.sqrt(chi2.ppf((np.arange(200) + 0.5) / 200, 3) / 3)


def error_prediction(form: NDArray, points: NDArray) -> ErrorPrediction:
    """Of errors that are Gaussian and alike in all directions, with the root-mean-square lengths that ``form`` gives.

    ``form`` is that of ``geometry.accuracy.error_form``, ``points`` (N, 3) stand for the anatomy, in fixed RAS mm.
    """
    everywhere = predicted_error(form, points)[:, None] * _LENGTHS
    centre = predicted_error(form, points.mean(axis=0, keepdims=True))[0] * _LENGTHS
    return ErrorPrediction(float(np.median(centre)), float(np.median(everywhere)), float(np.quantile(everywhere, 0.95)))
