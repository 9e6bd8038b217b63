"""The simulated series on which tracking is measured, and how a frame's alignment is judged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files.scans import read_volume
from ..geometry.sampling import Grid
from ..geometry.transforms import affine, invert, rotation_angle
from ..geometry.volume import Volume
from . import adult_series as adults
from . import foetal_head, series_simulation, trajectory, womb
from .adult_series import adult_series
from .foetal import unseen_brains
from .foetal_head import head_around
from .metrics import Scores, box_corners, centroid, corner_displacement, rotation_error, translation_error
from .pairs import only_file
from .series_simulation import FrameTruth, SimulatedSeries
from .trajectory import Liveliness, Trajectory
from .womb import MARKS, read_womb

#: Each brain that no training has seen, and the scan of the womb in which it moves.
_PLACES = {
    "foetus, super-resolution": "ep2d_15",
    "average SBA29op": "ep2d_23",
    "average STA32": "ep2d_13",
    "average SBA33op": "ep2d_27",
    "average STA26": "ep2d_25",
    "average STA35": "ep2d_16",
    "average SBA23no": "ep2d_12",
    "average STA29": "ep2d_01",
}
_UNSEEN = ("ep2d_16", "ep2d_25")  # wombs that the head finder was not trained on


@dataclass(frozen=True)
class Case:
    """A series that can be made.

    Attributes:
        name: of head and surroundings.
        make: (frames, seed) → the series.
        group: of series that share a table.
        model: name of the bundle that follows the head.
    """

    name: str
    make: Callable[[int, int], SimulatedSeries]
    group: str = "foetal heads in wombs"
    model: str = "foetal-rigid"


class KeptSeries:
    """A simulated series whose frames are made once and kept in a folder, so that reading one takes no time to speak of."""

    def __init__(self, series: SimulatedSeries, folder: Path) -> None:
        self.simulated = series
        self.name, self.times = series.name, series.times
        self._folder = folder

    def frame(self, index: int) -> Volume:
        """The scan at position ``index``."""
        path = self._folder / f"{index}.npy"
        matrix, name = self.simulated.ijk_to_ras, f"{self.name}, frame {index}"
        if path.exists():
            return Volume(np.load(path), matrix, name)
        made = self.simulated.frame(index)
        np.save(path, made.voxels)
        return made

    def truth(self, index: int) -> FrameTruth:
        """Where the head is at position ``index``."""
        return self._truths[index]

    @cached_property
    def _truths(self) -> list[FrameTruth]:
        return [self.simulated.truth(index) for index in range(len(self.times))]

    @cached_property
    def _reference_brain(self) -> Volume:
        return self.simulated.brain(0)

    def to_reference(self, index: int) -> NDArray[np.float64]:
        """The true 4×4 moving → fixed (RAS mm) of the frame at ``index`` onto the first."""
        return self.truth(0).pose @ invert(self.truth(index).pose)

    def turned(self, index: int) -> float:
        """By how many degrees the head has turned since the frame before."""
        if index == 0:
            return 0.0
        return rotation_angle(self.truth(index).pose @ invert(self.truth(index - 1).pose))

    def scores(self, index: int, moving_to_fixed: NDArray) -> Scores:
        """How far an alignment of the frame at ``index`` to the first is off the truth."""
        truth, brain = self.to_reference(index), self._reference_brain
        return Scores(
            corner_mm=corner_displacement(moving_to_fixed, truth, box_corners(brain)),
            rotation_deg=rotation_error(moving_to_fixed, truth),
            centroid_mm=translation_error(moving_to_fixed, truth, centroid(brain)),
        )

    def boxed(self, index: int, margin: float) -> Volume:
        """The frame at ``index``, cropped to the box of its true brain and ``margin`` mm around it."""
        scan, brain = self.frame(index), self.simulated.brain(index)
        around = np.ceil(margin / Grid.of(scan).spacing[::-1]).astype(int)
        kji = np.argwhere(brain.voxels > 0)
        low = np.maximum(kji.min(axis=0) - around, 0)
        high = np.minimum(kji.max(axis=0) + 1 + around, scan.shape)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        return Volume(scan.voxels[box], scan.ijk_to_ras @ affine(np.eye(3), low[::-1]), scan.name)


def cases(data: Path) -> list[Case]:
    """All series, from the folder of the scans.

    Raises:
        InputError: if a scan is missing.
    """
    brains = unseen_brains(data)
    found = [
        Case(f"{name} in {place}", partial(_made, data, number, brains[name], place))
        for number, (name, place) in enumerate(_PLACES.items())
    ]
    found.sort(key=lambda case: not case.name.endswith(_UNSEEN))  # a limit keeps these
    found.insert(3, adult_case(data))  # not last, so that a limit keeps it
    return found


def adult_case(data: Path) -> Case:
    """The series of an adult.

    Raises:
        InputError: if the scan is missing.
    """
    scan = only_file(data / "s1_t1_epi", "S1_epi_fullhead.nii.gz")
    return Case("adult", lambda frames, seed: adult_series(read_volume(scan), frames, seed), "adult", "brain-affine")


def _made(data: Path, number: int, brain: Callable[[], Volume], place: str, frames: int, seed: int) -> SimulatedSeries:
    path = Trajectory(frames, Liveliness(), np.random.default_rng([seed, number, 0]))
    around = read_womb(data, place, np.random.default_rng([seed, number, 1]))
    return SimulatedSeries(head_around(brain()), around, path, frames, seed + number)


def simulation_digest() -> str:
    """The first eight hexadecimal digits of the SHA-256 of what makes the series."""
    digest = hashlib.sha256()
    code = [Path(str(module.__file__)) for module in (adults, foetal_head, series_simulation, trajectory, womb)]
    for path in (*code, MARKS):
        digest.update(path.read_text(encoding="utf-8").encode())
    return digest.hexdigest()[:8]
