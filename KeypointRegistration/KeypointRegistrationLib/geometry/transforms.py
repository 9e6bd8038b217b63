"""Affine transforms of space: kinds, conventions and what they do in plain numbers.

All matrices are 4×4, act on column vectors (x, y, z, 1) and map moving RAS to fixed RAS (mm) unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

#: Below this angle (degrees) or stretch a transform is described as not turning or not scaling.
_NEGLIGIBLE_DEGREES = 0.05
_NEGLIGIBLE_STRETCH = 0.0005

#: An axis within this angle (degrees) of a body axis is called by the body axis' name.
_NAMED_AXIS_DEGREES = 20.0
_AXIS_NAMES = ("the left–right axis", "the back–front axis", "the foot–head axis")

#: Where a head goes that turns by a positive, and by a negative, angle about each axis (right hand rule in RAS).
_SENSES = (
    ("the face upwards", "the face downwards"),
    ("the top of the head to its right", "the top of the head to its left"),
    ("the face to its left", "the face to its right"),
)


class TransformType(Enum):
    """What an alignment may change.  The value is the word used on the command line and in files."""

    RIGID = "rigid"
    SIMILARITY = "similarity"
    AFFINE = "affine"

    @property
    def parameters(self) -> int:
        """Degrees of freedom."""
        return {"rigid": 6, "similarity": 7, "affine": 12}[self.value]


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The polar parts of an affine: x ↦ ``rotation`` · P · x + ``translation`` with the symmetric stretch P.

    Attributes:
        rotation: the nearest proper rotation, 3×3.
        translation: where the origin goes, mm, shape (3,).
        scales: diagonal of P: factors along the moving R, A and S axes, shape (3,).
        shears: off-diagonal of P: R–A, R–S and A–S, shape (3,).
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    scales: NDArray[np.float64]
    shears: NDArray[np.float64]

    @property
    def stretch(self) -> NDArray[np.float64]:
        """The symmetric 3×3 matrix P."""
        ra, rs, as_ = self.shears
        return np.diag(self.scales) + np.array([[0, ra, rs], [ra, 0, as_], [rs, as_, 0]])

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The 4×4 matrix that was taken apart."""
        return affine(self.rotation @ self.stretch, self.translation)


def affine(linear: ArrayLike, translation: ArrayLike) -> NDArray[np.float64]:
    """The 4×4 matrix of x ↦ ``linear`` · x + ``translation``."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = translation
    return matrix


def apply(matrix: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """The ``points`` (N, 3) moved by a 4×4 affine ``matrix``."""
    matrix = np.asarray(matrix, dtype=float)
    return np.asarray(points, dtype=float) @ matrix[:3, :3].T + matrix[:3, 3]


def invert(matrix: ArrayLike) -> NDArray[np.float64]:
    """The inverse of a 4×4 affine, with an exact last row.

    Raises:
        numpy.linalg.LinAlgError: if the matrix is singular.
    """
    matrix = np.asarray(matrix, dtype=float)
    linear = np.linalg.inv(matrix[:3, :3])
    return affine(linear, -linear @ matrix[:3, 3])


def ras_to_lps(matrix: ArrayLike) -> NDArray[np.float64]:
    """The same transform written for LPS coordinates (or, its own inverse, from LPS to RAS)."""
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    return flip @ np.asarray(matrix, dtype=float) @ flip


def nearest_rotation(linear: ArrayLike) -> NDArray[np.float64]:
    """The proper rotation (3×3, determinant +1) nearest to ``linear`` in the least-squares sense."""
    u, _, vt = np.linalg.svd(np.asarray(linear, dtype=float))
    return u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt


def rotation_angle(matrix: ArrayLike) -> float:
    """Angle in degrees (0 to 180) of the rotation in a 4×4 affine (of its polar part where it also stretches)."""
    rotation = nearest_rotation(np.asarray(matrix, dtype=float)[:3, :3])
    return float(np.rad2deg(Rotation.from_matrix(rotation).magnitude()))


def decompose(matrix: ArrayLike) -> Decomposition:
    """The rotation, translation, scales and shears of a 4×4 affine (polar decomposition)."""
    matrix = np.asarray(matrix, dtype=float)
    rotation = nearest_rotation(matrix[:3, :3])
    stretch = rotation.T @ matrix[:3, :3]
    return Decomposition(rotation, matrix[:3, 3].copy(), np.diag(stretch).copy(), stretch[[0, 0, 1], [1, 2, 2]])


def describe(moving_to_fixed: ArrayLike, centre: ArrayLike = (0.0, 0.0, 0.0)) -> str:
    """What a 4×4 ``moving_to_fixed`` does, in one plain clause.

    ``centre`` is the point, in moving RAS mm, whose shift is told: a shift only has a meaning at a place.
    """
    matrix = np.asarray(moving_to_fixed, dtype=float)
    parts = decompose(matrix)
    shift = np.linalg.norm(apply(matrix, centre) - np.asarray(centre, dtype=float))
    words = [_rotation_words(parts.rotation), f"shifts {shift:.1f} mm at the centre"]
    if np.abs(parts.stretch - np.eye(3)).max() >= _NEGLIGIBLE_STRETCH:
        words.append("scales " + " / ".join(f"{scale:.3f}" for scale in parts.scales) + " along R / A / S")
    if np.abs(parts.shears).max() >= _NEGLIGIBLE_STRETCH:
        words.append(f"shears up to {np.abs(parts.shears).max():.3f}")
    return ", ".join(words)


def _rotation_words(rotation: NDArray) -> str:
    vector = Rotation.from_matrix(rotation).as_rotvec(degrees=True)
    angle = np.linalg.norm(vector)
    if angle < _NEGLIGIBLE_DEGREES:
        return "does not rotate"
    axis = vector / angle
    main = int(np.abs(axis).argmax())
    if abs(axis[main]) < np.cos(np.deg2rad(_NAMED_AXIS_DEGREES)):
        return f"rotates {angle:.1f}° about an oblique axis (R {axis[0]:.2f}, A {axis[1]:.2f}, S {axis[2]:.2f})"
    return f"rotates {angle:.1f}° about {_AXIS_NAMES[main]}, {_SENSES[main][int(axis[main] < 0)]}"
