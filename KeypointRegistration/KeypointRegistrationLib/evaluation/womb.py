"""Scans of whole wombs, with the head in them painted out: surroundings for a head that moves."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.sampling import Grid
from ..geometry.volume import Volume
from .pairs import only_file

#: Where the heads are in the scans of wombs, marked by eye.
MARKS = Path(__file__).with_name("fetal_heads.csv")
_SHADING = 40.0  # mm: a scan blurred as much shows how bright its coils make a place
_DARKEST = 0.1  # of the usual shading: no place is taken to be darker
_TISSUE = 0.05  # of the bright voxels' value: darker ones are air, and say nothing of the shading
_FADE = (8.0, 20.0)  # mm from the marked ball over which paint gives way to the scan
_RIM = (12.0, 30.0)  # mm from the marked ball, where fluid is looked for
_FLUID_QUANTILE = 0.85  # of what is found there
_TEXTURE = 8.0  # mm: grain of the paint
_CONTRAST = 0.12  # of the paint's texture


@dataclass(frozen=True, eq=False)
class MarkedHead:
    """Where a head is in a scan, marked by eye: middle of its vault in RAS mm, (3,), and mean radius in mm."""

    centre: NDArray[np.float64]
    radius: float


@dataclass(frozen=True, eq=False)
class Womb:
    """A scan without its head.

    Attributes:
        scan: the head replaced by something like fluid.
        shading: how bright a brain would be at each voxel, shape of the scan.
        head: where it was.
    """

    scan: Volume
    shading: NDArray[np.float32]
    head: MarkedHead


def marked_heads() -> dict[str, MarkedHead]:
    """The heads of the ``fetal_uterus_epi`` scans by the names of the scans."""
    with MARKS.open(encoding="utf-8") as stream:
        records = csv.DictReader(line for line in stream if not line.startswith("#"))
        return {
            record["scan"]: MarkedHead(np.array([float(record[axis]) for axis in "ras"]), float(record["radius_mm"]))
            for record in records
        }


def read_womb(data: Path, name: str, rng: np.random.Generator) -> Womb:
    """The scan called ``name`` with its head painted out; the paint's texture is drawn.

    Raises:
        InputError: if nobody has marked the head in a scan of that name, or its file is missing.
    """
    heads = marked_heads()
    if name not in heads:
        raise InputError(f"No head is marked in {name}. Choose one of {', '.join(heads)}.")
    return without_head(read_volume(only_file(data / "fetal_uterus_epi", f"{name}.nii.gz")), heads[name], rng)


def without_head(scan: Volume, head: MarkedHead, rng: np.random.Generator) -> Womb:
    """``scan`` with its ``head`` painted out."""
    values = scan.voxels.astype(np.float32)
    shading = _shading(values, scan.spacing)
    distances = np.linalg.norm(Grid.of(scan).positions() - head.centre, axis=1).reshape(scan.shape) - head.radius
    relative = values / shading
    brain = float(np.median(relative[distances < -0.3 * head.radius]))
    rim = relative[(distances > _RIM[0]) & (distances < _RIM[1])]
    grain = ndimage.gaussian_filter(rng.normal(size=scan.shape), _TEXTURE / scan.spacing[::-1])
    paint = shading * float(np.quantile(rim, _FLUID_QUANTILE)) * (1 + _CONTRAST * grain / grain.std())
    share = np.clip((_FADE[1] - distances) / (_FADE[1] - _FADE[0]), 0, 1)
    painted = share * paint + (1 - share) * values
    return Womb(Volume(painted.astype(np.float32), scan.ijk_to_ras, scan.name), shading * brain, head)


def _shading(values: NDArray[np.float32], spacing: NDArray) -> NDArray[np.float32]:
    """How bright the coils make each place: the mean of the tissue around it."""
    sigma = _SHADING / spacing[::-1]
    tissue = (values > _TISSUE * np.quantile(values, 0.99)).astype(np.float32)
    mean = ndimage.gaussian_filter(values * tissue, sigma) / (ndimage.gaussian_filter(tissue, sigma) + _TISSUE)
    return np.maximum(mean, _DARKEST * np.quantile(mean, 0.9)).astype(np.float32)
