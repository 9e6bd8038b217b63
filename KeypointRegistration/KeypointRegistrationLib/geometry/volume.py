"""A scan: its voxels and where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

#: Voxels looked at together when a whole scan is read through, so that memory stays bounded at any size.
_SLAB_VOXELS = 1 << 24


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels in ``[K, J, I]`` order and the 4×4 matrix that takes voxel indices (i, j, k, 1) to RAS millimetres.

    Voxel indices are at voxel centres.  The matrix may be oblique, anisotropic, left-handed or sheared.  The voxels are
    kept as they came (any real number type) and are never written to.

    Raises:
        InputError: if the array is not three-dimensional, has fewer than two voxels along an axis, holds anything but
            real numbers, or if the matrix is not finite and invertible.
    """

    voxels: NDArray
    ijk_to_ras: NDArray[np.float64]
    name: str = "volume"

    def __post_init__(self) -> None:
        voxels = np.asarray(self.voxels)
        matrix = np.array(self.ijk_to_ras, dtype=float)
        _check_array(voxels, self.name)
        _check_geometry(matrix, self.name)
        matrix.setflags(write=False)
        object.__setattr__(self, "voxels", voxels)
        object.__setattr__(self, "ijk_to_ras", matrix)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along K, J and I."""
        return self.voxels.shape

    @cached_property
    def spacing(self) -> NDArray[np.float64]:
        """Distance in mm between neighbouring voxels along I, J and K."""
        return np.sqrt((self.ijk_to_ras[:3, :3] ** 2).sum(axis=0))

    @cached_property
    def ras_to_ijk(self) -> NDArray[np.float64]:
        """4×4 matrix from RAS millimetres to voxel indices (i, j, k, 1)."""
        return np.asarray(np.linalg.inv(self.ijk_to_ras), dtype=np.float64)

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """RAS position (mm) of the middle of the voxel box."""
        middle = (np.array(self.shape[::-1]) - 1) / 2
        return self.ijk_to_ras[:3, :3] @ middle + self.ijk_to_ras[:3, 3]

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """RAS positions (mm), shape (8, 3), of the outermost voxel centres."""
        last = np.array(self.shape[::-1]) - 1
        ijk = np.array([[i, j, k] for k in (0, 1) for j in (0, 1) for i in (0, 1)]) * last
        return ijk @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]

    @cached_property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm³."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3])))

    def moved(self, matrix: ArrayLike) -> Volume:
        """The same voxels after a 4×4 RAS→RAS ``matrix`` has moved the scan in space (nothing is resampled)."""
        return replace(self, ijk_to_ras=np.asarray(matrix, dtype=float) @ self.ijk_to_ras)

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value.

        Raises:
            InputError: if a voxel is NaN or infinite, or all voxels are equal.
        """
        return self._value_range

    @cached_property
    def _value_range(self) -> tuple[float, float]:
        """Found once: every room checks the scans it is given, and reading one through takes time."""
        lows, highs = [], []
        for slab in self.slabs():
            if slab.dtype.kind == "f" and not np.isfinite(slab).all():
                raise InputError(
                    f"{self.name} contains values that are not numbers (NaN or infinity). Replace them, for example with 0."
                )
            lows.append(slab.min())
            highs.append(slab.max())
        low, high = float(min(lows)), float(max(highs))
        if max(-low, high) > float(np.finfo(np.float32).max):
            raise InputError(f"{self.name} contains values beyond ±3.4e38, which cannot be computed with. Rescale them.")
        if low == high:
            raise InputError(f"{self.name} is empty: every voxel has the value {low:g}. Choose a scan that shows anatomy.")
        return low, high

    def slabs(self) -> list[NDArray]:
        """Views of consecutive slices that together are the whole scan, each of bounded size."""
        slices = max(1, _SLAB_VOXELS // (self.shape[1] * self.shape[2]))
        return [self.voxels[k : k + slices] for k in range(0, self.shape[0], slices)]


def _check_array(voxels: NDArray, name: str) -> None:
    if voxels.ndim == 4 and voxels.shape[-1] in (2, 3, 4):
        raise InputError(f"{name} has {voxels.shape[-1]} values per voxel (colour or vectors). Choose a scalar volume.")
    if voxels.ndim != 3:
        raise InputError(f"{name} has {voxels.ndim} dimensions. A single 3-D volume is needed.")
    if min(voxels.shape) < 2:
        size = " × ".join(str(n) for n in voxels.shape[::-1])
        raise InputError(f"{name} is {size} voxels: a single slice cannot be registered. Choose a 3-D volume.")
    if voxels.dtype.kind not in "biuf":
        raise InputError(f"{name} holds {voxels.dtype} values, not real numbers. Choose a scalar volume.")


def _check_geometry(matrix: NDArray, name: str) -> None:
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise InputError(f"{name} has a position matrix that is not a finite 4×4 matrix. Repair the file's header.")
    if not np.array_equal(matrix[3], (0, 0, 0, 1)):
        raise InputError(f"{name} has a position matrix that is not affine: {matrix[3].tolist()}. Repair the file's header.")
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    if (spacing < 1e-6).any():
        raise InputError(f"{name} has a voxel spacing of zero along an axis. Repair the file's header.")
    if abs(np.linalg.det(matrix[:3, :3] / spacing)) < 1e-4:
        raise InputError(f"{name} has axes that lie in one plane, so its voxels have no volume. Repair the file's header.")
