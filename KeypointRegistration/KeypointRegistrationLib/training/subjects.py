"""Label maps, loaded once and kept small, as the source of synthetic scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..geometry.errors import InputError
from ..geometry.sampling import Grid, sample
from ..geometry.volume import Volume
from .landmarks import Landmarks

_SPACING = 1.0  # mm


@dataclass(frozen=True, eq=False)
class Subject:
    """One head as a map of class indices on an upright 1 mm grid.

    Attributes:
        name: of the label map.
        classes: class index of every voxel, uint8, ``(z, y, x)`` with x to the right, y to the front, z up.
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
        InputError: if the map holds a label not in ``labels`` or lacks a structure of the reference points.
    """
    listed = np.asarray(labels)
    unknown = np.setdiff1d(np.unique(volume.voxels), listed)
    if len(unknown):
        raise InputError(f"{volume.name} holds labels that the configuration does not list: {unknown[:8].tolist()}.")
    lookup = np.zeros(int(listed.max()) + 1, dtype=np.uint8)
    lookup[listed] = np.arange(len(listed))
    points = landmarks.points(volume)
    classes = Volume(lookup[volume.voxels], volume.ijk_to_ras, volume.name)
    low, high = _head_box(classes)
    shape = np.ceil((high - low) / _SPACING).astype(int) + 1
    matrix = np.diag([_SPACING, _SPACING, _SPACING, 1.0])
    matrix[:3, 3] = low
    upright = sample(classes, Grid(tuple(shape[::-1]), matrix), order=0).astype(np.uint8)
    return Subject(
        volume.name,
        torch.from_numpy(upright),
        torch.tensor(low, dtype=torch.float32),
        torch.tensor(points, dtype=torch.float32),
    )


def _head_box(classes: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper RAS corner (mm) of everything that is not background."""
    kji = np.argwhere(classes.voxels > 0)
    corners = np.array([kji.min(axis=0), kji.max(axis=0)])[:, ::-1]
    box = np.array([[corners[a][0], corners[b][1], corners[c][2]] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    ras = box @ classes.ijk_to_ras[:3, :3].T + classes.ijk_to_ras[:3, 3]
    return ras.min(axis=0), ras.max(axis=0)
