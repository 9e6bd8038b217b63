"""Random rigid poses with a known initial rotation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..geometry.transforms import affine

#: Initial rotation in degrees: at least, at most.
BINS = ((0, 15), (15, 45), (45, 90), (90, 180))

#: Shift in mm along each axis: at most.
LARGEST_SHIFT = 20.0

_LARGEST_EULER_ANGLE = 90.0  # degrees
_DRAWS = 4096

#: (generator, range of degrees, centre in RAS mm) → 4×4 RAS pose about the centre, and its angle in degrees.
Draw = Callable[[np.random.Generator, tuple[float, float], NDArray], tuple[NDArray[np.float64], float]]


def random_pose(
    rng: np.random.Generator, degrees: tuple[float, float], centre: NDArray
) -> tuple[NDArray[np.float64], float]:
    """A rigid 4×4 RAS pose about ``centre`` with an angle in the range ``degrees`` about a random axis, and the angle."""
    axis = rng.normal(size=3)
    angle = rng.uniform(*degrees)
    rotation = Rotation.from_rotvec(np.deg2rad(angle) * axis / np.linalg.norm(axis)).as_matrix()
    return _about(centre, rotation, rng), float(angle)


def euler_pose(rng: np.random.Generator, degrees: tuple[float, float], centre: NDArray) -> tuple[NDArray[np.float64], float]:
    """A rigid 4×4 RAS pose about ``centre`` as EquiTrack draws them, and its angle.

    Uniform angles up to ±90° about each of the three axes, drawn again until the whole rotation lies in ``degrees``.
    """
    while True:
        rotations = Rotation.from_euler("XYZ", rng.uniform(-1, 1, size=(_DRAWS, 3)) * _LARGEST_EULER_ANGLE, degrees=True)
        angles = np.rad2deg(rotations.magnitude())
        fitting = np.flatnonzero((angles >= degrees[0]) & (angles <= degrees[1]))
        if len(fitting):
            chosen = fitting[0]
            return _about(centre, rotations[chosen].as_matrix(), rng), float(angles[chosen])


def _about(centre: NDArray, rotation: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    shift = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, size=3)
    return affine(rotation, centre - rotation @ centre + shift)
