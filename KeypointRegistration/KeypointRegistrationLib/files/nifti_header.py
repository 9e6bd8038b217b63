"""Headers of NIfTI files: where the numbers are and what they mean, as nifti1.h and nifti2.h say."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..geometry.errors import InputError
from ..geometry.transforms import affine

_NAMES = ["sizeof_hdr", "dim", "datatype", "bitpix", "pixdim", "vox_offset", "slope", "intercept"]
_NAMES += ["qform_code", "sform_code", "quaternion", "qoffset", "srow", "toffset", "xyzt_units", "magic"]
_NIFTI_1 = np.dtype(
    {
        "names": _NAMES,
        "formats": ["i4", "8i2", "i2", "i2", "8f4", "f4", "f4", "f4", "i2", "i2", "3f4", "3f4", "(3,4)f4", "f4", "u1", "S4"],
        "offsets": [0, 40, 70, 72, 76, 108, 112, 116, 252, 254, 256, 268, 280, 136, 123, 344],
        "itemsize": 348,
    }
)
_NIFTI_2 = np.dtype(
    {
        "names": _NAMES,
        "formats": ["i4", "8i8", "i2", "i2", "8f8", "i8", "f8", "f8", "i4", "i4", "3f8", "3f8", "(3,4)f8", "f8", "i4", "S8"],
        "offsets": [0, 16, 12, 14, 104, 168, 176, 184, 344, 348, 352, 376, 400, 216, 500, 4],
        "itemsize": 540,
    }
)
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COLOUR_TYPES = {128: 3, 2304: 4}
_SCANNER = 1

#: Code of the unit of length → mm.  A file that names no unit means mm.
_UNITS = {1: 1000.0, 2: 1.0, 3: 0.001}
_MILLIMETRES = 2

#: Code of the unit of time (in its bits of the field of units) → seconds.  Others are no times but frequencies.
_TIME_UNITS = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
_TIME_MASK = 0x38

_LARGEST_OFFSET = 1 << 40

BinaryFile = gzip.GzipFile | io.BufferedReader


def read_header(path: Path, file: BinaryFile) -> np.void:
    """The header at the begin of an open file.

    Raises:
        InputError: if there is none.
    """
    try:
        start = file.read(_NIFTI_2.itemsize)
    except gzip.BadGzipFile:
        start = b""
    for layout in (_NIFTI_1, _NIFTI_2):
        for order in (layout.newbyteorder("<"), layout.newbyteorder(">")):
            if len(start) >= layout.itemsize:
                header = np.frombuffer(start, order, 1)[0]
                if header["sizeof_hdr"] == layout.itemsize and header["magic"][:2] == b"n+" and 1 <= header["dim"][0] <= 7:
                    return header
    raise InputError(f"{path} is not an image that can be read: it has no NIfTI header. Give another file.")


def read_size(path: Path, header: np.void) -> list[int]:
    """How many voxels a scalar file has along I, J, K and what comes after them (without ones at the end).

    Raises:
        InputError: if it holds colours, vectors, slices or numbers of another kind, or the size is impossible.
    """
    size = [int(n) for n in header["dim"][1 : 1 + header["dim"][0]]]
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    components = _COLOUR_TYPES.get(int(header["datatype"])) or (size[4] if len(size) > 4 and size[3] == 1 else 1)
    if components > 1:
        raise InputError(f"{path} has {components} values per voxel (a colour or vector volume). Give a scalar volume.")
    if len(size) < 3:
        raise InputError(f"{path} is a 2-D image. A 3-D volume is needed.")
    if int(header["datatype"]) not in _TYPES:
        raise InputError(f"{path} holds numbers of a kind that cannot be registered (complex or very long). Give real ones.")
    if min(size) < 1:
        raise InputError(
            f"{path} is damaged: its header states a size of {' × '.join(map(str, size))} voxels. Export it again."
        )
    return size


def number_type(header: np.void) -> np.dtype:
    """Of the stored voxels, with their byte order."""
    return np.dtype(_TYPES[int(header["datatype"])]).newbyteorder(header.dtype["dim"].base.byteorder)


def voxels_offset(path: Path, header: np.void) -> int:
    """Where the first voxel is, in bytes from the begin of the (uncompressed) file.

    Raises:
        InputError: if it cannot be there.
    """
    offset = float(header["vox_offset"])
    if not 0 <= offset < _LARGEST_OFFSET:  # nor is NaN
        raise InputError(f"{path} is damaged: its header places the voxels at byte {offset:g}. Export it again.")
    return int(offset)


def check_spacing(path: Path, header: np.void) -> None:
    """See whether the stated spacing of the voxels is possible.

    Raises:
        InputError: if it is not above zero.
    """
    spacing = header["pixdim"][1:4].astype(float)
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        stated = " × ".join(f"{value:g}" for value in spacing)
        raise InputError(
            f"{path} states a voxel spacing of {stated} mm, which must be above zero. Repair the file's header."
        )


def frame_times(header: np.void, count: int) -> tuple[float, ...] | None:
    """When each of ``count`` frames was taken, in seconds; None where the header states no time between them.

    A step without a unit means seconds, unless it is 1: that is what programs write that know of no time.
    """
    step, start = float(header["pixdim"][4]), float(header["toffset"])
    code = int(header["xyzt_units"]) & _TIME_MASK
    unit = _TIME_UNITS.get(code)
    if unit is None or not np.isfinite(step) or step <= 0 or (code == 0 and step == 1):
        return None
    start = start if np.isfinite(start) else 0.0
    return tuple(round((start + index * step) * unit, 9) for index in range(count))


def scaled(voxels: NDArray, header: np.void) -> NDArray:
    """The values that the header means: slope · voxel + intercept, where it states a slope at all."""
    slope, intercept = float(header["slope"]), float(header["intercept"])
    stated = np.isfinite(slope) and np.isfinite(intercept) and slope != 0
    if not stated or (slope == 1 and intercept == 0):
        return voxels
    values: NDArray[np.floating] = voxels.astype(np.float64 if voxels.dtype.itemsize == 8 else np.float32)
    np.multiply(values, slope, out=values)
    return np.add(values, intercept, out=values)


def ijk_to_ras(header: np.void) -> NDArray[np.float64]:
    """The 4×4 matrix from (i, j, k, 1) to RAS mm.

    Of two positions in one file the one is taken that ITK and Slicer take: the sform if it is in scanner space, agrees
    with the qform or is the only one, else the qform.
    """
    unit = _UNITS.get(int(header["xyzt_units"]) & 7, 1.0)
    return np.diag([unit, unit, unit, 1.0]) @ _stated_matrix(header)


def _stated_matrix(header: np.void) -> NDArray[np.float64]:
    """The 4×4 matrix from (i, j, k, 1) to RAS, in the header's own unit of length."""
    spacing = header["pixdim"][1:4].astype(float)
    sform = affine(header["srow"][:, :3], header["srow"][:, 3])
    if header["qform_code"] <= 0:
        # A file that says nothing lies along L, P and S, for ITK and so for us.
        return sform if header["sform_code"] > 0 else np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    qform = _qform(header, spacing)
    if header["sform_code"] == _SCANNER or (header["sform_code"] > 0 and np.allclose(sform, qform, atol=1e-3)):
        return sform
    return qform


def _qform(header: np.void, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    b, c, d = header["quaternion"].astype(float)
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    handedness = -1.0 if header["pixdim"][0] < 0 else 1.0
    rotation = Rotation.from_quat([b, c, d, a]).as_matrix()
    return affine(rotation * spacing * [1, 1, handedness], header["qoffset"])


def new_header(voxels: NDArray, matrix: NDArray[np.float64]) -> bytes:
    """A NIfTI-1 header."""
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    axes = matrix[:3, :3] / spacing
    handedness = 1.0 if np.linalg.det(axes) > 0 else -1.0
    perpendicular = np.allclose(axes.T @ axes, np.eye(3), atol=1e-5)
    codes = {np.dtype(name): code for code, name in _TYPES.items()}
    header = np.zeros((), _NIFTI_1.newbyteorder("<"))
    header["sizeof_hdr"] = _NIFTI_1.itemsize
    header["dim"] = [3, *voxels.shape[::-1], 1, 1, 1, 1]
    header["datatype"] = codes[voxels.dtype.newbyteorder("=")]
    header["bitpix"] = 8 * voxels.dtype.itemsize
    header["pixdim"] = [handedness, *spacing, 1, 1, 1, 1]
    header["vox_offset"] = 352
    header["slope"] = 1
    header["xyzt_units"] = _MILLIMETRES
    header["sform_code"] = _SCANNER
    header["srow"] = matrix[:3]
    if perpendicular:
        header["qform_code"] = _SCANNER
        # The format stores three of the four Euler parameters and demands that the missing one be positive.
        header["quaternion"] = Rotation.from_matrix(axes * [1, 1, handedness]).as_quat(canonical=True)[:3]
        header["qoffset"] = matrix[:3, 3]
    header["magic"] = b"n+1"
    return header.tobytes()
