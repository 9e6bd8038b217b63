"""The alignment of two keypoint sets with everything that follows from it: pairs judged, error predicted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..detection.bundle import Card
from ..geometry.accuracy import error_form, transform_covariance
from ..geometry.alignment import DegenerateError
from ..geometry.keypoints import Keypoints
from ..geometry.robust import RobustFit, robust_fit
from ..geometry.transforms import TransformType, apply
from .anatomy import unlikeness
from .pairs import Pairing

_UNKNOWN_ERROR = 100.0  # mm: the error said to remain where nothing could be aligned
_EXPECTED_COORDINATES = 3  # the expectation counts as much as this many coordinates of the residuals


@dataclass(frozen=True, eq=False)
class Expectation:
    """How far apart things are that belong together, in mm, root-mean-square, as the model's card has it.

    Attributes:
        distances: of correct pairs after the alignment, shape (K,).
        floor: by which all keypoints of a scan may be off together.
        variation: of corresponding anatomy of two people after the best affine alignment.
    """

    distances: NDArray[np.float64]
    floor: float
    variation: float


@dataclass(frozen=True, eq=False)
class KeypointFit:
    """A keypoint alignment.

    Attributes:
        fit: matrix, weights, inliers, residuals and notes.
        pairing: status and reason of every pair after the fit.
        expected: what the fit went by.
        trusted: pairs that were used whatever their distance, shape (K,): a person wants that.
        form: 4×4 quadratic form of the predicted error (mm²), see ``Registration.error_form``.
        failed: whether nothing could be fitted; ``fit.matrix`` is then only a guess and ``fit.notes`` says why.
    """

    fit: RobustFit
    pairing: Pairing
    expected: Expectation
    trusted: NDArray[np.bool_]
    form: NDArray[np.float64]
    failed: bool = False

    @property
    def residual_ratio(self) -> float:
        """Root-mean-square of residual / expected distance over the pairs that carry the fit."""
        return residual_ratio(self.fit.residuals, self.expected.distances, self.fit.inliers)


def expectation(card: Card, fixed: Keypoints, moving: Keypoints) -> Expectation:
    """How far apart the pairs of two scans are expected to be, as the ``card`` of the model that found them says."""
    errors = card.localisation_error(fixed.spread) ** 2 + card.localisation_error(moving.spread) ** 2
    return Expectation(
        distances=np.sqrt(errors + card.pair_variation**2),
        floor=card.error_floor,
        variation=float(np.sqrt(np.mean(card.pair_variation**2))),
    )


def fit_keypoints(
    kind: TransformType,
    fixed: Keypoints,
    moving: Keypoints,
    pairing: Pairing,
    expected: Expectation,
    *,
    trusted: ArrayLike | None = None,
    factors: ArrayLike | None = None,
) -> KeypointFit:
    """Fit ``kind`` to the usable pairs and predict its error.

    ``trusted`` pairs (K,) are never left out; ``factors`` (K,) multiply the weights (``geometry.robust.robust_fit``).

    Raises:
        DegenerateError: if not even a rigid alignment is possible.
    """
    fit = robust_fit(kind, moving, fixed, pairing.usable, expected.distances, trusted=trusted, factors=factors)
    pairing = pairing.after_fit(fit.inliers, fit.residuals, expected.distances)
    insisted = np.zeros(len(fixed), dtype=bool) if trusted is None else np.asarray(trusted, dtype=bool)
    return KeypointFit(fit, pairing, expected, insisted, _error_form(fit, fixed, moving, expected))


def without_fit(
    matrix: NDArray[np.float64],
    kind: TransformType,
    fixed: Keypoints,
    moving: Keypoints,
    pairing: Pairing,
    expected: Expectation,
    reason: DegenerateError,
) -> KeypointFit:
    """What is left where nothing can be fitted: ``matrix``, 4×4 moving → fixed, for want of a better one."""
    nothing = np.zeros(len(fixed))
    distances = np.linalg.norm(apply(matrix, moving.positions) - fixed.positions, axis=1)
    residuals = np.where(pairing.usable, distances, np.nan)
    fit = RobustFit(matrix, kind, nothing, nothing > 0, residuals, (str(reason),))
    form = np.diag([0.0, 0.0, 0.0, _UNKNOWN_ERROR**2])
    pairing = pairing.after_fit(fit.inliers, residuals, expected.distances)
    return KeypointFit(fit, pairing, expected, nothing > 0, form, failed=True)


def residual_ratio(residuals: NDArray, noise: NDArray, used: NDArray) -> float:
    """Root-mean-square of residual / expected distance over the ``used`` pairs; infinite without any."""
    return float(np.sqrt(np.mean((residuals[used] / noise[used]) ** 2))) if used.any() else np.inf


def _error_form(fit: RobustFit, fixed: Keypoints, moving: Keypoints, expected: Expectation) -> NDArray[np.float64]:
    """Predicted squared error: expected distances, scaled to the residuals seen, propagated, and what does not average out.

    The latter is what neighbouring keypoints get wrong together, no more than the card says (more where residuals are
    larger than expected) and no more than the residuals show; and what no affine aligns, where these are two people.
    """
    used = fit.inliers
    distances, weights = expected.distances[used], fit.weights[used]
    ratio = _scale(fit.residuals[used] / distances, fit.transform_type.parameters)
    covariances = (ratio * distances[:, None, None]) ** 2 / 3 * np.eye(3)
    covariance = transform_covariance(fit.transform_type, fit.matrix, moving.positions[used], covariances, weights)
    form = error_form(fit.transform_type, fit.matrix, covariance)
    seen = ratio * float(np.sqrt(np.average(distances**2, weights=weights)))
    form[3, 3] += (max(1.0, ratio) * min(expected.floor, seen)) ** 2
    apart = unlikeness(fixed.positions[used], moving.positions[used], weights)
    if apart is None:  # a rigid alignment is asked for where the anatomy is one and the same
        apart = 0.0 if fit.transform_type is TransformType.RIGID else 1.0
    form[3, 3] += apart * expected.variation**2
    return form


def _scale(ratios: NDArray, parameters: int) -> float:
    """What expected distances are to be multiplied by, given the residuals as ``ratios`` (n,) to them.

    A fit of so many parameters shrinks the residuals; where it leaves few coordinates to judge by, the expectation holds.
    """
    spare = max(0, 3 * len(ratios) - parameters)
    return float(np.sqrt((_EXPECTED_COORDINATES + 3 * np.sum(ratios**2)) / (_EXPECTED_COORDINATES + spare)))
