"""Headers of 4-D NRRD files, as Slicer and ITK write them (teem.sourceforge.net/nrrd/format.html)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...geometry.transforms import affine
from .stored import check_count

_LONGEST_HEADER = 1 << 22
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_CODES = {name: code for code, names in _TYPES.items() for name in names}

#: Space → the signs that take it to RAS.  A file that names none means LPS, for ITK and so for us.
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
}
_LPS = (-1, -1, 1)

#: What an axis may be called that counts frames; others are colours, vectors and tensors.
_FRAME_KINDS = ("list", "time", "domain", "space", "none", "???")

#: Unit of the frames' index → seconds.
_TIME_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}


@dataclass(frozen=True, eq=False)
class NrrdSeriesHeader:
    """What the header of a 4-D NRRD file says.

    Attributes:
        sizes: of the four axes, the fastest first.
        frame_axis: which of them counts the frames: 0 or 3.
        dtype: of the numbers, with their byte order.
        encoding: ``raw``, ``gzip`` or ``bzip2``.
        ijk_to_ras: 4×4, from voxel indices to RAS mm.
        times: of the frames in seconds, or None.
        data_file: name of the file with the numbers, None where they follow the header.
    """

    sizes: tuple[int, ...]
    frame_axis: int
    dtype: np.dtype
    encoding: str
    ijk_to_ras: NDArray[np.float64]
    times: tuple[float, ...] | None
    data_file: str | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a frame along K, J and I."""
        i, j, k = (size for axis, size in enumerate(self.sizes) if axis != self.frame_axis)
        return k, j, i


def read_nrrd_header(path: Path, file: BinaryIO) -> NrrdSeriesHeader:
    """The header at the begin of an open file, which then stands at what follows it.

    Raises:
        InputError: if there is none, or it is not that of a series of scalar volumes.
    """
    fields = _fields(path, file)
    try:
        sizes = tuple(int(word) for word in fields["sizes"].split())
        _check_dimensions(path, sizes)
        directions = _directions(fields)
        frame_axis = _frame_axis(path, fields, directions, sizes)
        dtype = np.dtype(_CODES[fields["type"].lower()])
        return NrrdSeriesHeader(
            sizes=sizes,
            frame_axis=frame_axis,
            dtype=dtype.newbyteorder(">" if fields.get("endian", "little").lower() == "big" else "<"),
            encoding=_encoding(path, fields),
            ijk_to_ras=_matrix(path, fields, [vector for axis, vector in enumerate(directions) if axis != frame_axis]),
            times=_times(fields, directions[frame_axis], frame_axis, sizes[frame_axis]),
            data_file=_data_file(path, fields),
        )
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{path} has a NRRD header that lacks or does not fit {error}. Save the series again.") from error
    except ValueError as error:
        raise InputError(f"{path} has a NRRD header that cannot be read: {error}. Save the series again.") from error


def _fields(path: Path, file: BinaryIO) -> dict[str, str]:
    """Fields (``name: value``) and keys (``name:=value``) of the header, names in small letters."""
    if not file.readline(64).startswith(b"NRRD"):
        raise InputError(f"{path} is not an image that can be read: it has no NRRD header. Give another file.")
    fields: dict[str, str] = {}
    while file.tell() < _LONGEST_HEADER:
        line = file.readline(_LONGEST_HEADER).decode("utf-8", errors="replace").rstrip("\r\n")
        if not line:
            return fields
        name, _, value = line.partition(":")
        if not line.startswith("#"):
            fields[name.strip().lower()] = value.removeprefix("=").strip()
    raise InputError(f"{path} has a NRRD header without an end. Save the series again.")


def _check_dimensions(path: Path, sizes: tuple[int, ...]) -> None:
    if len(sizes) == 3:
        check_count(path, 1)
    if len(sizes) != 4:
        raise InputError(f"{path} has {len(sizes)} dimensions. Give a series with four: three in space, and time.")
    if min(sizes) < 1:
        raise InputError(f"{path} is damaged: its header states a size of {' × '.join(map(str, sizes))}. Export it again.")


def _directions(fields: dict[str, str]) -> list[NDArray[np.float64] | None]:
    """The step along each of the four axes, in the file's own space; None for one that is not in space."""
    if "space directions" in fields:
        words = re.findall(r"none|\([^)]*\)", fields["space directions"])
        return [None if word == "none" else _vector(word) for word in words]
    spacings = [float(word) for word in fields.get("spacings", "1 1 1 nan").split()]
    frame_axis = int(np.argmax(~np.isfinite(spacings))) if not np.isfinite(spacings).all() else 3
    steps: list[NDArray[np.float64] | None] = [
        spacings[axis] * row for axis, row in zip(_others(frame_axis), np.eye(3), strict=True)
    ]
    steps.insert(frame_axis, None)
    return steps


def _frame_axis(
    path: Path, fields: dict[str, str], directions: list[NDArray[np.float64] | None], sizes: tuple[int, ...]
) -> int:
    """The axis that is not in space; the last, where all four are in a space of four dimensions."""
    outside = [axis for axis, direction in enumerate(directions) if direction is None]
    if len(directions) != 4 or len(outside) > 1 or (not outside and any(len(d) != 4 for d in directions if d is not None)):
        raise ValueError(f"its space directions are {fields.get('space directions')}")
    axis = outside[0] if outside else 3
    kinds = fields.get("kinds", "").lower().split()
    if len(kinds) == 4 and kinds[axis] not in _FRAME_KINDS:
        raise InputError(f"{path} has {sizes[axis]} values per voxel ({kinds[axis]}). Give a series of scalar volumes.")
    if axis not in (0, 3):
        raise InputError(f"{path} counts its frames along its axis {axis}. Save it with the frames first or last.")
    return axis


def _matrix(path: Path, fields: dict[str, str], steps: list[NDArray[np.float64] | None]) -> NDArray[np.float64]:
    """The 4×4 matrix from voxel indices to RAS mm."""
    space = fields.get("space", "").lower().removesuffix("-time")
    signs = np.diag(_SPACES.get(space, _LPS)).astype(float)
    linear = np.stack([np.asarray(step)[:3] for step in steps if step is not None], axis=1)
    origin = _vector(fields["space origin"])[:3] if "space origin" in fields else np.zeros(3)
    if not (np.isfinite(linear).all() and np.isfinite(origin).all()):
        raise InputError(f"{path} has a position that is not finite. Repair the file's header.")
    if not (np.linalg.norm(linear, axis=0) > 0).all():
        raise InputError(f"{path} states a voxel spacing that is not above zero. Repair the file's header.")
    return affine(signs @ linear, signs @ origin)


def _times(
    fields: dict[str, str], step: NDArray[np.float64] | None, frame_axis: int, count: int
) -> tuple[float, ...] | None:
    """From the list of values that Slicer writes, or the step of a time axis; None where they only count the frames."""
    values = fields.get(f"axis {frame_axis} index values", "")
    if values and fields.get(f"axis {frame_axis} index type", "numeric") == "numeric":
        units = re.findall(r'"([^"]*)"', fields.get("units", ""))
        unit = units[frame_axis] if len(units) == 4 else ""
        stated = tuple(_number(unquote(word)) for word in values.split())
        if unit not in _TIME_UNITS or (not unit and stated == tuple(range(count))):
            return None
        return tuple(round(value * _TIME_UNITS[unit], 9) for value in stated)
    if step is None or step[3] <= 0 or step[3] == 1:
        return None
    return tuple(round(index * float(step[3]), 9) for index in range(count))


def _encoding(path: Path, fields: dict[str, str]) -> str:
    stated = fields["encoding"].lower()
    encoding = {"gz": "gzip", "bz2": "bzip2"}.get(stated, stated)
    if encoding not in ("raw", "gzip", "bzip2"):
        raise InputError(f"{path} stores its numbers as {stated}. Save it with raw or gzip encoding.")
    return encoding


def _data_file(path: Path, fields: dict[str, str]) -> str | None:
    if any(int(fields.get(name, fields.get(name.replace(" ", ""), "0"))) for name in ("line skip", "byte skip")):
        raise InputError(f"{path} says to skip a part of its data. Save the series again.")
    name = fields.get("data file", fields.get("datafile"))
    if name is not None and (name.upper().startswith("LIST") or "%" in name):
        raise InputError(f"{path} is spread over several files. Save the series as one .seq.nrrd file.")
    return name


def _vector(word: str) -> NDArray[np.float64]:
    return np.array([float(number) for number in word.strip("() ").split(",")])


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _others(frame_axis: int) -> list[int]:
    return [axis for axis in range(4) if axis != frame_axis]
