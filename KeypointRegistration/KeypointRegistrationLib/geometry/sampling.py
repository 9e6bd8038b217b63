"""Sampling a scan on another grid: one interpolation, straight from the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from .transforms import affine
from .volume import Volume


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular grid in space: shape ``(K, J, I)`` and the 4×4 matrix from (i, j, k, 1) to RAS millimetres."""

    shape: tuple[int, int, int]
    ijk_to_ras: NDArray[np.float64]

    @classmethod
    def cubic(cls, size: int, spacing: float, centre: ArrayLike, axes: ArrayLike | None = None) -> Grid:
        """``size``³ points ``spacing`` mm apart around ``centre`` (RAS mm).

        ``axes`` is a 3×3 matrix whose columns are the RAS directions of I, J and K (default: R, A and S).  It need not
        be orthonormal: a grid may be scaled and sheared to fit the anatomy.
        """
        matrix = np.eye(4)
        matrix[:3, :3] = (np.eye(3) if axes is None else np.asarray(axes, dtype=float)) * spacing
        matrix[:3, 3] = np.asarray(centre, dtype=float) - matrix[:3, :3] @ np.full(3, (size - 1) / 2)
        return cls((size, size, size), matrix)

    @classmethod
    def of(cls, volume: Volume) -> Grid:
        """The voxel grid of a scan."""
        return cls(volume.shape, volume.ijk_to_ras)

    @cached_property
    def spacing(self) -> NDArray[np.float64]:
        """Distance in mm between neighbours along I, J and K."""
        return np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)

    def coarsened(self, factor: int) -> Grid:
        """The grid of the blocks of ``factor``³ points (centres of blocks, as after average pooling)."""
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] += matrix[:3, :3] @ np.full(3, (factor - 1) / 2)
        matrix[:3, :3] *= factor
        k, j, i = (n // factor for n in self.shape)
        return Grid((k, j, i), matrix)

    def positions(self) -> NDArray[np.float64]:
        """RAS positions (mm) of all points, shape (K·J·I, 3), I running fastest."""
        k, j, i = np.indices(self.shape).reshape(3, -1)
        return np.stack([i, j, k], axis=1) @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]


def sample(
    volume: Volume, grid: Grid, moving_to_fixed: ArrayLike | None = None, *, order: int = 1, fill: float = 0.0
) -> NDArray[np.float32]:
    """Values of ``volume`` at the points of ``grid``, shape ``grid.shape``, ``fill`` outside the voxel box.

    ``moving_to_fixed`` (4×4, RAS→RAS, default identity) is first applied to the volume, which is the moving one; the grid
    lies in the fixed space.  Where the grid is coarser than the voxels, these are averaged in whole blocks first, so that
    nothing finer than the grid aliases into it.  ``order`` is the spline order (0 nearest, 1 linear, 3 cubic).
    """
    placed = volume if moving_to_fixed is None else volume.moved(moving_to_fixed)
    if order > 0:
        placed = averaged(placed, _blocks(placed.ras_to_ijk @ grid.ijk_to_ras))
    return _interpolated(placed, grid, order, fill)


class Sampler:
    """Samples one scan on many grids as ``sample`` does, to the last bit, but reads it through only once.

    Grids of about the same spacing need the same block averages, which are small and kept here.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._averages: dict[tuple[int, ...], Volume] = {}

    def __call__(self, grid: Grid) -> NDArray[np.float32]:
        """Values at the points of ``grid``, linearly interpolated, shape ``grid.shape``, 0 outside the voxel box."""
        blocks = _blocks(self.volume.ras_to_ijk @ grid.ijk_to_ras)
        if blocks not in self._averages:
            self._averages[blocks] = averaged(self.volume, blocks)
        return _interpolated(self._averages[blocks], grid, order=1, fill=0.0)


def _interpolated(volume: Volume, grid: Grid, order: int, fill: float) -> NDArray[np.float32]:
    # Rounding keeps points on the outermost voxels inside, which 1e-16 of a voxel would turn into the fill value.
    to_voxels = np.round(_array_order(volume.ras_to_ijk @ grid.ijk_to_ras), 9)
    return ndimage.affine_transform(
        _common_type(volume.voxels),
        to_voxels[:3, :3],
        to_voxels[:3, 3],
        output_shape=grid.shape,
        output=np.float32,
        order=order,
        mode="constant",
        cval=fill,
    )


def coverage(volume: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Which points of ``grid`` the scan covers (within half a voxel of its box), shape ``grid.shape``."""
    to_voxels = _array_order(volume.ras_to_ijk @ grid.ijk_to_ras)
    inside = np.ones(grid.shape, dtype=bool)
    j, i = np.ogrid[: grid.shape[1], : grid.shape[2]]
    for row, size in zip(to_voxels[:3], volume.shape, strict=True):
        in_plane = row[1] * j + row[2] * i + row[3]
        for k in range(grid.shape[0]):
            index = in_plane + row[0] * k
            inside[k] &= (index >= -0.5) & (index <= size - 0.5)
    return inside


def inside_mask(mask: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Which points of ``grid`` have a voxel of ``mask`` nearest to them that is not zero, shape ``grid.shape``."""
    return sample(mask, grid, order=0) != 0


def averaged(volume: Volume, blocks: tuple[int, ...]) -> Volume:
    """The scan with every block of ``blocks`` (K, J, I) voxels averaged into one.  A remainder at the far end is dropped.

    Blocks are made smaller where fewer than two of them would fit along an axis.
    """
    blocks = tuple(min(b, n // 2) for n, b in zip(volume.shape, blocks, strict=True))
    if blocks == (1, 1, 1):
        return volume
    k, j, i = (n // b for n, b in zip(volume.shape, blocks, strict=True))
    mean = np.empty((k, j, i), dtype=np.float32)
    step = max(1, (1 << 24) // (volume.shape[1] * volume.shape[2] * blocks[0]))
    for start in range(0, k, step):
        stop = min(k, start + step)
        slab = volume.voxels[start * blocks[0] : stop * blocks[0], : j * blocks[1], : i * blocks[2]]
        slab = slab.reshape(stop - start, blocks[0], j, blocks[1], i, blocks[2])
        mean[start:stop] = slab.mean(axis=(1, 3, 5), dtype=np.float32 if slab.dtype.itemsize < 4 else np.float64)
    size = np.array(blocks[::-1])
    to_fine = np.diag([*size, 1.0])
    to_fine[:3, 3] = (size - 1) / 2
    return Volume(mean, volume.ijk_to_ras @ to_fine, volume.name)


def refined_grid(volume: Volume, times: tuple[int, ...]) -> Volume:
    """The scan with ``times`` (K, J, I) as many steps from one voxel to the next, the new values on cubic B-splines.

    Linear interpolation blurs halfway between voxels and not on them; on a finer grid it hardly does.
    """
    voxels = volume.voxels.astype(np.float32)
    for axis, parts in enumerate(times):
        if parts > 1:
            voxels = _splined(voxels, axis, parts)
    return Volume(voxels, volume.ijk_to_ras @ affine(np.diag(1 / np.array(times[::-1])), np.zeros(3)), volume.name)


def _splined(voxels: NDArray, axis: int, parts: int) -> NDArray[np.float32]:
    """``parts`` − 1 values between any two along an axis, on the cubic B-spline through all (mirrored at the ends)."""
    spline = ndimage.spline_filter1d(voxels, 3, axis, np.float32, mode="mirror")
    length = voxels.shape[axis]
    finer = np.empty((*voxels.shape[:axis], parts * (length - 1) + 1, *voxels.shape[axis + 1 :]), dtype=np.float32)
    lead = (slice(None),) * axis
    finer[(*lead, slice(None, None, parts))] = voxels
    for part in range(1, parts):
        u = part / parts
        weights = np.array([(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]) / 6
        between = ndimage.correlate1d(spline, weights, axis, mode="mirror", origin=-1)
        finer[(*lead, slice(part, None, parts))] = between[(*lead, slice(0, length - 1))]
    return finer


def _common_type(voxels: NDArray) -> NDArray:
    """The voxels in a type that SciPy interpolates: it knows neither half nor extended precision."""
    return voxels.astype(np.float32) if voxels.dtype.char in "eg" else voxels


def _blocks(grid_to_voxels: NDArray) -> tuple[int, ...]:
    """Whole voxels per grid step along K, J and I: the block that a grid point stands for."""
    steps = np.linalg.norm(grid_to_voxels[:3, :3], axis=1)
    return tuple(int(max(1, np.floor(step + 1e-6))) for step in steps[::-1])


def _array_order(matrix: NDArray) -> NDArray:
    """A 4×4 matrix between (i, j, k) indices, re-ordered to act on (k, j, i) array indices."""
    swap = np.eye(4)[[2, 1, 0, 3]]
    return swap @ matrix @ swap
