"""How a foetal head moves during a series: it drifts, turns suddenly, and is out of view for a while."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..geometry.transforms import affine

_WAVES = 3
_SLOWEST = 40.0  # frames that the slowest wave of the drift takes


@dataclass(frozen=True)
class Liveliness:
    """How a head moves.

    Attributes:
        drift_degrees, drift_mm: largest amplitudes of each wave of the slow drift, about and along each axis.
        turns: how many sudden ones.
        turn_degrees: by at least, at most; one of them by the most.
        turn_mm: largest shift of a turn along each axis.
        turn_frames: how long a turn takes.
        away: how many consecutive frames the head is out of view.
        any_pose: whether the head may lie in any pose at first, or lies as it was scanned.
    """

    drift_degrees: float = 4.0
    drift_mm: float = 2.0
    turns: int = 4
    turn_degrees: tuple[float, float] = (30.0, 90.0)
    turn_mm: float = 6.0
    turn_frames: float = 0.5
    away: int = 3
    any_pose: bool = True


@dataclass(frozen=True, eq=False)
class _Turn:
    """A sudden turn: when it begins and how long it takes, in frames; rotation vector (radians) and shift (mm)."""

    start: float
    frames: float
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]

    def done(self, time: float) -> float:
        """The share that is done at ``time``."""
        share = np.clip((time - self.start) / self.frames, 0, 1)
        return float(share * share * (3 - 2 * share))


class Trajectory:
    """The pose of a head about its middle at any time.

    Args:
        frames: of the series; time runs from 0 to this.
        liveliness: how it moves.
        rng: draws drift, turns, the first orientation and when the head is away.
    """

    def __init__(self, frames: int, liveliness: Liveliness, rng: np.random.Generator) -> None:
        self._first = Rotation.random(random_state=rng) if liveliness.any_pose else Rotation.identity()
        cycles = np.arange(1, _WAVES + 1)
        self._speeds = 2 * np.pi * cycles / max(_SLOWEST, frames / _WAVES)
        self._phases = rng.uniform(0, 2 * np.pi, size=(_WAVES, 6))
        largest = np.repeat([np.deg2rad(liveliness.drift_degrees), liveliness.drift_mm], 3)
        self._amplitudes = rng.uniform(0.3, 1, size=(_WAVES, 6)) * largest / cycles[:, None]
        self._turns = _turns(frames, liveliness, rng)
        first_away = int(rng.integers(frames // 3, max(frames // 3 + 1, frames - 2 * liveliness.away)))
        self.away = range(first_away, first_away + liveliness.away)

    def pose(self, time: float) -> NDArray[np.float64]:
        """4×4 that takes a head with its middle at the origin to where it is at ``time`` (frames), relative to its place."""
        drift = (self._amplitudes * np.sin(self._speeds[:, None] * time + self._phases)).sum(axis=0)
        rotation, shift = Rotation.from_rotvec(drift[:3]), drift[3:]
        for turn in self._turns:
            done = turn.done(time)
            rotation = rotation * Rotation.from_rotvec(done * turn.rotation)
            shift = shift + done * turn.shift
        return affine((rotation * self._first).as_matrix(), shift)


def _turns(frames: int, liveliness: Liveliness, rng: np.random.Generator) -> list[_Turn]:
    starts = np.sort(rng.uniform(2, max(3, frames - 2), size=liveliness.turns))
    low, high = liveliness.turn_degrees
    degrees = rng.uniform(low, high, size=liveliness.turns)
    if liveliness.turns:
        degrees[rng.integers(liveliness.turns)] = high
    found, place = [], np.zeros(3)
    for start, angle in zip(starts, degrees, strict=True):
        axis = rng.normal(size=3)
        target = rng.uniform(-liveliness.turn_mm, liveliness.turn_mm, size=3)  # of the middle, so that it stays in the womb
        rotation = np.deg2rad(angle) * axis / np.linalg.norm(axis)
        found.append(_Turn(float(start), liveliness.turn_frames, rotation, target - place))
        place = target
    return found
