"""Small changes of space, of which every transform of a kind is made: a basis of its Lie algebra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .transforms import TransformType, affine


def generators(kind: TransformType) -> NDArray[np.float64]:
    """Matrices G (p, 4, 4): the transform exp(Σ ε_i G_i) changes a point x̃ = (x, y, z, 1) by Σ ε_i G_i x̃ to first order.

    * rigid: turns about R, A and S through the origin (radians), then shifts along R, A and S;
    * similarity: turns, growth (logarithm of the scale), shifts;
    * affine: the twelve entries of the matrix, row by row.
    """
    if kind is TransformType.AFFINE:
        return np.pad(np.eye(12).reshape(12, 3, 4), ((0, 0), (0, 1), (0, 0)))
    changes = [affine(turn, np.zeros(3)) for turn in _cross_matrices()]
    if kind is TransformType.SIMILARITY:
        changes.append(np.eye(4))
    changes.extend(affine(np.zeros((3, 3)), shift) for shift in np.eye(3))
    found = np.stack(changes)
    found[:, 3] = 0
    return found


def _cross_matrices() -> NDArray[np.float64]:
    """The matrices of ω × q for ω along R, A and S, shape (3, 3, 3)."""
    turns = np.zeros((3, 3, 3))
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turns[axis, second, first], turns[axis, first, second] = 1.0, -1.0
    return turns
