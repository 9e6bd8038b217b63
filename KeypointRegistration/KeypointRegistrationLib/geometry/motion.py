"""Rigid motions of a head over time: how far, about which axis, and from one frame to the next."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from .transforms import apply, invert, nearest_rotation


def rotation_vector(matrix: ArrayLike) -> NDArray[np.float64]:
    """Rotation of a 4×4 rigid transform as a vector (3,) along its axis (R, A, S), as long as its angle in degrees."""
    rotation = nearest_rotation(np.asarray(matrix, dtype=float)[:3, :3])
    return Rotation.from_matrix(rotation).as_rotvec(degrees=True)


def shift_at(matrix: ArrayLike, centre: ArrayLike) -> NDArray[np.float64]:
    """How far (mm, (3,)) a 4×4 transform takes the point whose image is ``centre``: the head's movement of its middle.

    With ``matrix`` moving → fixed and ``centre`` in fixed space this is from where the middle is in the moving scan.
    """
    centre = np.asarray(centre, dtype=float)
    return centre - apply(invert(matrix), centre[None])[0]


def displacement(first: ArrayLike, second: ArrayLike, centre: ArrayLike, radius: float) -> float:
    """Root-mean-square distance in mm, over a ball, between where two 4×4 moving → fixed transforms put the same anatomy.

    √(r²/5 · tr(AᵀA) + ‖A c + t‖²) with [A | t] = first · second⁻¹ − I (Jenkinson 1999, FMRIB TR99MJ1), for the ball of
    ``radius`` r around ``centre`` c in fixed space.
    """
    change = np.asarray(first, dtype=float) @ invert(second) - np.eye(4)
    linear, offset = change[:3, :3], change[:3, 3]
    middle = linear @ np.asarray(centre, dtype=float) + offset
    return float(np.sqrt(radius**2 / 5 * np.trace(linear.T @ linear) + middle @ middle))


def framewise_displacement(
    motions: Sequence[NDArray[np.float64] | None], centre: ArrayLike, radius: float
) -> NDArray[np.float64]:
    """Displacement (mm) of every frame from the last one before it that has a motion, (N,); NaN where there is none."""
    distances = np.full(len(motions), np.nan)
    last: NDArray[np.float64] | None = None
    for index, motion in enumerate(motions):
        if motion is None:
            continue
        if last is not None:
            distances[index] = displacement(motion, last, centre, radius)
        last = motion
    return distances
