"""Closed-form alignment of two corresponding point sets: rigid, similarity or affine.

Every fit treats the two sets alike: exchanging them gives the inverse matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import sqrtm

from .transforms import TransformType, affine, invert

#: Fewest points, with weight, that determine each kind.
MINIMUM_POINTS = {TransformType.RIGID: 3, TransformType.SIMILARITY: 3, TransformType.AFFINE: 4}

#: Smallest weighted extent of the points across their longest direction, relative to it, that still carries a fit.
FLATNESS_LIMIT = 0.02


class DegenerateError(ValueError):
    """Point sets that do not determine the transform asked for.  The message is a plain sentence."""


def fit(kind: TransformType, moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The 4×4 ``moving_to_fixed`` of the given kind with the least weighted squared distances.

    ``moving`` and ``fixed`` are corresponding positions in RAS mm, shape (N, 3); ``weights`` (N,) are not negative and
    need no scale (default: all equal).

    * Rigid: Kabsch (1976) with the reflection guard of Umeyama (1991).
    * Similarity: the same rotation, with the symmetric scale of Horn (1987), the ratio of the two root-mean-square radii.
    * Affine: the midpoint M_f (M_f⁻¹ M_b⁻¹)^½ of the least-squares fit M_f of fixed on moving and the inverse of the fit
      M_b of moving on fixed.  The first alone shrinks towards the mean under noise, the second stretches.

    Raises:
        DegenerateError: for too few points, or points (nearly) on a line, or for an affine (nearly) in a plane.
    """
    moving, fixed = np.asarray(moving, dtype=float), np.asarray(fixed, dtype=float)
    if moving.ndim != 2 or moving.shape[1] != 3 or moving.shape != fixed.shape:
        raise ValueError(f"moving {moving.shape} and fixed {fixed.shape} must both have shape (N, 3)")
    shares = np.ones(len(moving)) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != (len(moving),) or not np.isfinite(shares).all() or (shares < 0).any():
        raise ValueError(f"weights must be {len(moving)} finite numbers that are not negative")
    used = shares > 0
    moving, fixed, shares = moving[used], fixed[used], shares[used]
    check_layout(kind, moving, shares)
    check_layout(kind, fixed, shares)
    shares = shares / shares.sum()
    if kind is TransformType.AFFINE:
        return _affine(moving, fixed, shares)
    return _rigid_or_similarity(kind, moving, fixed, shares)


def extents(points: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """Weighted root-mean-square extents in mm of ``points`` (N, 3) along their three principal axes, longest first."""
    weights = weights / weights.sum()
    offsets = (points - weights @ points) * np.sqrt(weights)[:, None]
    values = np.linalg.svd(offsets, compute_uv=False)
    return np.concatenate([values, np.zeros(3 - len(values))])


def check_layout(kind: TransformType, points: NDArray, weights: NDArray, flatness_limit: float = FLATNESS_LIMIT) -> None:
    """Raise DegenerateError if ``points`` (N, 3) with ``weights`` (N,), all positive, do not determine ``kind``."""
    if len(points) < MINIMUM_POINTS[kind]:
        raise DegenerateError(
            f"The {kind.value} fit needs at least {MINIMUM_POINTS[kind]} keypoint pairs; only {len(points)} can be used."
        )
    if not np.isfinite(points).all():
        raise DegenerateError("A keypoint has a position that is not a finite number.")
    longest, second, third = extents(points, weights)
    if longest < 1e-9:
        raise DegenerateError("All keypoints lie at one place, so they say nothing about rotation.")
    if second < flatness_limit * longest:
        raise DegenerateError("The keypoints lie almost on one line, so the rotation about that line is undetermined.")
    if kind is TransformType.AFFINE and third < flatness_limit * longest:
        raise DegenerateError("The keypoints lie almost in one plane, so the stretch across that plane is undetermined.")


def _rigid_or_similarity(kind: TransformType, moving: NDArray, fixed: NDArray, weights: NDArray) -> NDArray[np.float64]:
    moving_centre, fixed_centre = weights @ moving, weights @ fixed
    moving_offsets, fixed_offsets = moving - moving_centre, fixed - fixed_centre
    u, _, vt = np.linalg.svd(fixed_offsets.T @ (moving_offsets * weights[:, None]))
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    scale = 1.0
    if kind is TransformType.SIMILARITY:
        scale = np.sqrt((weights @ fixed_offsets**2).sum() / (weights @ moving_offsets**2).sum())
    return affine(scale * rotation, fixed_centre - scale * rotation @ moving_centre)


def _affine(moving: NDArray, fixed: NDArray, weights: NDArray) -> NDArray[np.float64]:
    forward = _least_squares(moving, fixed, weights)
    backward = _least_squares(fixed, moving, weights)
    if np.linalg.det(forward[:3, :3]) <= 0:
        raise DegenerateError("The keypoint pairs would turn the anatomy inside out (a mirrored or flattened fit).")
    difference = sqrtm(invert(forward) @ invert(backward))
    # sqrtm may answer in complex numbers with nothing but rounding in their imaginary parts.
    if not np.isfinite(difference).all() or np.abs(difference.imag).max() > 1e-9:
        raise DegenerateError("The keypoint pairs contradict each other, so no affine alignment can be fitted.")
    midpoint = forward @ difference.real
    return affine(midpoint[:3, :3], midpoint[:3, 3])


def _least_squares(source: NDArray, target: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """The affine with the least weighted squared distances from moved ``source`` to ``target``."""
    source_centre, target_centre = weights @ source, weights @ target
    root = np.sqrt(weights)[:, None]
    transposed, *_ = np.linalg.lstsq((source - source_centre) * root, (target - target_centre) * root, rcond=None)
    if abs(np.linalg.det(transposed)) < 1e-12:
        raise DegenerateError("The keypoint pairs contradict each other, so no affine alignment can be fitted.")
    return affine(transposed.T, target_centre - transposed.T @ source_centre)
