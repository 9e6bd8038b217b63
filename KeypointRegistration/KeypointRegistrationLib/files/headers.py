"""What a file's own header says, where ITK repairs it silently.

ITK replaces zero spacings of NIfTI files by 1, drops signs, fills up truncated files, and takes any sense of negative
spacings.  Such files are refused here, before they are read.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.errors import InputError

#: How far into a NRRD or MetaImage file its header of text lines is looked for.
_TEXT_HEADER_BYTES = 1 << 16

#: The fields looked at, as nifti1.h and nifti2.h place them.
_NIFTI_1 = {
    "names": ["sizeof_hdr", "dim", "bitpix", "pixdim", "vox_offset", "sform_code", "srow"],
    "formats": ["i4", "8i2", "i2", "8f4", "f4", "i2", "(3,4)f4"],
    "offsets": [0, 40, 72, 76, 108, 254, 280],
    "itemsize": 348,
}
_NIFTI_2 = {
    "names": ["sizeof_hdr", "dim", "bitpix", "pixdim", "vox_offset", "sform_code", "srow"],
    "formats": ["i4", "8i8", "i2", "8f8", "i8", "i4", "(3,4)f8"],
    "offsets": [0, 16, 14, 104, 168, 348, 400],
    "itemsize": 540,
}


def is_nifti(path: Path) -> bool:
    """Whether the name is that of a NIfTI file."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def check_header(path: Path) -> None:
    """Refuse a file whose header states an impossible spacing or position, or that ends before its voxels do.

    Raises:
        InputError: a sentence that says what the header states.
    """
    if is_nifti(path):
        header = _read_nifti(path)
        if header is not None:
            _check_nifti(path, header)
    elif path.suffix.lower() in (".nrrd", ".nhdr"):
        _check_spacing(path, _text_field(path, "spacings"))
    elif path.suffix.lower() in (".mha", ".mhd"):
        _check_spacing(path, _text_field(path, "elementspacing"))


def nifti_sform(path: Path) -> NDArray[np.float64] | None:
    """The 4×4 IJK→RAS matrix that a NIfTI file's sform states, or None where it states none."""
    header = _read_nifti(path)
    if header is None or header["sform_code"] <= 0:
        return None
    return np.vstack([header["srow"], [0, 0, 0, 1]]).astype(float)


def _read_nifti(path: Path) -> np.void | None:
    """The fields of a NIfTI-1 or NIfTI-2 header that are looked at, None where the file has no such header."""
    try:
        with _opened(path) as file:
            start = file.read(_NIFTI_2["itemsize"])
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return None
    for layout, size in ((_NIFTI_1, 348), (_NIFTI_2, 540)):
        for order in "<>":
            fields = np.dtype(layout).newbyteorder(order)
            if len(start) >= fields.itemsize and (header := np.frombuffer(start, fields, 1)[0])["sizeof_hdr"] == size:
                return header
    return None


def _check_nifti(path: Path, header: np.void) -> None:
    axes = int(header["dim"][0])
    if not 1 <= axes <= 7:
        return
    _check_spacing(path, header["pixdim"][1 : 1 + min(axes, 3)])
    if header["sform_code"] > 0 and not np.isfinite(header["srow"]).all():
        raise InputError(f"{path} has a position matrix with values that are not numbers. Repair the file's header.")
    needed = (
        int(header["vox_offset"]) + int(np.prod(header["dim"][1 : 1 + axes], dtype=np.int64)) * int(header["bitpix"]) // 8
    )
    if path.suffix.lower() == ".nii" and path.stat().st_size < needed:
        raise InputError(f"{path} is incomplete: it ends before its last voxel. Copy or export it again.")


def _check_spacing(path: Path, spacing: ArrayLike) -> None:
    spacing = np.asarray(spacing, dtype=float)
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        stated = " × ".join(f"{value:g}" for value in spacing)
        raise InputError(
            f"{path} states a voxel spacing of {stated} mm, which must be above zero. Repair the file's header."
        )


def _text_field(path: Path, name: str) -> list[float]:
    """The numbers after ``name`` in a header of text lines, an empty list where there is no such line."""
    with path.open("rb") as file:
        lines = file.read(_TEXT_HEADER_BYTES).split(b"\n")
    for line in lines:
        key, _, value = line.partition(b":" if b":" in line else b"=")
        if key.strip().lower() == name.encode():
            return _numbers(value.decode("latin-1"))
    return []


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        return []


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")
