"""A head's motion over time, smoothed: each measured pose counts as much as it is certain.

The head is taken for a free rigid body: its middle goes straight on and it turns on at the same rate, but for accelerations
that are white noise (Bar-Shalom, Li & Kirubarajan 2001, chapter 6).  A Kalman filter runs forwards over the poses, the pass
of Rauch, Tung & Striebel (1965) back; rotations are handled by small turns from the left of the current estimate (Solà,
Deray & Atchuthan 2018, arXiv:1812.01537).

Two numbers are estimated from the series itself, as those that make what was measured the most likely: how strong the
accelerations are, so that a sudden turn that was measured well stays one; and by which factor, at most 1, the covariances of
all poses are too large for what varies from frame to frame: they also hold errors that all frames share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from .transforms import affine, invert, nearest_rotation

_FEWEST = 3  # poses: two are on a straight line at any rate
_ANGLES, _SHIFTS, _POSE, _RATES = slice(0, 3), slice(3, 6), slice(0, 6), slice(6, 12)
_EXACT = 1e-12  # rad² and mm², added where a pose is certain by definition: matrices stay invertible
_FASTEST_TURN, _FASTEST_SHIFT = 2.0, 200.0  # rad/s and mm/s, standard deviations before anything was measured
_ACCELERATIONS = (-9.0, 6.0)  # of the strengths looked at, decimal logarithms of rad²/s³, at covariances as given


def smoothed_motions(
    times: Sequence[float],
    motions: Sequence[NDArray[np.float64] | None],
    covariances: Sequence[NDArray[np.float64] | None],
    centre: ArrayLike,
    radius: float,
) -> tuple[NDArray[np.float64] | None, ...]:
    """Smoothed 4×4 rigid moving → fixed transforms (RAS mm), one per frame; what was given is left as it is.

    Args:
        times: of the frames in seconds, ascending.
        motions: measured 4×4 moving → fixed transforms, None where there is none.
        covariances: (6, 6) of each one's rotation vector (radians) and translation (mm), as ``geometry.accuracy`` has
            them; a frame without one counts as not measured.
        centre: RAS mm (3,), middle of the head in fixed space.
        radius: mm; accelerations are as strong for points this far from the middle as for the middle itself.

    Returns:
        a transform for every frame from the first measured one to the last: those in between that were not measured are
        bridged.  None for the others.  With fewer than three measured poses, the poses as they were measured.
    """
    centre = np.asarray(centre, dtype=float)
    measured: list[_Pose | None] = [
        None if motion is None or covariance is None else _pose(motion, covariance, centre)
        for motion, covariance in zip(motions, covariances, strict=True)
    ]
    known = [index for index, pose in enumerate(measured) if pose is not None]
    if len(known) < _FEWEST:
        return tuple(motion if pose is not None else None for motion, pose in zip(motions, measured, strict=True))
    span = slice(known[0], known[-1] + 1)
    poses, steps = measured[span], np.diff(np.asarray(times[span], dtype=float))

    def unlikeliness(exponent: float) -> float:
        return _forwards(poses, steps, 10.0**exponent, radius).unlikeliness

    strength = 10.0 ** minimize_scalar(unlikeliness, bounds=_ACCELERATIONS, method="bounded", options={"xatol": 0.05}).x
    states = _backwards(_forwards(poses, steps, strength, radius))
    found = [_motion(state, centre) for state in states]
    return (*[None] * known[0], *found, *[None] * (len(measured) - known[-1] - 1))


@dataclass(frozen=True, eq=False)
class _Pose:
    """How the head lies in a frame: ``rotation`` (3, 3) from the reference, ``middle`` (3,) in RAS mm.

    ``covariance`` is that of a small turn (radians) from the left and of the middle, (6, 6).
    """

    rotation: NDArray[np.float64]
    middle: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _State:
    """A pose with its rates: ``rates`` (6,) are rad/s and mm/s, ``covariance`` (12, 12) that of pose and rates."""

    rotation: NDArray[np.float64]
    middle: NDArray[np.float64]
    rates: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def changed(self, by: NDArray[np.float64], covariance: NDArray[np.float64]) -> _State:
        """The state after a small change (12,) of pose and rates."""
        rotation = _turn(by[_ANGLES]) @ self.rotation
        return _State(rotation, self.middle + by[_SHIFTS], self.rates + by[_RATES], covariance)

    def change_to(self, rotation: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
        """The small change (6,) from this pose to another."""
        angles = Rotation.from_matrix(rotation @ self.rotation.T).as_rotvec()
        return np.concatenate([angles, middle - self.middle])


@dataclass(frozen=True, eq=False)
class _Pass:
    """The filter's way through a series.

    ``filtered`` are the states given all poses up to each frame, ``predicted`` and ``transitions`` (12, 12) those from each
    frame to the next before its pose was seen; ``surprises`` are the squared distances between each pose and what was
    expected, in standard deviations, ``volumes`` the logarithms of the determinants of what was expected.
    """

    filtered: list[_State]
    predicted: list[_State] = field(default_factory=list)
    transitions: list[NDArray[np.float64]] = field(default_factory=list)
    surprises: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)

    @property
    def unlikeliness(self) -> float:
        """Negative logarithm, up to a constant, of how likely the poses are at the best common factor of all covariances.

        With S the expected covariances (6, 6) of n poses and r what was measured less what was expected, it is least over
        f ≤ 1 of ½ Σ (rᵀ S⁻¹ r / f + log det f S); its zero in f is at f = Σ rᵀ S⁻¹ r / 6n.
        """
        count = 6 * len(self.surprises)
        total = sum(self.surprises)
        factor = min(1.0, max(total / count, np.finfo(float).tiny))
        return (total / factor + count * np.log(factor) + sum(self.volumes)) / 2


def _pose(motion: NDArray[np.float64], covariance: NDArray[np.float64], centre: NDArray[np.float64]) -> _Pose:
    """The pose in the frame of the head that ``motion`` takes to the reference.

    A turn ω of the motion from the left turns the head's pose Q by −Q ω, and its middle h with it; a shift d moves the
    middle by −Q d.
    """
    inverse = invert(motion)
    rotation = nearest_rotation(inverse[:3, :3])
    middle = inverse[:3, :3] @ centre + inverse[:3, 3]
    derivative = np.block([[-rotation, np.zeros((3, 3))], [_cross(middle) @ rotation, -rotation]])
    return _Pose(rotation, middle, derivative @ covariance @ derivative.T + _EXACT * np.eye(6))


def _motion(state: _State, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    back = state.rotation.T
    return affine(back, centre - back @ state.middle)


def _forwards(poses: Sequence[_Pose | None], steps: NDArray[np.float64], strength: float, radius: float) -> _Pass:
    """Filter the poses, of which the first is measured; ``steps`` are the seconds between them."""
    first = poses[0]
    assert first is not None
    covariance = np.zeros((12, 12))
    covariance[_POSE, _POSE] = first.covariance
    covariance[_RATES, _RATES] = np.diag([_FASTEST_TURN**2] * 3 + [_FASTEST_SHIFT**2] * 3)
    state = _State(first.rotation, first.middle, np.zeros(6), covariance)
    way = _Pass([state])
    for pose, seconds in zip(poses[1:], steps, strict=True):
        state, transition = _predicted(state, float(seconds), strength, radius)
        way.predicted.append(state)
        way.transitions.append(transition)
        if pose is not None:
            state, surprise, volume = _updated(state, pose)
            way.surprises.append(surprise)
            way.volumes.append(volume)
        way.filtered.append(state)
    return way


def _predicted(state: _State, seconds: float, strength: float, radius: float) -> tuple[_State, NDArray[np.float64]]:
    """The state ``seconds`` later, and how small changes of the state go over into changes of that one."""
    angles = state.rates[_ANGLES] * seconds
    turn = _turn(angles)
    transition = np.eye(12)
    transition[_ANGLES, _ANGLES] = turn
    transition[_ANGLES, 6:9] = seconds * _left_jacobian(angles)
    transition[_SHIFTS, 9:12] = seconds * np.eye(3)
    strengths = strength * np.array([1.0] * 3 + [radius**2] * 3)
    growth = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
    covariance = transition @ state.covariance @ transition.T + np.kron(growth, np.diag(strengths))
    middle = state.middle + seconds * state.rates[_SHIFTS]
    return _State(turn @ state.rotation, middle, state.rates, covariance), transition


def _updated(state: _State, pose: _Pose) -> tuple[_State, float, float]:
    """The state once ``pose`` was measured, and its entries of ``_Pass.surprises`` and ``_Pass.volumes``."""
    change = state.change_to(pose.rotation, pose.middle)
    expected = state.covariance[_POSE, _POSE] + pose.covariance
    gain = np.linalg.solve(expected, state.covariance[_POSE, :]).T
    keep = np.eye(12)
    keep[:, _POSE] -= gain
    covariance = keep @ state.covariance @ keep.T + gain @ pose.covariance @ gain.T  # Joseph's form stays positive
    surprise, volume = change @ np.linalg.solve(expected, change), np.linalg.slogdet(expected)[1]
    return state.changed(gain @ change, covariance), float(surprise), float(volume)


def _backwards(way: _Pass) -> list[_State]:
    """The states given all poses of the series."""
    states = [way.filtered[-1]]
    steps = list(zip(way.filtered[:-1], way.predicted, way.transitions, strict=True))
    for filtered, predicted, transition in reversed(steps):
        later = states[-1]
        gain = np.linalg.solve(predicted.covariance, transition @ filtered.covariance).T
        change = np.concatenate([predicted.change_to(later.rotation, later.middle), later.rates - predicted.rates])
        covariance = filtered.covariance + gain @ (later.covariance - predicted.covariance) @ gain.T
        states.append(filtered.changed(gain @ change, covariance))
    return states[::-1]


def _turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return Rotation.from_rotvec(angles).as_matrix()


def _left_jacobian(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """How a change of a rotation vector (3,) turns its rotation from the left, (3, 3)."""
    angle = float(np.linalg.norm(angles))
    cross = _cross(angles)
    if angle < 1e-4:  # the series: the closed form would divide by nothing
        return np.eye(3) + cross / 2
    return np.eye(3) + (1 - np.cos(angle)) / angle**2 * cross + (angle - np.sin(angle)) / angle**3 * cross @ cross


def _cross(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix of the cross product with ``vector`` from the left."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
