"""Scans of wombs with a second head in them: whether it is told.

No scan of twins is at hand, so the second head is a simulated one, put anywhere in the tissue, far enough from the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detection.detector import Detector
from ..files.scans import read_volume
from ..geometry.sampling import Grid
from ..geometry.volume import Volume
from .foetal import unseen_brains
from .foetal_head import Head, head_around
from .pairs import only_file
from .series_simulation import SimulatedSeries
from .trajectory import Liveliness, Trajectory
from .womb import MarkedHead, Womb, marked_heads, without_head

_RADIUS = 45.0  # mm of the room that is made for a head
_APART = 95.0  # mm between the middles of two heads, at least
_TISSUE_QUANTILE = 0.6  # of a scan's values, below which there is no tissue
_FOUND = 25.0  # mm from the middle of a head


@dataclass(frozen=True)
class TwinCount:
    """In how many scans what was said of a second head.

    Attributes:
        single, told_of_single: scans of one foetus, and those among them in which a second head is told.
        right_of_single: those in which the head that is told is the foetus's: the detector had taken something else for it.
        twins, told_of_twins, right_of_twins: the same with a second head; right where each of the two is where one is.
    """

    single: int = 0
    told_of_single: int = 0
    right_of_single: int = 0
    twins: int = 0
    told_of_twins: int = 0
    right_of_twins: int = 0

    def __str__(self) -> str:
        return (
            f"A second head is told of in {self.told_of_single} of {self.single} scans of one foetus (in "
            f"{self.right_of_single} of these it is the head, and the detector had taken something else for it), and "
            f"in {self.told_of_twins} of {self.twins} scans with a second, simulated head somewhere in the tissue, in "
            f"{self.right_of_twins} of which both are where the heads are."
        )


def count(data: Path, detector: Detector, seed: int = 0) -> TwinCount:
    """What ``detector``, whose model has a finder, says of the marked scans of wombs, without and with a second head.

    Raises:
        InputError: if a scan is missing.
    """
    brains, total = list(unseen_brains(data).values()), TwinCount()
    for number, (name, mark) in enumerate(marked_heads().items()):
        scan = read_volume(only_file(data / "fetal_uterus_epi", f"{name}.nii.gz"))
        first, other = _heads(detector, scan)
        told = other is not None
        right = other is not None and _is_at(other, mark.centre) and not _is_at(first, mark.centre)
        total = replace(
            total,
            single=total.single + 1,
            told_of_single=total.told_of_single + told,
            right_of_single=total.right_of_single + right,
        )
        rng = np.random.default_rng([seed, number])
        place = _place(scan, mark, rng)
        if place is None:
            continue
        first, other = _heads(detector, _with_twin(scan, mark, place, head_around(brains[number % len(brains)]()), rng))
        ends = (mark.centre, place)
        right = other is not None and any(_is_at(first, a) and _is_at(other, b) for a, b in (ends, ends[::-1]))
        total = replace(
            total,
            twins=total.twins + 1,
            told_of_twins=total.told_of_twins + (other is not None),
            right_of_twins=total.right_of_twins + right,
        )
    return total


def _heads(detector: Detector, scan: Volume) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """RAS middles (mm) of the head that is detected and of the other one that is told; None where there is none."""
    found = detector.detect(scan)
    return None if found.pose is None else found.pose[:3, 3], detector.other_head(scan, found)


def _is_at(middle: NDArray[np.float64] | None, place: NDArray[np.float64]) -> bool:
    return middle is not None and float(np.linalg.norm(middle - place)) <= _FOUND


def _place(scan: Volume, mark: MarkedHead, rng: np.random.Generator) -> NDArray[np.float64] | None:
    """Where there is room for a second head, RAS mm (3,); None where there is none."""
    positions = Grid.of(scan).positions()
    low, high = scan.corners.min(axis=0) + _RADIUS, scan.corners.max(axis=0) - _RADIUS
    room = (np.linalg.norm(positions - mark.centre, axis=1) > _APART) & ((positions > low) & (positions < high)).all(axis=1)
    room &= (scan.voxels > np.quantile(scan.voxels, _TISSUE_QUANTILE)).ravel()
    return positions[rng.choice(np.flatnonzero(room))] if room.any() else None


def _with_twin(scan: Volume, mark: MarkedHead, place: NDArray[np.float64], head: Head, rng: np.random.Generator) -> Volume:
    """``scan`` with a second ``head`` around ``place``, as bright as the brain of the first, as an EPI sequence sees it."""
    room = without_head(scan, MarkedHead(place, _RADIUS), rng)
    inside = np.linalg.norm(Grid.of(scan).positions() - mark.centre, axis=1).reshape(scan.shape) < 0.7 * mark.radius
    brightness = np.median((scan.voxels / room.shading)[inside])
    womb = Womb(room.scan, room.shading * np.float32(brightness), room.head)
    still = Liveliness(turns=0, away=0)
    series = SimulatedSeries(head, womb, Trajectory(2, still, rng), 2, int(rng.integers(2**31)))
    return series.frame(0)
