"""The probability maps of one scan, as arrays on their grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.keypoints import Keypoints
from ..geometry.sampling import Grid


@dataclass(frozen=True, eq=False)
class Heatmaps:
    """One probability map per keypoint: ``values`` of shape (K, k, j, i), each map summing to 1, on ``grid`` (RAS mm)."""

    values: NDArray[np.float32]
    grid: Grid


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector says of one scan.

    Attributes:
        keypoints, heatmaps: where it sees the anatomy.
        doubt: median spread of the maps in mm of a head of the usual size: wide where the network sees nothing it knows.
        remembered: whether it was found in an earlier run and kept.
        pose: 4×4 similarity that takes the model's template of an upright head into the scan (RAS mm), or None where too
            little of the head was found.
    """

    keypoints: Keypoints
    heatmaps: Heatmaps
    doubt: float = 0.0
    remembered: bool = False
    pose: NDArray[np.float64] | None = None
