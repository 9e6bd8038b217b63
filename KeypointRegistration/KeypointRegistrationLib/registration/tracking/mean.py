"""The mean of the frames of a series, aligned: a reference with less noise than any one of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...geometry.errors import InputError
from ...geometry.sampling import Grid, coverage, sample
from ...geometry.volume import Volume
from ..options import Progress
from ..result import TrustLevel
from .frames import FrameMotion, Reference, Series


def mean_scan(
    series: Series, reference: Reference, motions: Iterable[FrameMotion], progress: Progress | None = None
) -> Volume:
    """Mean of ``reference`` and the well aligned frames of ``series`` on the reference's grid; one in memory at a time.

    Voxels that a frame does not cover are averaged over those that do.

    Raises:
        InputError: if a frame cannot be read: a mean without it would be another one when the run is started again.
    """
    grid = Grid.of(reference.scan)
    total = reference.scan.voxels.astype(np.float64)
    count = np.ones(grid.shape)
    frames = len(series.times)
    for motion in motions:
        if progress is not None:
            progress(motion.index / frames, f"Averaging: frame {motion.index + 1} of {frames}")
        if motion.unread:
            raise InputError(
                f"{' '.join(motion.trust.reasons)} The mean needs every frame: start again once it can be read. "
                "Finished frames are kept."
            )
        if motion.moving_to_fixed is None or motion.index == reference.index or motion.trust.level is not TrustLevel.GOOD:
            continue
        scan = series.frame(motion.index)
        seen = coverage(scan.moved(motion.moving_to_fixed), grid)
        total += np.where(seen, sample(scan, grid, motion.moving_to_fixed), 0)
        count += seen
    return Volume((total / count).astype(np.float32), grid.ijk_to_ras, f"mean of {series.name}")
