"""Alignment of keypoint pairs of which some are wrong: graduated non-convexity on a truncated least-squares cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from .alignment import DegenerateError, check_layout, fit
from .keypoints import Keypoints
from .transforms import TransformType, apply

#: An inlier pair is nearer than this many times its expected root-mean-square distance: 99.9 % of the pairs are, where
#: the error is Gaussian in three dimensions.
INLIER_LIMIT = float(np.sqrt(chi2.ppf(0.999, 3) / 3))

#: Fewest effective pairs, (Σw)² / Σw², for a kind; below it a kind with fewer parameters is the better guess.
EFFECTIVE_PAIRS = {TransformType.AFFINE: 12.0, TransformType.SIMILARITY: 4.0, TransformType.RIGID: 0.0}

#: Extent across the longest direction, relative to it, below which a kind is not fitted to *noisy* pairs: (1/0.1)² is a
#: condition number of 100 of the scatter matrix, and already means a tenfold stretch error across the thin direction.
NOISY_FLATNESS_LIMIT = 0.1

_FALL_BACK = {TransformType.AFFINE: TransformType.SIMILARITY, TransformType.SIMILARITY: TransformType.RIGID}
_GROWTH = 1.4
_ROUNDS = 100
_WIDENINGS = (1.0, 1.5, 2.25)


@dataclass(frozen=True, eq=False)
class RobustFit:
    """The outcome of a robust fit.

    Attributes:
        matrix: 4×4 moving → fixed RAS.
        transform_type: what was fitted in the end (see ``notes`` where it is not what was asked for).
        weights: of the pairs in the fit, shape (K,), summing to 1, 0 where not used.
        inliers: pairs that carry the fit, shape (K,).
        residuals: distance in mm of every usable pair after the fit, shape (K,), NaN where not usable.
        notes: plain sentences on what was done differently from what was asked.
    """

    matrix: NDArray[np.float64]
    transform_type: TransformType
    weights: NDArray[np.float64]
    inliers: NDArray[np.bool_]
    residuals: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def robust_fit(
    kind: TransformType,
    moving: Keypoints,
    fixed: Keypoints,
    usable: ArrayLike,
    noise: ArrayLike,
    *,
    trusted: ArrayLike | None = None,
    factors: ArrayLike | None = None,
) -> RobustFit:
    """Fit ``kind`` to the usable pairs of keypoints, leaving out pairs that disagree with the rest.

    Graduated non-convexity with truncated least squares (Yang et al., IEEE RA-L 2020): the cost starts convex and is
    bent step by step until pairs beyond the inlier limit count nothing.  The limit of each pair follows from its own
    ``noise`` (K,), the expected root-mean-square distance in mm of a correct pair, as do the weights, 1/noise².
    Where fewer than half of the usable pairs agree within that limit, the limit is widened step by step and a note says so.
    Falls back from affine to similarity to rigid where pairs are too few or badly laid out, and says so in ``notes``.

    Pairs that are ``trusted`` (K,) count in full however far apart they are, and have no say in which others do: those are
    judged among themselves.  ``factors`` (K,), positive, multiply the weights and leave the limits as they are.

    Raises:
        DegenerateError: if not even a rigid fit is possible.
    """
    usable = np.asarray(usable, dtype=bool)
    noise = np.asarray(noise, dtype=float)
    count = len(moving)
    if len(fixed) != count or usable.shape != (count,) or noise.shape != (count,):
        raise ValueError(f"{count} moving keypoints need as many fixed keypoints, usable flags and noise values")
    if not (np.isfinite(noise[usable]).all() and (noise[usable] > 0).all()):
        raise ValueError("the expected noise of every usable pair must be a positive number of mm")

    trusted = np.zeros(count, dtype=bool) if trusted is None else np.asarray(trusted, dtype=bool)
    factors = np.ones(count) if factors is None else np.asarray(factors, dtype=float)
    if not (np.isfinite(factors[usable]).all() and (factors[usable] > 0).all()):
        raise ValueError("the weight factor of every usable pair must be a positive number")

    pairs = _Pairs(
        moving.positions[usable],
        fixed.positions[usable],
        noise[usable],
        factors[usable] / noise[usable] ** 2,
        trusted[usable],
    )
    notes: list[str] = []
    while True:
        try:
            fitted = _fit_one_kind(kind, pairs, notes)
            break
        except DegenerateError as error:
            if kind not in _FALL_BACK:
                raise
            notes.append(f"{error} A {_FALL_BACK[kind].value} alignment was fitted instead of {_article(kind)} one.")
            kind = _FALL_BACK[kind]
    matrix, used_weights = fitted
    weights = np.zeros(count)
    weights[usable] = used_weights
    residuals = np.full(count, np.nan)
    residuals[usable] = np.linalg.norm(apply(matrix, moving.positions[usable]) - fixed.positions[usable], axis=1)
    return RobustFit(matrix, kind, weights, weights > 0, residuals, tuple(notes))


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Usable pairs: positions (N, 3) and expected distances (N,) in mm, weights before any doubt (N,), which are trusted."""

    moving: NDArray[np.float64]
    fixed: NDArray[np.float64]
    noise: NDArray[np.float64]
    base: NDArray[np.float64]
    trusted: NDArray[np.bool_]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(self.moving[chosen], self.fixed[chosen], self.noise[chosen], self.base[chosen], self.trusted[chosen])


def _fit_one_kind(kind: TransformType, pairs: _Pairs, notes: list[str]) -> tuple[NDArray, NDArray]:
    """Matrix and normalised weights for one kind."""
    _check(kind, pairs, pairs.base)
    agreeing = np.ones(len(pairs.base), dtype=bool)
    doubted = ~pairs.trusted
    if doubted.any():
        try:
            agreeing[doubted] = _agreeing(kind, pairs[doubted], notes)
        except DegenerateError:
            if doubted.all():
                raise
            # Too few to be judged among themselves: beside trusted pairs, all of them count.
    weights = pairs.base * agreeing
    _check(kind, pairs, weights)
    weights /= weights.sum()
    return fit(kind, pairs.moving, pairs.fixed, weights), weights


def _agreeing(kind: TransformType, pairs: _Pairs, notes: list[str]) -> NDArray[np.bool_]:
    """Which pairs agree with each other, with the limit widened where most would be left out."""
    outcome: NDArray | DegenerateError = DegenerateError("No keypoint pair can be used.")
    for widening in _WIDENINGS:
        try:
            outcome = _graduated(kind, pairs, widening)
        except DegenerateError as error:
            outcome = error
            continue
        if 2 * np.count_nonzero(outcome) >= len(pairs.noise):
            break
    if isinstance(outcome, DegenerateError):
        raise outcome
    if widening > 1:
        notes.append(
            "The keypoints of the two scans agree less well than expected: "
            f"distances up to {widening:g} times as large were accepted."
        )
    return outcome


def _graduated(kind: TransformType, pairs: _Pairs, widening: float) -> NDArray[np.bool_]:
    """Which pairs remain when the cost has been bent to its final shape."""
    _check(kind, pairs, pairs.base)
    matrix = fit(kind, pairs.moving, pairs.fixed, pairs.base / pairs.base.sum())
    squared = _squared_distances(matrix, pairs)
    limit = (widening * INLIER_LIMIT) ** 2
    excess = 2 * squared.max() - limit
    # Where all pairs are well within the limit the cost is convex from the start.
    control = limit / excess if excess > 0 else np.inf
    for _ in range(_ROUNDS):
        share = _truncated_weights(squared, limit, control)
        weights = pairs.base * share
        _check(kind, pairs, weights)
        matrix = fit(kind, pairs.moving, pairs.fixed, weights / weights.sum())
        squared = _squared_distances(matrix, pairs)
        if np.isinf(control) or (np.isin(share, (0.0, 1.0)).all() and np.array_equal(share > 0, squared <= limit)):
            break
        control *= _GROWTH
    remaining = share > 0.5
    _check(kind, pairs, pairs.base * remaining)
    return remaining


def _truncated_weights(squared: NDArray, limit: float, control: float) -> NDArray[np.float64]:
    """Weights of the surrogate of truncated least squares at the stage ``control`` (μ of the paper, growing)."""
    if np.isinf(control):
        return (squared <= limit).astype(float)
    between = np.sqrt(limit * control * (control + 1) / np.maximum(squared, 1e-12)) - control
    return np.where(
        squared >= (control + 1) / control * limit, 0.0, np.where(squared <= control / (control + 1) * limit, 1.0, between)
    )


def _squared_distances(matrix: NDArray, pairs: _Pairs) -> NDArray[np.float64]:
    """Squared distances of the pairs in units of their expected ones."""
    return (((apply(matrix, pairs.moving) - pairs.fixed) / pairs.noise[:, None]) ** 2).sum(axis=1)


def _check(kind: TransformType, pairs: _Pairs, weights: NDArray) -> None:
    """Raise DegenerateError where the weighted pairs are too few or too flat for ``kind``."""
    used = weights > 0
    for points in (pairs.moving, pairs.fixed):
        check_layout(kind, points[used], weights[used], NOISY_FLATNESS_LIMIT)
    effective = weights.sum() ** 2 / (weights**2).sum()
    if effective < EFFECTIVE_PAIRS[kind] - 1e-9:
        raise DegenerateError(
            f"Only {used.sum()} keypoint pairs can be used (worth {effective:.1f} equal ones), "
            f"too few for {_article(kind)} alignment."
        )


def _article(kind: TransformType) -> str:
    return f"an {kind.value}" if kind is TransformType.AFFINE else f"a {kind.value}"
