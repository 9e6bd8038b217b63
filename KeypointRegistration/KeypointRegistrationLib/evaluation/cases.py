"""The pairs of real scans that are registered, each turned by a known random pose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..files.scans import read_volume
from ..geometry.transforms import affine
from ..geometry.volume import Volume

#: Initial rotations in degrees.
BINS = ((0, 15), (15, 45), (45, 90))

_IXI_HELD_OUT = ("IXI565-HH-2534", "IXI577-HH-2661", "IXI603-HH-2701", "IXI632-HH-2652")
_LARGEST_SHIFT = 20.0  # mm along each axis


@dataclass(frozen=True, eq=False)
class Case:
    """One pair.

    Attributes:
        name: of the pair.
        rotation_bin: initial rotation in degrees, from and to.
        fixed, moving: the scans; the moving one lies turned and shifted by ``pose``.
        pose: 4×4 RAS, the motion that was given to the moving scan.
        fixed_labels, moving_labels: label maps in the same places, or None where the truth is ``pose`` itself.
    """

    name: str
    rotation_bin: str
    fixed: Volume
    moving: Volume
    pose: NDArray[np.float64]
    fixed_labels: Volume | None = None
    moving_labels: Volume | None = None


def affine_cases(data: Path, seed: int, limit: int | None = None) -> Iterator[Case]:
    """Ordered pairs of the held-out IXI heads (T1, 2 mm) in every rotation bin."""
    folder = data / "ixi_t1_2mm"
    scans = {name: read_volume(folder / f"{name}_T1.nii.gz") for name in _IXI_HELD_OUT}
    labels = {name: read_volume(folder / f"{name}_dlmuse.nii.gz") for name in _IXI_HELD_OUT}
    rng = np.random.default_rng(seed)
    for index, (fixed, moving) in enumerate(permutations(_IXI_HELD_OUT, 2)):
        poses = [_random_pose(rng, limits, scans[moving].centre) for limits in BINS]
        if limit is not None and index >= limit:
            return
        for (low, high), pose in zip(BINS, poses, strict=True):
            yield Case(
                f"{fixed[:6]} {moving[:6]}",
                f"{low}–{high}°",
                scans[fixed],
                scans[moving].moved(pose),
                pose,
                labels[fixed],
                labels[moving].moved(pose),
            )


def rigid_cases(data: Path, seed: int, limit: int | None = None) -> Iterator[Case]:
    """The contrasts of each patient of ``ms_mni`` (1 mm, skull-stripped, aligned) in every rotation bin."""
    rng = np.random.default_rng(seed)
    patients = [(patient, pair) for patient in ("cs07", "cs19") for pair in combinations(("T1", "T2", "FLAIR"), 2)]
    for index, (patient, (fixed, moving)) in enumerate(patients):
        scans = {kind: read_volume(data / "ms_mni" / f"{patient}_{kind}.nii.gz") for kind in (fixed, moving)}
        poses = [_random_pose(rng, limits, scans[moving].centre) for limits in BINS]
        if limit is not None and index >= limit:
            return
        for (low, high), pose in zip(BINS, poses, strict=True):
            yield Case(f"{patient} {fixed} {moving}", f"{low}–{high}°", scans[fixed], scans[moving].moved(pose), pose)


def _random_pose(rng: np.random.Generator, limits: tuple[float, float], centre: NDArray) -> NDArray[np.float64]:
    """A turn by an angle within ``limits`` degrees about a random axis through ``centre``, and a random shift."""
    axis = rng.normal(size=3)
    angle = np.deg2rad(rng.uniform(*limits))
    rotation = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
    return affine(rotation, centre - rotation @ centre + rng.uniform(-_LARGEST_SHIFT, _LARGEST_SHIFT, size=3))
