"""Probability maps as one 4-D NRRD file that Slicer opens as a sequence of volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..detection.heatmaps import Heatmaps
from .nrrd import SequenceIndex, sequence_writer


def write_heatmaps(path: Path, heatmaps: Heatmaps, labels: tuple[str, ...]) -> None:
    """Write K maps (each sums to 1) as float NRRD: axes I, J, K in space (LPS, as Slicer saves) and then the keypoints."""
    index = SequenceIndex("keypoint", labels, numeric=False)
    with sequence_writer(path, heatmaps.grid, np.dtype(np.float32), index) as append:
        for values in heatmaps.values:
            append(values)
