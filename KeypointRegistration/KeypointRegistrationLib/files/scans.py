"""Scans and transforms from disk, into RAS millimetres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import affine, invert
from ..geometry.volume import Volume
from .dicom import read_series
from .headers import check_spacing
from .itk_space import to_matrix
from .nifti import is_nifti, read_nifti
from .voxels import voxels_of

_FORMATS = "NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd) or a folder with one DICOM series"
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_volume(path: str | Path) -> Volume:
    """The scan in a NIfTI, NRRD or MetaImage file, or the largest series of a DICOM folder.

    The voxels keep their own number type and are not copied once read: a scan takes the memory of its voxels.  Sheared
    position matrices (NIfTI sforms, DICOM series with a tilted gantry) are kept as they are.

    Raises:
        InputError: if there is nothing to read, or it is not one scalar 3-D volume with a usable position.  Values that are
            not numbers are found by ``Volume.value_range``.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"There is no file {path}. Check its name.")
        with quiet_itk():
            if path.is_dir():
                voxels, ijk_to_lps = read_series(path)
                return Volume(voxels, _LPS_TO_RAS @ ijk_to_lps, path.resolve().name)
            if is_nifti(path):
                return read_nifti(path)
            check_spacing(path)
            return _read_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit into this computer's memory.") from error


def read_transform(path: str | Path) -> NDArray[np.float64]:
    """The 4×4 ``moving_to_fixed`` matrix in RAS millimetres of an ITK transform file (.tfm, .txt, .h5, .mat).

    The file holds the other direction, fixed → moving, in LPS, as ITK and Slicer write it.

    Raises:
        InputError: if there is no such file, or it holds no invertible linear 3-D transform.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(f"There is no transform file {path}. Check its name.")
        transform = sitk.ReadTransform(str(path))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except RuntimeError as error:
        raise InputError(f"{path} is not a transform file that ITK can read. Give an ITK .tfm, .txt or .h5 file.") from error
    if transform.GetDimension() != 3 or not transform.IsLinear():
        raise InputError(f"{path} does not hold a linear 3-D transform. Give a rigid, similarity or affine one.")
    fixed_to_moving = to_matrix(transform)
    if not np.isfinite(fixed_to_moving).all() or abs(np.linalg.det(fixed_to_moving)) < 1e-9:
        raise InputError(f"{path} holds a transform that cannot be inverted. Give another one.")
    if np.linalg.det(fixed_to_moving) < 0:
        raise InputError(f"{path} holds a transform that mirrors. Give one that keeps left and right.")
    return invert(fixed_to_moving)


def _read_file(path: Path) -> Volume:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(_refusal(path, error)) from error
    _select_scalar_volume(reader, path)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise InputError(_refusal(path, error)) from error
    direction = np.array(image.GetDirection()).reshape(3, 3)
    ijk_to_lps = affine(direction @ np.diag(image.GetSpacing()), image.GetOrigin())
    return Volume(voxels_of(image), _LPS_TO_RAS @ ijk_to_lps, path.name)


def _select_scalar_volume(reader: sitk.ImageFileReader, path: Path) -> None:
    size = list(reader.GetSize())
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    if len(size) > 3:
        count = int(np.prod(size[3:]))
        raise InputError(f"{path} holds {count} volumes (a time series or a set). Give a file with a single 3-D volume.")
    if len(size) < 3:
        raise InputError(f"{path} is a 2-D image. A 3-D volume is needed{_series_hint(path)}.")
    if reader.GetNumberOfComponents() > 1:
        count = reader.GetNumberOfComponents()
        raise InputError(f"{path} has {count} values per voxel (a colour or vector volume). Give a scalar volume.")
    if min(size) < 2:
        shape = " × ".join(str(n) for n in size)
        raise InputError(
            f"{path} is {shape} voxels: a single slice cannot be registered. Give a 3-D volume{_series_hint(path)}."
        )
    if len(reader.GetSize()) > 3:
        reader.SetExtractSize(size + [0] * (len(reader.GetSize()) - 3))


@contextmanager
def quiet_itk() -> Iterator[None]:
    """ITK's own warnings name source lines, not files of the user's."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


def _refusal(path: Path, error: RuntimeError) -> str:
    """Why ITK does not take a file, as a sentence."""
    text = str(error)
    if "change spacing" in text:
        return f"{path} has a voxel spacing of zero along an axis. Repair the file's header."
    if "change direction" in text:
        return f"{path} has axes that lie in one plane, so its voxels have no volume. Repair the file's header."
    if "allocate memory" in text:
        return f"{path} does not fit into this computer's memory."
    if "Unable to determine ImageIO reader" in text:
        return f"{path} is not an image that can be read. Give {_FORMATS}."
    return f"{path} is damaged or incomplete and cannot be read. Copy or export it again."


def _series_hint(path: Path) -> str:
    one_slice = path.suffix.lower() in ("", ".dcm", ".ima")
    return ": name the folder of the DICOM series instead of one of its files" if one_slice else ""
