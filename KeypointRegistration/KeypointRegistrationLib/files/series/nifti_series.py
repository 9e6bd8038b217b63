"""A series in one 4-D NIfTI file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ...geometry.errors import InputError
from ...geometry.volume import Volume
from ..nifti import opened
from ..nifti_header import (
    check_spacing,
    frame_times,
    ijk_to_ras,
    number_type,
    read_header,
    read_size,
    scaled,
    voxels_offset,
)
from .frame_file import FrameFile, FrameLayout, unpacked
from .stored import StoredSeries, check_count, frame_name, series_of


def read_nifti_series(path: Path) -> StoredSeries:
    """The frames of a .nii or .nii.gz file, in their own number type unless the header scales the values (then float).

    Raises:
        InputError: if it is not a series of scalar volumes, is incomplete, or states an impossible spacing.
        OSError: if the file cannot be opened.
    """
    try:
        with opened(path) as file:
            header = read_header(path, file)
            size = read_size(path, header)
            check_count(path, size[3] if len(size) > 3 else 1)
            if len(size) > 4:
                raise InputError(f"{path} has {len(size)} dimensions. Give a series with four: three in space, and time.")
            check_spacing(path, header)
            layout = FrameLayout(size[3], (size[2], size[1], size[0]), number_type(header))
            offset = voxels_offset(path, header)
            if isinstance(file, gzip.GzipFile):
                file.seek(offset)
                frames = unpacked(path, file, layout)
            else:
                frames = FrameFile(path, layout, offset)
                frames.check_complete()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged or incomplete and cannot be read. Copy or export it again.") from error
    matrix = ijk_to_ras(header)

    def read(index: int) -> Volume:
        return Volume(scaled(frames.frame(index), header), matrix, frame_name(path.name, index))

    return series_of(path, layout.count, frame_times(header, layout.count), read)
