"""A foetal head made of a masked brain: fluid, skull and scalp around it, so that it can be put into a scan of a womb."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..geometry.sampling import Grid, sample
from ..geometry.volume import Volume
from .metrics import centroid

_STEP = 1.5  # mm between samples of a head
_CLOSED = 12.0  # mm: what is narrower between two parts of the brain is filled with fluid
_FLUID_END, _SKULL_END, _SCALP_END, _END = 1.5, 5.0, 9.0, 12.0  # mm from the closed brain
_FLUID_QUANTILE = 0.9  # of the brain's values
_SKULL, _SCALP = 0.2, 0.7  # in medians of the brain


@dataclass(frozen=True, eq=False)
class Head:
    """A head as it is seen by a scanner without flaws.

    Attributes:
        values: brightness, in medians of the brain.
        opacity: 1 in the head, 0 outside, smooth in between; on the same grid.
        brain: above 0 within the brain; on the same grid.
        centre: middle of the brain, RAS mm, (3,).
        reach: mm from there, beyond which the head is nowhere.
    """

    values: Volume
    opacity: Volume
    brain: Volume
    centre: NDArray[np.float64]
    reach: float


def head_around(brain: Volume) -> Head:
    """The head of a ``brain`` that is 0 outside itself."""
    centre = centroid(brain)
    extent = np.abs(brain.corners - centre).max() + _CLOSED + _END
    grid = Grid.cubic(int(np.ceil(2 * extent / _STEP)), _STEP, centre)
    inside = _within(brain, grid)
    values = sample(brain, grid)
    values /= np.median(values[inside])
    beyond = _STEP * ndimage.distance_transform_edt(~_closed(inside))
    fluid = float(np.quantile(values[inside], _FLUID_QUANTILE))
    shells = np.select([beyond <= _FLUID_END, beyond <= _SKULL_END], [fluid, _SKULL], _SCALP)
    opacity = np.clip((_END - beyond) / (_END - _SCALP_END), 0, 1)
    distances = np.linalg.norm(grid.positions() - centre, axis=1)
    return Head(
        values=Volume(np.where(inside, values, shells).astype(np.float32), grid.ijk_to_ras, brain.name),
        opacity=Volume(opacity.astype(np.float32), grid.ijk_to_ras),
        brain=Volume(inside.astype(np.float32), grid.ijk_to_ras),
        centre=centre,
        reach=float(distances[opacity.ravel() > 0].max()),
    )


def _within(brain: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Which points of ``grid`` are more inside than outside the brain."""
    mask = Volume((brain.voxels > 0).astype(np.float32), brain.ijk_to_ras)
    return sample(mask, grid) >= 0.5


def _closed(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``inside`` with its furrows and holes: grown, then shrunk by as much."""
    grown = _STEP * ndimage.distance_transform_edt(~inside) <= _CLOSED
    return ndimage.binary_fill_holes(_STEP * ndimage.distance_transform_edt(grown) > _CLOSED) | inside
