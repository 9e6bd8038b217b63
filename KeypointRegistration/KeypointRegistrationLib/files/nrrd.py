"""4-D NRRD files that Slicer opens as a sequence of volumes, written one volume at a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from ..geometry.sampling import Grid

#: Scans and maps are smooth: the lowest level already shrinks them well.
_COMPRESSION = 1
_TYPES = {
    "u1": "uint8", "i1": "int8", "u2": "uint16", "i2": "int16", "u4": "uint32", "i4": "int32", "u8": "uint64", "i8": "int64",
    "f4": "float", "f8": "double",
}  # fmt: skip


@dataclass(frozen=True)
class SequenceIndex:
    """What tells the volumes of a sequence apart.

    Attributes:
        name: what it is, such as ``time``.
        values: one text per volume.
        unit: of the values, empty where they have none.
        numeric: whether the values are numbers.
    """

    name: str
    values: Sequence[str]
    unit: str = ""
    numeric: bool = True


@contextmanager
def sequence_writer(path: Path, grid: Grid, dtype: np.dtype, index: SequenceIndex) -> Iterator[Callable[[NDArray], None]]:
    """Gives a function that appends one volume (``[K, J, I]`` on ``grid``); call it once for each value of ``index``.

    The file's axes are I, J, K in space (LPS, as Slicer saves) and then the sequence.

    Raises:
        OSError: if the file cannot be written.
    """
    stored = np.dtype(dtype).newbyteorder("<")
    with path.open("wb") as file:
        file.write(_header(grid, stored, index).encode("utf-8"))
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_COMPRESSION) as body:

            def append(voxels: NDArray) -> None:
                if voxels.shape != grid.shape:
                    raise ValueError(f"a volume of shape {voxels.shape} does not fit into a sequence of {grid.shape}")
                body.write(np.ascontiguousarray(voxels, dtype=stored).data)

            yield append


def _header(grid: Grid, dtype: np.dtype, index: SequenceIndex) -> str:
    signs = np.array([-1.0, -1.0, 1.0])
    directions = [_vector(column * signs) for column in grid.ijk_to_ras[:3, :3].T]
    lines = [
        "NRRD0005",
        f"type: {_TYPES[dtype.str[1:]]}",
        "dimension: 4",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(n) for n in grid.shape[::-1])} {len(index.values)}",
        "space directions: " + " ".join([*directions, "none"]),
        "kinds: domain domain domain list",
        "endian: little",
        "encoding: gzip",
        "space origin: " + _vector(grid.ijk_to_ras[:3, 3] * signs),
        f'labels: "i" "j" "k" "{index.name}"',
        f'units: "" "" "" "{index.unit}"',  # those of axes in space go without saying
        # Where Slicer looks for the names of a sequence's items.
        f"axis 3 index type:={'numeric' if index.numeric else 'text'}",
        "axis 3 index values:=" + " ".join(quote(value) for value in index.values),
    ]
    return "\n".join(lines) + "\n\n"


def _vector(values: NDArray[np.float64]) -> str:
    return "(" + ",".join(f"{value:.17g}" for value in values) + ")"
