"""A time series from disk, of whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from ...geometry.errors import InputError
from ..nifti import is_nifti
from ..scans import quiet_itk
from .dicom_series import read_dicom_series
from .folder_series import read_folder_series, volume_files
from .nifti_series import read_nifti_series
from .nrrd_series import is_nrrd, read_nrrd_series
from .stored import StoredSeries

_FORMATS = (
    "a 4-D NIfTI (.nii, .nii.gz) or NRRD (.nrrd, .seq.nrrd) file, a folder of volumes in the order of their names, or a "
    "folder with one DICOM series"
)


def read_series(path: str | Path) -> StoredSeries:
    """The series in a 4-D file, a folder of volumes or a DICOM folder.  Its frames are read when they are asked for.

    Compressed files are unpacked into a temporary file, so that memory holds one frame at a time.

    Raises:
        InputError: if there is nothing to read, or it is not a series of scalar volumes of one size in the order of time.
            Frames that are empty or not finite are no error here: tracking tells what becomes of them.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"There is no file {path}. Check its name.")
        with quiet_itk():
            if path.is_dir():
                files = volume_files(path)
                return read_folder_series(path, files) if files else read_dicom_series(path)
            if is_nifti(path):
                return read_nifti_series(path)
            if is_nrrd(path):
                return read_nrrd_series(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise InputError(f"A frame of {path} does not fit into this computer's memory.") from error
    raise InputError(f"{path} is not a time series that can be read. Give {_FORMATS}.")
