"""A small head that moves in a small womb: a simulated series without any real scan."""

from __future__ import annotations

import numpy as np
from KeypointRegistrationLib.evaluation.foetal_head import head_around
from KeypointRegistrationLib.evaluation.series_simulation import Sequence, SimulatedSeries
from KeypointRegistrationLib.evaluation.trajectory import Liveliness, Trajectory
from KeypointRegistrationLib.evaluation.womb import MarkedHead, without_head
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.transforms import affine
from KeypointRegistrationLib.geometry.volume import Volume

PLACE = MarkedHead(np.array([5.0, -8.0, 10.0]), 25.0)
STILL = Liveliness(drift_degrees=0, drift_mm=0, turns=0, away=2)


def brain() -> Volume:
    """An ellipsoid of 34 × 46 × 40 mm with a brighter ball off its middle, 2 mm voxels."""
    z, y, x = (2.0 * (np.indices((30, 30, 30)) - 14.5)).reshape(3, 30, 30, 30)
    voxels = 100.0 * ((x / 17) ** 2 + (y / 23) ** 2 + (z / 20) ** 2 < 1)
    voxels += 80 * ((x - 5) ** 2 + (y - 10) ** 2 + (z - 4) ** 2 < 64)
    return Volume(voxels.astype(np.float32), affine(2 * np.eye(3), (-29, -29, -29)), "brain")


def scan() -> Volume:
    """A bright ball with a darker rim, where the mark is, in textured surroundings; 4 mm voxels, oblique."""
    turn = affine(np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]]), (0, 0, 0))
    matrix = turn @ affine(4 * np.eye(3), (-80, -80, -70))
    grid = Grid((36, 40, 40), matrix)
    distances = np.linalg.norm(grid.positions() - PLACE.centre, axis=1).reshape(grid.shape)
    rng = np.random.default_rng(0)
    voxels = np.where(distances < 22, 900.0, np.where(distances < 27, 100.0, 600.0)) + rng.normal(scale=60, size=grid.shape)
    return Volume(voxels.astype(np.float32), matrix, "womb")


def series(liveliness: Liveliness, sequence: Sequence | None = None, frames: int = 12, seed: int = 3) -> SimulatedSeries:
    womb = without_head(scan(), PLACE, np.random.default_rng(1))
    trajectory = Trajectory(frames, liveliness, np.random.default_rng(seed))
    return SimulatedSeries(head_around(brain()), womb, trajectory, frames, seed, sequence)
