"""The series with the head at rest: every frame on the grid of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...geometry.sampling import Grid
from ...registration.options import Progress
from ...registration.tracking.frames import Series, Track
from ..nrrd import SequenceIndex, sequence_writer
from ..resampling import resampled

_STAGE = "Writing the stabilised series"


def write_stabilised(
    path: Path, series: Series, track: Track, index: SequenceIndex, progress: Progress | None = None
) -> None:
    """Write all frames of ``track`` as one .seq.nrrd file, in the number type of the series; one is in memory at a time.

    Frames in which the head was not found are not read, but left black (0), so that nothing unaligned is taken for aligned.

    Raises:
        InputError: if a frame cannot be read any more.
        OSError: if the file cannot be written.
    """
    reference = track.reference.scan
    found = next((motion.index for motion in track.frames if motion.found), None)
    dtype = _stored_type((reference if found is None else series.frame(found)).voxels.dtype)
    with sequence_writer(path, Grid.of(reference), dtype, index) as append:
        for number, motion in enumerate(track.frames):
            if progress is not None:
                progress(number / len(track.frames), _STAGE)
            if motion.moving_to_fixed is None:
                append(np.zeros(reference.shape, dtype))
            else:
                append(resampled(reference, series.frame(motion.index), motion.moving_to_fixed).voxels)


def _stored_type(dtype: np.dtype) -> np.dtype:
    """Types that the file has no word for become the next larger one."""
    larger = {"bool": np.uint8, "float16": np.float32}
    return np.dtype(larger.get(dtype.name, dtype))
