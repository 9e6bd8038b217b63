"""One volume out of a folder of DICOM slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class Slices:
    """The slices of one series.

    Attributes:
        files: one per slice.
        positions: Image Position (Patient) of every slice, LPS mm, shape (N, 3).
        orientation: their common Image Orientation (Patient), shape (6,).
        tags: values of the tags that were asked for, of every slice; a tag that it lacks is not there.
    """

    files: tuple[str, ...]
    positions: NDArray[np.float64]
    orientation: NDArray[np.float64]
    tags: tuple[dict[str, str], ...]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector out of the slices, shape (3,)."""
        return np.cross(self.orientation[:3], self.orientation[3:]).astype(np.float64)

    def chosen(self, indices: Sequence[int] | NDArray[np.integer]) -> Slices:
        """Some of the slices, in that order."""
        return Slices(
            tuple(self.files[index] for index in indices),
            self.positions[indices],
            self.orientation,
            tuple(self.tags[index] for index in indices),
        )


def read_series(folder: Path) -> tuple[NDArray, NDArray[np.float64]]:
    """The largest series of a folder: its voxels ``[K, J, I]`` and the 4×4 matrix from (i, j, k, 1) to LPS millimetres.

    The slice axis is taken from the slices' positions, so that a tilted gantry gives a sheared matrix and a right volume.

    Raises:
        InputError: if there is no series, or its slices are not one even stack.
    """
    slices = largest_series(folder)
    if len(slices.files) == 1:
        raise InputError(f"{folder} holds no DICOM series of more than one slice. Give the folder of a 3-D series.")
    slices = slices.chosen(np.argsort(slices.positions @ slices.normal, kind="stable"))
    return read_stack(folder, slices, even_step(folder, slices))


def read_stack(folder: Path, slices: Slices, step: NDArray[np.float64]) -> tuple[NDArray, NDArray[np.float64]]:
    """The voxels ``[K, J, I]`` of slices in the order of their places, and the 4×4 matrix from (i, j, k, 1) to LPS mm.

    ``step`` is the vector (mm, LPS) from one slice to the next.

    Raises:
        InputError: if the slices are not one scalar volume.
    """
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(slices.files)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(
            f"{folder}: the slices of its largest series do not form one volume. Export the series again."
        ) from error
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(f"{folder} holds a colour series. Give a scalar one.")
    column, row, _ = image.GetSpacing()
    linear = np.stack([slices.orientation[:3] * column, slices.orientation[3:] * row, step], axis=1)
    return voxels_of(image), affine(linear, slices.positions[0])


def largest_series(folder: Path, tags: Sequence[str] = ()) -> Slices:
    """The slices of the largest series of a folder, in any order, with the values of some ``tags`` ("gggg|eeee").

    Raises:
        InputError: if there is no series, or its slices do not say where they lie, or lie in different directions.
    """
    files = _largest_series(folder)
    reader = sitk.ImageFileReader()
    positions, orientations, values = [], [], []
    for name in files:
        reader.SetFileName(name)
        try:
            reader.ReadImageInformation()
            positions.append(_numbers(reader.GetMetaData(_POSITION), 3))
            orientations.append(_numbers(reader.GetMetaData(_ORIENTATION), 6))
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{name} does not say where its slice lies in the patient. Export the series again.") from error
        values.append({tag: reader.GetMetaData(tag).strip() for tag in tags if reader.HasMetaDataKey(tag)})
    if np.ptp(orientations, axis=0).max() > 1e-3:
        raise InputError(
            f"{folder}: the slices of its largest series lie in different directions (a scout?). Give a 3-D series."
        )
    return Slices(files, np.array(positions), np.array(orientations[0]), tuple(values))


def even_step(folder: Path, slices: Slices) -> NDArray[np.float64]:
    """The vector (mm, LPS) from one slice to the next, of slices in the order of their places.

    Raises:
        InputError: if they are not equally far apart.
    """
    positions, normal = slices.positions, slices.normal
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


def _numbers(text: str, count: int) -> list[float]:
    values = [float(word) for word in text.split("\\")]
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"{count} numbers expected, not {text!r}")
    return values
