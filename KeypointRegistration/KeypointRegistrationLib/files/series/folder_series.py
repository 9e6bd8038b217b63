"""A series as a folder of volumes, one file per frame, in the natural order of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...geometry.volume import Volume
from ..scans import read_volume
from .stored import StoredSeries, frame_name, series_of

_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

#: Spacings may differ by so much of themselves: what rounding in a header does.
_SAME_SPACING = 1e-3


@dataclass(frozen=True, eq=False)
class _Kind:
    """Of the first frame: its shape along K, J and I and spacing (mm) along I, J and K, which all have, and number type."""

    name: str
    shape: tuple[int, int, int]
    spacing: NDArray[np.float64]
    dtype: np.dtype


def volume_files(folder: Path) -> list[Path]:
    """The volumes in a folder in natural order: frame2 before frame10.  Hidden files are left out."""
    found = [path for path in folder.iterdir() if path.name.lower().endswith(_SUFFIXES) and not path.name.startswith(".")]
    return sorted(found, key=_natural)


def read_folder_series(folder: Path, files: list[Path]) -> StoredSeries:
    """The series whose frames are ``files``, in that order.  Every one is read once, to see whether they are one series.

    Their number types may differ: frames have the one that holds the values of all.

    Raises:
        InputError: if a file cannot be read, or is not of the same size and spacing as the first.
    """
    if len(files) == 1:
        raise InputError(f"{folder} holds a single volume, {files[0].name}. Give that file if it is a series itself.")
    kind = _kind(read_volume(files[0]))
    dtype = kind.dtype
    for path in files[1:]:
        volume = read_volume(path)
        _check_alike(kind, volume, path)
        dtype = np.result_type(dtype, volume.voxels.dtype)

    def read(index: int) -> Volume:
        volume = read_volume(files[index])
        _check_alike(kind, volume, files[index])  # it may have been replaced meanwhile
        name = frame_name(folder.resolve().name, index)
        return Volume(volume.voxels.astype(dtype, copy=False), volume.ijk_to_ras, name)

    return series_of(folder, len(files), None, read)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Numbers in the name count as numbers; names that differ only in leading zeros or capitals keep one order."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _kind(volume: Volume) -> _Kind:
    return _Kind(volume.name, volume.shape, volume.spacing, volume.voxels.dtype)


def _check_alike(first: _Kind, volume: Volume, path: Path) -> None:
    if volume.shape != first.shape:
        sizes = [" × ".join(str(n) for n in shape[::-1]) for shape in (volume.shape, first.shape)]
        raise InputError(f"{path} has {sizes[0]} voxels, but {first.name} has {sizes[1]}. Give frames of one size.")
    if not np.allclose(volume.spacing, first.spacing, rtol=_SAME_SPACING):
        spacings = [" × ".join(f"{length:.4g}" for length in spacing) for spacing in (volume.spacing, first.spacing)]
        raise InputError(
            f"{path} has voxels of {spacings[0]} mm, but those of {first.name} are {spacings[1]} mm. Give frames of one "
            "spacing."
        )
