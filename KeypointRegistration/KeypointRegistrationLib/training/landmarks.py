"""Points that the label maps of a training have in common: where keypoints start from, and what they may be named after."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import apply
from ..geometry.volume import Volume
from . import anatomy

#: By number of dimensions d the root of x^(d+1) = x + 1, whose inverse powers are the ratios of an even recurrence.
_PLASTIC_NUMBERS = {2: 1.324717957244746, 3: 1.2207440846057596}

_FILLED = 0.85  # of the half-axes of the brain's box: beyond, an ellipsoid's skin lies outside most brains


class Landmarks(Protocol):
    """A scheme of K points."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the points."""

    @property
    def mirrored_order(self) -> NDArray[np.intp]:
        """For each point the index of its twin in the other half of the head (itself on the midline), shape (K,)."""

    @property
    def twins(self) -> list[tuple[int, int]]:
        """Left and right label of each paired structure of the maps."""

    def points(self, labels: Volume) -> NDArray[np.float64]:
        """RAS positions (mm), shape (K, 3), in one label map; InputError if it lacks what they are made from."""


class NamedLandmarks:
    """The named anatomical points of maps with FreeSurfer's numbers (``training.anatomy``)."""

    names = anatomy.names()
    mirrored_order = anatomy.mirrored_order()
    twins = anatomy.twins()

    def points(self, labels: Volume) -> NDArray[np.float64]:
        """See ``anatomy.reference_points``."""
        return anatomy.reference_points(labels)


@dataclass(frozen=True)
class SpreadLandmarks:
    """``count`` points spread evenly over an ellipsoid in the box around the brain, mirrored left to right; or over the
    ellipse on the ``midline`` between its halves.

    For label maps of any origin, upright in RAS: KeyMorph pre-trains on such points, taken at random.  Two brains agree in
    them only as far as their boxes do.  Points on the midline ask for no handedness, which a steerable network learns last,
    and still determine a rotation.
    """

    count: int
    brain_below: int
    midline: bool = False

    def __post_init__(self) -> None:
        if self.count < 8 or self.count % 2:
            raise InputError(f"An even number of points, at least 8, can be spread; {self.count} was asked for.")

    @property
    def names(self) -> tuple[str, ...]:
        """Numbers."""
        return tuple(f"point {number}" for number in range(1, self.count + 1))

    @property
    def mirrored_order(self) -> NDArray[np.intp]:
        """Points 2i and 2i + 1 are twins; on the midline each is its own."""
        return np.arange(self.count) ^ (0 if self.midline else 1)

    @property
    def twins(self) -> list[tuple[int, int]]:
        """None are known."""
        return []

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """The points in units of the box's half-axes, (K, 3)."""
        if self.midline:
            square = 2 * _evenly(40 * self.count, 2) - 1
            disc = square[np.linalg.norm(square, axis=1) < 1][: self.count] * _FILLED
            return np.concatenate([np.zeros((self.count, 1)), disc], axis=1)
        cuboid = _evenly(40 * self.count, 3) * (1, 2, 2) - (0, 1, 1)
        right = cuboid[np.linalg.norm(cuboid, axis=1) < 1][: self.count // 2] * _FILLED
        return np.stack([right * (-1, 1, 1), right], axis=1).reshape(-1, 3)

    def points(self, labels: Volume) -> NDArray[np.float64]:
        """See ``Landmarks.points``."""
        middle, half_axes = _brain_box(labels, self.brain_below)
        return middle + self.shares * half_axes


@dataclass(frozen=True)
class MiddleLandmark:
    """One point, the middle of the box around the brain: for a network that finds heads rather than points in them."""

    brain_below: int
    names = ("middle of the brain",)
    mirrored_order = np.zeros(1, dtype=np.intp)
    twins: ClassVar[list[tuple[int, int]]] = []

    def points(self, labels: Volume) -> NDArray[np.float64]:
        """See ``Landmarks.points``."""
        return _brain_box(labels, self.brain_below)[0][None]


class MarkedLandmarks:
    """Points that somebody has marked in each scan: a CSV file with the columns scan, r, a, s (RAS mm) and, where there are
    several points in each, point.  Further columns, and lines that begin with #, are for people.

    Raises:
        InputError: if the file cannot be read or is not such a table, or scans do not all have the same points.
    """

    twins: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, path: Path) -> None:
        self._path = path
        marks: dict[str, dict[str, NDArray[np.float64]]] = {}
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(line for line in lines if not line.startswith("#")):
                    place = np.array([float(row[axis]) for axis in "ras"])
                    marks.setdefault(row["scan"], {})[row.get("point", "mark")] = place
        except OSError as error:
            raise InputError(f"The marked points {path} cannot be read: {error.strerror or error}.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a table of marked points: it needs the columns scan, r, a and s.") from error
        if not marks:
            raise InputError(f"{path} holds no marked points.")
        self.names = tuple(next(iter(marks.values())))
        for scan, points in marks.items():
            if tuple(points) != self.names:
                raise InputError(f"{path} holds other points for {scan} than for the first scan. Mark the same in all.")
        self._marks = marks

    @property
    def mirrored_order(self) -> NDArray[np.intp]:
        """Nobody says which points are twins: each is its own."""
        return np.arange(len(self.names))

    def points(self, labels: Volume) -> NDArray[np.float64]:
        """The marks of the scan of that name; InputError where it has none."""
        if labels.name not in self._marks:
            raise InputError(f"{self._path.name} has no marked points for {labels.name}. Mark them, or leave the scan out.")
        return np.array([self._marks[labels.name][name] for name in self.names])


def _brain_box(labels: Volume, brain_below: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle (3,) and half-axes (3,) of the box around the brain in RAS mm, but for the last voxels."""
    kji = np.argwhere((labels.voxels > 0) & (labels.voxels < brain_below))
    if not len(kji):
        raise InputError(f"{labels.name} has no brain: no label from 1 to below {brain_below}.")
    low, high = np.percentile(apply(labels.ijk_to_ras, kji[:, ::-1]), (0.5, 99.5), axis=0)
    return (low + high) / 2, (high - low) / 2


def _evenly(count: int, dimensions: int) -> NDArray[np.float64]:
    """``count`` points (count, dimensions) that fill the unit cube evenly: an additive recurrence."""
    ratios = _PLASTIC_NUMBERS[dimensions] ** -np.arange(1.0, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * ratios) % 1


def landmarks_of(scheme: str, count: int, brain_below: int, marks: Path | None = None) -> Landmarks:
    """The scheme that a configuration asks for: ``named``, or ``count`` points ``spread`` over the brain (labels below
    ``brain_below``) or over its ``midline``, or the ``middle`` of it alone, or those ``marked`` in the
    file ``marks``.

    Raises:
        InputError: if there is no such scheme.
    """
    if scheme == "named":
        return NamedLandmarks()
    if scheme == "marked":
        if marks is None:
            raise InputError('data.landmarks = "marked" needs data.points, the file with the marked points.')
        return MarkedLandmarks(marks)
    if scheme == "middle":
        return MiddleLandmark(brain_below)
    if scheme in ("spread", "midline"):
        return SpreadLandmarks(count, brain_below, midline=scheme == "midline")
    raise InputError(f"data.landmarks is named, spread, midline, middle or marked, not {scheme}.")
