"""The alignment of two keypoint sets with everything that follows from it: pairs judged, error predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.accuracy import error_form, transform_covariance
from ..geometry.alignment import DegenerateError
from ..geometry.keypoints import Keypoints
from ..geometry.robust import RobustFit, robust_fit
from ..geometry.transforms import TransformType, apply
from .pairs import Pairing

_UNKNOWN_ERROR = 100.0  # mm: the error said to remain where nothing could be aligned


@dataclass(frozen=True, eq=False)
class KeypointFit:
    """A keypoint alignment.

    Attributes:
        fit: matrix, weights, inliers, residuals and notes.
        pairing: status and reason of every pair after the fit.
        noise: expected root-mean-square distance in mm of a correct pair, shape (K,).
        trusted: pairs that were used whatever their distance, shape (K,): a person wants that.
        floor: mm of error that all keypoints share.
        form: 4×4 quadratic form of the predicted error (mm²), see ``Registration.error_form``.
        failed: whether nothing could be fitted; ``fit.matrix`` is then only a guess and ``fit.notes`` says why.
    """

    fit: RobustFit
    pairing: Pairing
    noise: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    floor: float
    form: NDArray[np.float64]
    failed: bool = False

    @property
    def residual_ratio(self) -> float:
        """Root-mean-square of residual / expected distance over the pairs that carry the fit."""
        return residual_ratio(self.fit.residuals, self.noise, self.fit.inliers)


def fit_keypoints(
    kind: TransformType,
    fixed: Keypoints,
    moving: Keypoints,
    pairing: Pairing,
    noise: NDArray[np.float64],
    floor: float,
    *,
    trusted: ArrayLike | None = None,
    factors: ArrayLike | None = None,
) -> KeypointFit:
    """Fit ``kind`` to the usable pairs and predict its error.

    ``trusted`` pairs (K,) are never left out; ``factors`` (K,) multiply the weights (``geometry.robust.robust_fit``).

    Raises:
        DegenerateError: if not even a rigid alignment is possible.
    """
    fit = robust_fit(kind, moving, fixed, pairing.usable, noise, trusted=trusted, factors=factors)
    pairing = pairing.after_fit(fit.inliers, fit.residuals, noise)
    insisted = np.zeros(len(fixed), dtype=bool) if trusted is None else np.asarray(trusted, dtype=bool)
    return KeypointFit(fit, pairing, noise, insisted, floor, _error_form(fit, moving, noise, floor))


def without_fit(
    matrix: NDArray[np.float64],
    kind: TransformType,
    fixed: Keypoints,
    moving: Keypoints,
    pairing: Pairing,
    noise: NDArray[np.float64],
    floor: float,
    reason: DegenerateError,
) -> KeypointFit:
    """What is left where nothing can be fitted: ``matrix``, 4×4 moving → fixed, for want of a better one."""
    nothing = np.zeros(len(fixed))
    distances = np.linalg.norm(apply(matrix, moving.positions) - fixed.positions, axis=1)
    residuals = np.where(pairing.usable, distances, np.nan)
    fit = RobustFit(matrix, kind, nothing, nothing > 0, residuals, (str(reason),))
    form = np.diag([0.0, 0.0, 0.0, _UNKNOWN_ERROR**2])
    pairing = pairing.after_fit(fit.inliers, residuals, noise)
    return KeypointFit(fit, pairing, noise, nothing > 0, floor, form, failed=True)


def residual_ratio(residuals: NDArray, noise: NDArray, used: NDArray) -> float:
    """Root-mean-square of residual / expected distance over the ``used`` pairs; infinite without any."""
    return float(np.sqrt(np.mean((residuals[used] / noise[used]) ** 2))) if used.any() else np.inf


def _error_form(fit: RobustFit, moving: Keypoints, noise: NDArray, floor: float) -> NDArray[np.float64]:
    """Predicted squared error: the expected noise, scaled to the residuals seen (never below half of it), propagated.

    Errors that neighbouring keypoints share do not average out over many of them: ``floor`` (mm), more where the residuals
    are larger than expected, is added everywhere.
    """
    used = fit.inliers
    ratio = max(0.5, residual_ratio(fit.residuals, noise, used))
    covariances = (ratio * noise[used, None, None]) ** 2 / 3 * np.eye(3)
    points, weights = moving.positions[used], fit.weights[used]
    covariance = transform_covariance(fit.transform_type, fit.matrix, points, covariances, weights)
    form = error_form(fit.transform_type, fit.matrix, covariance)
    form[3, 3] += (max(1.0, ratio) * floor) ** 2
    return form
