"""One volume out of a folder of DICOM slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import affine
from .voxels import voxels_of

_POSITION, _ORIENTATION = "0020|0032", "0020|0037"

#: A slice may lie this far from its even place, in parts of the slice distance.
_UNEVEN = 0.05


def read_series(folder: Path) -> tuple[NDArray, NDArray[np.float64]]:
    """The largest series of a folder: its voxels ``[K, J, I]`` and the 4×4 matrix from (i, j, k, 1) to LPS millimetres.

    The slice axis is taken from the slices' positions, so that a tilted gantry gives a sheared matrix and a right volume.

    Raises:
        InputError: if there is no series, or its slices are not one even stack.
    """
    files = _largest_series(folder)
    if len(files) == 1:
        raise InputError(f"{folder} holds no DICOM series of more than one slice. Give the folder of a 3-D series.")
    positions, orientation = _slice_geometry(folder, files)
    normal = np.cross(orientation[:3], orientation[3:])
    order = np.argsort(positions @ normal, kind="stable")
    positions = positions[order]
    step = _even_step(folder, positions, normal)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([files[index] for index in order])
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(
            f"{folder}: the slices of its largest series do not form one volume. Export the series again."
        ) from error
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{folder} holds a colour series. Give a scalar one.")
    column, row, _ = image.GetSpacing()
    linear = np.stack([orientation[:3] * column, orientation[3:] * row, step], axis=1)
    return voxels_of(image), affine(linear, positions[0])


def _largest_series(folder: Path) -> tuple[str, ...]:
    series = [
        sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), name)
        for name in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    ]
    if not series:
        raise InputError(
            f"{folder} is a folder without DICOM images. Give a scan, or the folder that holds the slices themselves."
        )
    return max(series, key=len)


def _slice_geometry(folder: Path, files: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Image Position (Patient) of every slice, shape (N, 3), and their common Image Orientation (Patient), shape (6,)."""
    reader = sitk.ImageFileReader()
    positions, orientations = [], []
    for name in files:
        reader.SetFileName(name)
        try:
            reader.ReadImageInformation()
            positions.append(_numbers(reader.GetMetaData(_POSITION), 3))
            orientations.append(_numbers(reader.GetMetaData(_ORIENTATION), 6))
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{name} does not say where its slice lies in the patient. Export the series again.") from error
    if np.ptp(orientations, axis=0).max() > 1e-3:
        raise InputError(
            f"{folder}: the slices of its largest series lie in different directions (a scout?). Give a 3-D series."
        )
    return np.array(positions), np.array(orientations[0])


def _even_step(folder: Path, positions: NDArray, normal: NDArray) -> NDArray[np.float64]:
    """The vector (mm, LPS) from one slice to the next, of slices sorted along ``normal``."""
    distances = np.diff(positions @ normal)
    if (distances < 1e-3).any():
        raise InputError(
            f"{folder} holds several slices at one place: a time series or several volumes. Give a single volume."
        )
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    even = positions[0] + np.arange(len(positions))[:, None] * step
    if np.linalg.norm(positions - even, axis=1).max() > _UNEVEN * (step @ normal):
        raise InputError(
            f"{folder}: its slices are {distances.min():.2f} to {distances.max():.2f} mm apart. Slices may be missing; "
            "give a series with even spacing."
        )
    return step


def _numbers(text: str, count: int) -> list[float]:
    values = [float(word) for word in text.split("\\")]
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"{count} numbers expected, not {text!r}")
    return values
