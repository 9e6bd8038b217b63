"""Label maps and scans, loaded once and kept small, as the source of synthetic views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..detection.localisation import otsu_threshold
from ..geometry.errors import InputError
from ..geometry.sampling import Grid, sample
from ..geometry.volume import Volume
from .landmarks import Landmarks

#: Grey levels of a scan that is a source; 0 is its background.
LEVELS = 256

_SPACING = 1.0  # mm
_EXTENTS = (20.0, 1000.0)  # mm: what heads, from a foetus's on, and the scans around them may measure
_MARGIN = 20.0  # mm of a scan kept around its bright foreground


@dataclass(frozen=True, eq=False)
class Subject:
    """One head as a map of class indices, or of the grey levels of a scan, on an upright 1 mm grid.

    Attributes:
        name: of the label map or scan.
        classes: class index or grey level of every voxel, uint8, ``(z, y, x)`` with x to the right, y to the front, z up.
        origin: RAS position (mm) of voxel (0, 0, 0), ``(3,)``.
        points: reference points in RAS mm, ``(K, 3)``.
    """

    name: str
    classes: Tensor
    origin: Tensor
    points: Tensor

    def to(self, device: torch.device) -> Subject:
        """The same subject on another device."""
        return Subject(self.name, self.classes.to(device), self.origin.to(device), self.points.to(device))


def subject_from(volume: Volume, labels: Sequence[int], landmarks: Landmarks) -> Subject:
    """A subject from a label map; ``labels[c]`` is the label of class c, background (0) first.

    Raises:
        InputError: if the map is empty, holds a label not in ``labels``, lacks what the reference points are made from, or
            has an impossible size.
    """
    listed = np.asarray(labels)
    found = np.unique(volume.voxels)
    unknown = np.setdiff1d(found, listed)
    if len(unknown):
        raise InputError(f"{volume.name} holds labels that the configuration does not list: {unknown[:8].tolist()}.")
    if not found.any():
        raise InputError(f"{volume.name} is empty: all its voxels are 0. Take it out of the folder.")
    box = _box(volume.voxels > 0, volume)
    points = landmarks.points(volume)
    classes = np.searchsorted(listed, volume.voxels).astype(np.uint8)
    return _upright(Volume(classes, volume.ijk_to_ras, volume.name), box, points, order=0)


def subject_from_scan(scan: Volume, landmarks: Landmarks) -> Subject:
    """A subject from a scan without labels: its intensities in ``LEVELS`` grey levels from the 0.1 to the 99.9 percentile.

    The reference points belong to its largest bright object (by Otsu's threshold).

    Raises:
        InputError: if the scan is constant, holds values that are not numbers, or has an impossible size.
    """
    scan.value_range()
    values = scan.voxels.astype(np.float32)
    objects, _ = ndimage.label(values > otsu_threshold(values))
    foreground = objects == 1 + np.argmax(np.bincount(objects.flat)[1:])
    low, high = _box(foreground, scan)
    points = landmarks.points(Volume(foreground.astype(np.uint8), scan.ijk_to_ras, scan.name))
    darkest, brightest = np.percentile(values, (0.1, 99.9))
    levels = np.clip((values - darkest) / (brightest - darkest), 0, 1) * (LEVELS - 1)
    return _upright(Volume(levels, scan.ijk_to_ras, scan.name), (low - _MARGIN, high + _MARGIN), points, order=1)


def _upright(volume: Volume, box: tuple[NDArray, NDArray], points: NDArray, order: int) -> Subject:
    """What ``volume`` shows between two RAS corners (mm), on an upright grid; interpolated with the given order."""
    low, high = box
    shape = np.ceil((high - low) / _SPACING).astype(int) + 1
    matrix = np.diag([_SPACING, _SPACING, _SPACING, 1.0])
    matrix[:3, 3] = low
    voxels = np.rint(sample(volume, Grid(tuple(shape[::-1]), matrix), order=order)).astype(np.uint8)
    return Subject(
        volume.name,
        torch.from_numpy(voxels),
        torch.tensor(low, dtype=torch.float32),
        torch.tensor(points, dtype=torch.float32),
    )


def _box(shown: NDArray[np.bool_], volume: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper RAS corner (mm) of the voxels ``shown``; InputError if no head can be as large or small."""
    kji = np.argwhere(shown)
    corners = np.array([kji.min(axis=0), kji.max(axis=0)])[:, ::-1]
    box = np.array([[corners[a][0], corners[b][1], corners[c][2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    ras = box @ volume.ijk_to_ras[:3, :3].T + volume.ijk_to_ras[:3, 3]
    low, high = ras.min(axis=0), ras.max(axis=0)
    longest = float((high - low).max())
    if not _EXTENTS[0] <= longest <= _EXTENTS[1]:
        spacing = " × ".join(f"{value:g}" for value in volume.spacing)
        raise InputError(
            f"{volume.name} shows something {longest:g} mm long with voxels of {spacing} mm. No head is: check the spacing "
            "in its header."
        )
    return low, high
