"""A series of an adult's head, from one real EPI scan of it: small motions, and air around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry.sampling import Grid
from ..geometry.volume import Volume
from .foetal_head import Head
from .metrics import centroid
from .series_simulation import Sequence, SimulatedSeries
from .trajectory import Liveliness, Trajectory
from .womb import MarkedHead, Womb

#: Adults lie with their head in a coil, drift, and nod or shift now and then.
ADULT = Liveliness(drift_degrees=0.8, drift_mm=0.5, turns=3, turn_degrees=(2.0, 8.0), turn_mm=3.0, away=0, any_pose=False)
_SEQUENCE = Sequence(repetition=2.0, noise=0.03, drift=0.05, stripes=0.2)
_AIR = 0.2  # of the bright voxels' value: darker ones are air


def adult_series(scan: Volume, frames: int, seed: int) -> SimulatedSeries:
    """A series in which what ``scan`` shows moves as one, in its own field of view."""
    head = _head(scan)
    still = Volume(np.zeros(scan.shape, dtype=np.float32), scan.ijk_to_ras, "air")
    shading = np.full(scan.shape, np.median(scan.voxels[_tissue(scan)]), dtype=np.float32)
    air = Womb(still, shading, MarkedHead(head.centre, head.reach))
    path = Trajectory(frames, ADULT, np.random.default_rng(seed))
    return SimulatedSeries(head, air, path, frames, seed, _SEQUENCE)


def _head(scan: Volume) -> Head:
    tissue = _tissue(scan)
    inside = Volume(tissue.astype(np.float32), scan.ijk_to_ras)
    centre = centroid(inside)
    distances = np.linalg.norm(Grid.of(scan).positions() - centre, axis=1)
    return Head(
        values=Volume((scan.voxels / np.median(scan.voxels[tissue])).astype(np.float32), scan.ijk_to_ras, scan.name),
        opacity=Volume(np.ones(scan.shape, dtype=np.float32), scan.ijk_to_ras),
        brain=inside,
        centre=centre,
        reach=float(distances[tissue.ravel()].max()),
    )


def _tissue(scan: Volume) -> NDArray[np.bool_]:
    return scan.voxels > _AIR * np.quantile(scan.voxels, 0.99)
