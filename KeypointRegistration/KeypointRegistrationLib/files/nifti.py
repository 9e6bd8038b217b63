"""NIfTI files, read and written without ITK.

ITK has no sheared images, and it repairs NIfTI files silently: NaN becomes 0, a truncated file ends in zeros, a spacing of
zero becomes 1, and signs are dropped.  Layout and meaning of the header are those of nifti1.h and nifti2.h.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..geometry.errors import InputError
from ..geometry.transforms import affine
from ..geometry.volume import Volume

_NAMES = ["sizeof_hdr", "dim", "datatype", "bitpix", "pixdim", "vox_offset", "slope", "intercept"]
_NAMES += ["qform_code", "sform_code", "quaternion", "qoffset", "srow", "xyzt_units", "magic"]
_NIFTI_1 = np.dtype(
    {
        "names": _NAMES,
        "formats": ["i4", "8i2", "i2", "i2", "8f4", "f4", "f4", "f4", "i2", "i2", "3f4", "3f4", "(3,4)f4", "u1", "S4"],
        "offsets": [0, 40, 70, 72, 76, 108, 112, 116, 252, 254, 256, 268, 280, 123, 344],
        "itemsize": 348,
    }
)
_NIFTI_2 = np.dtype(
    {
        "names": _NAMES,
        "formats": ["i4", "8i8", "i2", "i2", "8f8", "i8", "f8", "f8", "i4", "i4", "3f8", "3f8", "(3,4)f8", "i4", "S8"],
        "offsets": [0, 16, 12, 14, 104, 168, 176, 184, 344, 348, 352, 376, 400, 500, 4],
        "itemsize": 540,
    }
)
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COLOUR_TYPES = {128: 3, 2304: 4}
_SCANNER = 1

#: Code of the unit of length → mm.  A file that names no unit means mm.
_UNITS = {1: 1000.0, 2: 1.0, 3: 0.001}
_MILLIMETRES = 2

#: Past level 1 gzip costs seconds per scan and saves little.
_COMPRESSION = 1
_CHUNK = 1 << 24

BinaryFile = gzip.GzipFile | io.BufferedReader


def is_nifti(path: Path) -> bool:
    """Whether the name is that of a NIfTI file."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(path: Path) -> Volume:
    """The scan in a .nii or .nii.gz file, in its own number type unless the header scales the values (then float).

    Of two positions in one file the one is taken that ITK and Slicer take: the sform if it is in scanner space, agrees with
    the qform or is the only one, else the qform.

    Raises:
        InputError: if it is not one whole scalar volume, or its header states an impossible spacing.
        OSError: if the file cannot be opened.
    """
    try:
        with _opened(path) as file:
            header = _read_header(path, file)
            shape = _shape(path, header)
            _check_spacing(path, header)
            voxels = _read_voxels(path, file, header, shape)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged or incomplete and cannot be read. Copy or export it again.") from error
    return Volume(_scaled(voxels, float(header["slope"]), float(header["intercept"])), _ijk_to_ras(header), path.name)


def write_nifti(path: Path, volume: Volume) -> None:
    """Write a scan as .nii.gz with its 4×4 matrix as sform, and as qform too where the axes are perpendicular."""
    voxels = volume.voxels.astype(np.uint8) if volume.voxels.dtype == bool else volume.voxels
    voxels = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    with gzip.open(path, "wb", compresslevel=_COMPRESSION) as file:
        # Four bytes after the header say that nothing comes between it and the voxels.
        file.write(_new_header(voxels, volume.ijk_to_ras) + bytes(4))
        for slices in Volume(voxels, volume.ijk_to_ras).slabs():
            file.write(np.ascontiguousarray(slices).data)


def _opened(path: Path) -> BinaryFile:
    return gzip.GzipFile(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _read_header(path: Path, file: BinaryFile) -> np.void:
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


def _shape(path: Path, header: np.void) -> tuple[int, ...]:
    """The size along K, J and I of a scalar volume."""
    size = [int(n) for n in header["dim"][1 : 1 + header["dim"][0]]]
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    components = _COLOUR_TYPES.get(int(header["datatype"])) or (size[4] if len(size) > 4 and size[3] == 1 else 1)
    if components > 1:
        raise InputError(f"{path} has {components} values per voxel (a colour or vector volume). Give a scalar volume.")
    if len(size) > 3:
        raise InputError(
            f"{path} holds {int(np.prod(size[3:]))} volumes (a time series or a set). Give a single 3-D volume."
        )
    if len(size) < 3:
        raise InputError(f"{path} is a 2-D image. A 3-D volume is needed.")
    if int(header["datatype"]) not in _TYPES:
        raise InputError(f"{path} holds numbers of a kind that cannot be registered (complex or very long). Give real ones.")
    if min(size) < 1:
        raise InputError(
            f"{path} is damaged: its header states a size of {' × '.join(map(str, size))} voxels. Export it again."
        )
    return tuple(size[::-1])


def _check_spacing(path: Path, header: np.void) -> None:
    spacing = header["pixdim"][1:4].astype(float)
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        stated = " × ".join(f"{value:g}" for value in spacing)
        raise InputError(
            f"{path} states a voxel spacing of {stated} mm, which must be above zero. Repair the file's header."
        )


def _read_voxels(path: Path, file: BinaryFile, header: np.void, shape: tuple[int, ...]) -> NDArray:
    voxels = np.empty(shape, np.dtype(_TYPES[int(header["datatype"])]).newbyteorder(header.dtype["dim"].base.byteorder))
    file.seek(int(header["vox_offset"]))
    content = voxels.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(content):
        count = file.readinto(content[filled : filled + _CHUNK])
        if not count:
            raise InputError(f"{path} is incomplete: it ends before its last voxel. Copy or export it again.")
        filled += count
    while file.read(_CHUNK):  # to the very end: only there does a compressed file prove itself whole
        pass
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def _scaled(voxels: NDArray, slope: float, intercept: float) -> NDArray:
    """The values that the header means: ``slope`` · voxel + ``intercept``, where it states a slope at all."""
    stated = np.isfinite(slope) and np.isfinite(intercept) and slope != 0
    if not stated or (slope == 1 and intercept == 0):
        return voxels
    values: NDArray[np.floating] = voxels.astype(np.float64 if voxels.dtype.itemsize == 8 else np.float32)
    np.multiply(values, slope, out=values)
    return np.add(values, intercept, out=values)


def _ijk_to_ras(header: np.void) -> NDArray[np.float64]:
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


def _new_header(voxels: NDArray, matrix: NDArray[np.float64]) -> bytes:
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
