"""NIfTI files, read and written without ITK.

ITK has no sheared images, and it repairs NIfTI files silently: NaN becomes 0, a truncated file ends in zeros, a spacing of
zero becomes 1, and signs are dropped.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from ..geometry.errors import InputError
from ..geometry.volume import Volume
from .nifti_header import (
    BinaryFile,
    check_spacing,
    ijk_to_ras,
    new_header,
    number_type,
    read_header,
    read_size,
    scaled,
    voxels_offset,
)
from .voxels import read_array, read_to_end

#: Past level 1 gzip costs seconds per scan and saves little.
_COMPRESSION = 1


def is_nifti(path: Path) -> bool:
    """Whether the name is that of a NIfTI file."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(path: Path) -> Volume:
    """The scan in a .nii or .nii.gz file, in its own number type unless the header scales the values (then float).

    Raises:
        InputError: if it is not one whole scalar volume, or its header states an impossible spacing.
        OSError: if the file cannot be opened.
    """
    try:
        with opened(path) as file:
            header = read_header(path, file)
            shape = _shape(path, header)
            check_spacing(path, header)
            file.seek(voxels_offset(path, header))
            voxels = read_array(file, shape, number_type(header))
            read_to_end(file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged or incomplete and cannot be read. Copy or export it again.") from error
    return Volume(scaled(voxels, header), ijk_to_ras(header), path.name)


def write_nifti(path: Path, volume: Volume) -> None:
    """Write a scan as .nii.gz with its 4×4 matrix as sform, and as qform too where the axes are perpendicular."""
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    voxels = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    with gzip.open(path, "wb", compresslevel=_COMPRESSION) as file:
        # Four bytes after the header say that nothing comes between it and the voxels.
        file.write(new_header(voxels, volume.ijk_to_ras) + bytes(4))
        for slices in Volume(voxels, volume.ijk_to_ras).slabs():
            file.write(np.ascontiguousarray(slices).data)


def opened(path: Path) -> BinaryFile:
    """A .nii or .nii.gz file, to read what it holds uncompressed."""
    return gzip.GzipFile(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _shape(path: Path, header: np.void) -> tuple[int, int, int]:
    """The size along K, J and I of a single volume."""
    size = read_size(path, header)
    if len(size) > 3:
        raise InputError(
            f"{path} holds {int(np.prod(size[3:]))} volumes (a time series or a set). Give a single 3-D volume."
        )
    return size[2], size[1], size[0]
