"""The pairs of real scans that the benchmark aligns, each with the moving scan in a random pose."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.transforms import TransformType, affine, invert
from ..geometry.volume import Volume
from .metrics import Scores, box_corners, corner_displacement, mean_dice, rotation_error, translation_error

#: Initial rotation in degrees: at least, at most.
BINS = ((0, 15), (15, 45), (45, 90))

_LARGEST_SHIFT = 20.0  # mm along each axis
_SUBJECTS = ("IXI565", "IXI577", "IXI603", "IXI632")  # held out from training
_PATIENTS = ("cs07", "cs19")
_CONTRASTS = ("T1", "T2", "FLAIR")


@dataclass(frozen=True)
class Pair:
    """Files of one pair: of different people with labels, or (no labels) of one person, in the same space.

    Attributes:
        name: fixed and moving in words.
        number: of the pair in its benchmark; with seed and bin it determines the pose.
    """

    name: str
    number: int
    kind: TransformType
    fixed: Path
    moving: Path
    fixed_labels: Path | None = None
    moving_labels: Path | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """A pair loaded, with the moving scan posed.  The pose is in no header: it is part of the moving scan's IJK→RAS.

    Attributes:
        degrees: of the initial rotation.
        pose: 4×4 RAS that was applied to the moving scan (and its labels).
    """

    pair: Pair
    fixed: Volume
    moving: Volume
    pose: NDArray[np.float64]
    degrees: float
    fixed_labels: Volume | None
    moving_labels: Volume | None

    def scores(self, moving_to_fixed: NDArray) -> Scores:
        """Dice where there are labels, else the distances from the truth."""
        if self.fixed_labels is not None and self.moving_labels is not None:
            return Scores(dice=mean_dice(self.fixed_labels, self.moving_labels, moving_to_fixed))
        truth, corners = invert(self.pose), box_corners(self.fixed)
        return Scores(
            corner_mm=corner_displacement(moving_to_fixed, truth, corners),
            rotation_deg=rotation_error(moving_to_fixed, truth),
            translation_mm=translation_error(moving_to_fixed, truth, corners.mean(axis=0)),
        )


def between_people(data: Path) -> list[Pair]:
    """The 12 ordered pairs of whole-head T1 scans (2 mm) of four people held out from training."""
    folder = data / "ixi_t1_2mm"
    found = [
        (subject, _only(folder, f"{subject}*_T1.nii.gz"), _only(folder, f"{subject}*_dlmuse.nii.gz"))
        for subject in _SUBJECTS
    ]
    return [
        Pair(f"{moving} to {fixed}", number, TransformType.AFFINE, fixed_scan, moving_scan, fixed_labels, moving_labels)
        for number, ((fixed, fixed_scan, fixed_labels), (moving, moving_scan, moving_labels)) in enumerate(
            permutations(found, 2)
        )
    ]


def across_contrasts(data: Path) -> list[Pair]:
    """The 12 ordered pairs of T1, T2 and FLAIR (1 mm, skull-stripped, one space) of two patients."""
    pairs: list[Pair] = []
    for patient in _PATIENTS:
        scans = {contrast: _only(data / "ms_mni", f"{patient}_{contrast}.nii.gz") for contrast in _CONTRASTS}
        for fixed, moving in permutations(_CONTRASTS, 2):
            name = f"{patient} {moving} to {fixed}"
            pairs.append(Pair(name, len(pairs), TransformType.RIGID, scans[fixed], scans[moving]))
    return pairs


def trial(pair: Pair, bin_number: int, seed: int) -> Trial:
    """Load a pair and pose its moving scan: the same pose for the same pair, bin and seed.

    Raises:
        InputError: if a file cannot be read.
    """
    moving = read_volume(pair.moving)
    pose, degrees = random_pose(np.random.default_rng([seed, bin_number, pair.number]), BINS[bin_number], moving.centre)
    labels = [None if path is None else read_volume(path) for path in (pair.fixed_labels, pair.moving_labels)]
    return Trial(
        pair,
        read_volume(pair.fixed),
        moving.moved(pose),
        pose,
        degrees,
        labels[0],
        None if labels[1] is None else labels[1].moved(pose),
    )


def random_pose(
    rng: np.random.Generator, degrees: tuple[float, float], centre: NDArray
) -> tuple[NDArray[np.float64], float]:
    """A rigid 4×4 RAS pose about ``centre`` with an angle in the range ``degrees`` about a random axis, and the angle."""
    axis = rng.normal(size=3)
    angle = rng.uniform(*degrees)
    rotation = Rotation.from_rotvec(np.deg2rad(angle) * axis / np.linalg.norm(axis)).as_matrix()
    shift = rng.uniform(-_LARGEST_SHIFT, _LARGEST_SHIFT, size=3)
    return affine(rotation, centre - rotation @ centre + shift), float(angle)


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise InputError(
            f"{folder} holds {len(found)} files {pattern}; the benchmark needs one. Give its folder with --data."
        )
    return found[0]
