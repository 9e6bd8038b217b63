"""How far off an alignment may be, anywhere: first-order propagation of keypoint errors into the transform.

Fitzpatrick, West & Maurer (1998) for equal isotropic errors; Moghari & Abolmaesumi (2009) and Danilchenko & Fitzpatrick
(2011) for errors that differ between points and directions, with any weights.  The fit's own residual says nothing about
the error elsewhere; these predictions do.

The parameters whose covariance is given are

* rigid: a rotation vector (radians) that turns the linear part from the left, then the translation (mm);
* similarity: rotation vector, logarithm of the scale, translation;
* affine: the twelve entries of the matrix, row by row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .alignment import DegenerateError
from .generators import generators
from .transforms import TransformType, affine, invert


def transform_covariance(
    kind: TransformType, matrix: ArrayLike, moving_points: ArrayLike, pair_covariances: ArrayLike, weights: ArrayLike
) -> NDArray[np.float64]:
    """Covariance (p, p) of the parameters of a weighted fit, p = 6, 7 or 12.

    ``matrix`` is the fitted 4×4 moving → fixed RAS, ``moving_points`` (N, 3) the fitted moving positions, ``weights``
    (N,) those of the fit and ``pair_covariances`` (N, 3, 3), in mm² and fixed axes, of fixed minus moved moving position.
    With B_k = ∂(moved position)/∂(parameters), the sandwich (Σ w BᵀB)⁻¹ (Σ w² BᵀCB) (Σ w BᵀB)⁻¹ holds for any weights.

    Raises:
        DegenerateError: if the points do not determine the parameters.
    """
    weights = np.asarray(weights, dtype=float)
    derivatives = point_derivatives(kind, matrix, moving_points)
    inverse = inverse_normal_matrix(derivatives, weights)
    spread = weights[:, None, None] ** 2 * (np.asarray(pair_covariances, dtype=float) @ derivatives)
    middle = np.tensordot(derivatives, spread, axes=([0, 1], [0, 1]))
    covariance = inverse @ middle @ inverse
    return (covariance + covariance.T) / 2


def point_derivatives(kind: TransformType, matrix: ArrayLike, moving_points: ArrayLike) -> NDArray[np.float64]:
    """Derivatives B_k of every moved position by the p parameters of ``matrix``, shape (N, 3, p)."""
    return (_homogeneous(moving_points) @ _moving_derivatives(kind, matrix)).transpose(1, 0, 2)


def inverse_normal_matrix(derivatives: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """(Σ w BᵀB)⁻¹, shape (p, p), of ``derivatives`` (N, 3, p) and ``weights`` (N,).

    Raises:
        DegenerateError: if the points do not determine the parameters.
    """
    normal = np.tensordot(derivatives, weights[:, None, None] * derivatives, axes=([0, 1], [0, 1]))
    # Angles (radians) and shifts (mm) differ by orders of magnitude: judge and invert the normal matrix at unit diagonal.
    scale = 1 / np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
    balanced = normal * np.outer(scale, scale)
    if np.linalg.cond(balanced) > 1e12:
        raise DegenerateError("The keypoints do not determine the alignment, so its accuracy cannot be predicted.")
    return np.linalg.inv(balanced) * np.outer(scale, scale)


def error_form(kind: TransformType, matrix: ArrayLike, covariance: ArrayLike) -> NDArray[np.float64]:
    """The 4×4 quadratic form Q with RMS-TRE²(x) = x̃ᵀ Q x̃ in mm² at a point x̃ = (x, y, z, 1) of the *fixed* space.

    ``covariance`` is that of ``transform_covariance`` for the same ``kind`` and ``matrix``.  One polynomial is the whole
    error map.
    """
    to_moving = invert(matrix)
    covariance = np.asarray(covariance, dtype=float)
    form = np.zeros((4, 4))
    for derivative in _moving_derivatives(kind, matrix):
        on_fixed = to_moving.T @ derivative
        form += on_fixed @ covariance @ on_fixed.T
    return (form + form.T) / 2


def predicted_error(form: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Predicted root-mean-square target registration error in mm, shape (N,), at fixed-space ``points`` (N, 3)."""
    points = _homogeneous(points)
    return np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", points, np.asarray(form, dtype=float), points), 0.0))


def _homogeneous(points: ArrayLike) -> NDArray[np.float64]:
    rows = np.atleast_2d(np.asarray(points, dtype=float))
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


def _moving_derivatives(kind: TransformType, matrix: ArrayLike) -> NDArray[np.float64]:
    """Derivatives of the moved position by the parameters, shape (3, 4, p).

    The derivative of coordinate r at the moving point p̃ = (x, y, z, 1) is p̃ᵀ D[r].
    """
    # A turn or growth acts on the moved point up to its shift; an affine's entries on the moving point itself.
    linear = np.eye(4) if kind is TransformType.AFFINE else affine(np.asarray(matrix, dtype=float)[:3, :3], np.zeros(3))
    return np.stack([(generator @ linear)[:3] for generator in generators(kind)], axis=-1)
