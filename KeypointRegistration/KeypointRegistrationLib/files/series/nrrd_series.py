"""A series in one 4-D NRRD file, Slicer's .seq.nrrd among them."""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from ...geometry.errors import InputError
from ...geometry.volume import Volume
from ..voxels import Source
from .frame_file import FrameFile, FrameLayout, unpacked
from .nrrd_header import NrrdSeriesHeader, read_nrrd_header
from .stored import StoredSeries, check_count, frame_name, series_of


def is_nrrd(path: Path) -> bool:
    """Whether the name is that of a NRRD file."""
    return path.suffix.lower() in (".nrrd", ".nhdr")


def read_nrrd_series(path: Path) -> StoredSeries:
    """The frames of a .nrrd or .nhdr file whose first or last axis counts them, in their own number type.

    Raises:
        InputError: if it is not a series of scalar volumes, is incomplete, or states an impossible position.
        OSError: if a file cannot be opened.
    """
    with path.open("rb") as file:
        header = read_nrrd_header(path, file)
        offset = file.tell()
    count = header.sizes[header.frame_axis]
    check_count(path, count)
    data = path if header.data_file is None else path.parent / header.data_file
    if not data.is_file():
        raise InputError(f"{path} says that its numbers are in {data}, which is not there. Copy both files.")
    layout = FrameLayout(count, header.shape, header.dtype, interleaved=header.frame_axis == 0)
    frames = _frames(data, header, layout, offset if header.data_file is None else 0)

    def read(index: int) -> Volume:
        return Volume(frames.frame(index), header.ijk_to_ras, frame_name(path.name, index))

    return series_of(path, count, header.times, read)


def _frames(data: Path, header: NrrdSeriesHeader, layout: FrameLayout, offset: int) -> FrameFile:
    if header.encoding == "raw" and not layout.interleaved:
        frames = FrameFile(data, layout, offset)
        frames.check_complete()
        return frames
    try:
        with data.open("rb") as file:
            file.seek(offset)
            return unpacked(data, _decoded(file, header.encoding), layout)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{data} is damaged or incomplete and cannot be read. Copy or export it again.") from error


def _decoded(file: BinaryIO, encoding: str) -> Source:
    if encoding == "raw":
        return file
    return gzip.GzipFile(fileobj=file) if encoding == "gzip" else bz2.BZ2File(file)
