"""Scans made from label maps (FreeSurfer numbers) in a chosen contrast.  Not the training's own generator, on purpose."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..geometry.sampling import averaged
from ..geometry.volume import Volume

_WHITE = (2, 7, 16, 28, 41, 46, 60)
_GREY = (3, 8, 10, 11, 12, 13, 17, 18, 26, 42, 47, 49, 50, 51, 52, 53, 54, 58)
_FLUID = (4, 5, 14, 15, 24, 43, 44, 72)
_RIGHT_TO_LEFT = {
    41: 2, 42: 3, 43: 4, 44: 5, 46: 7, 47: 8, 49: 10, 50: 11, 51: 12, 52: 13, 53: 17, 54: 18, 58: 26, 60: 28,
}  # fmt: skip
_TEXTURE = 0.03  # standard deviation within a tissue
_FINEST_LABEL_OF_THE_HEAD = 85  # numbers from here on are the optic chiasm and what lies outside the brain
_OUTER_FLUID = 24


class Contrast(Enum):
    """How a scan looks.  The value is the word used in names of pairs."""

    T1 = "T1-like"
    T2 = "T2-like"
    RANDOM = "random"


_MEANS = {
    Contrast.T1: ((_WHITE, 0.8), (_GREY, 0.5), (_FLUID, 0.15)),
    Contrast.T2: ((_WHITE, 0.3), (_GREY, 0.5), (_FLUID, 0.95)),
}


def intensities(contrast: Contrast, labels: NDArray, rng: np.random.Generator) -> dict[int, float]:
    """A mean intensity in [0, 1] per label: drawn at random, left and right alike, then the brain's as ``contrast`` says."""
    means = {int(label): float(rng.uniform(0.1, 1)) for label in labels}
    means |= {right: means[left] for right, left in _RIGHT_TO_LEFT.items() if left in means}
    for tissue, mean in _MEANS.get(contrast, ()):
        means |= dict.fromkeys(tissue, mean)
    return means | {0: 0.0}


def paint(labels: Volume, means: dict[int, float], rng: np.random.Generator) -> Volume:
    """A scan at half the resolution of the label map, each tissue with its mean intensity and some texture."""
    table = np.zeros(int(labels.voxels.max()) + 1, dtype=np.float32)
    for label, mean in means.items():
        if label < len(table):
            table[label] = mean
    voxels = table[labels.voxels.astype(np.int64)]
    voxels += (voxels > 0) * rng.normal(scale=_TEXTURE, size=voxels.shape).astype(np.float32)
    return averaged(Volume(voxels, labels.ijk_to_ras, labels.name), (2, 2, 2))


def brain_labels(labels: Volume) -> Volume:
    """Every second voxel of the label map along each axis, with the brain's structures only."""
    coarse = labels.voxels[::2, ::2, ::2]
    kept = np.where((coarse < _FINEST_LABEL_OF_THE_HEAD) & (coarse != _OUTER_FLUID), coarse, 0)
    return Volume(kept, labels.ijk_to_ras @ np.diag([2.0, 2.0, 2.0, 1.0]), labels.name)
