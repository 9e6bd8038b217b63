"""Simulated scans of moved anatomy: coarse, thick slices that differ in brightness, a bias field and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..geometry.sampling import Grid, averaged, sample
from ..geometry.volume import Volume
from .poses import LARGEST_SHIFT

_KNOTS = 4  # of the bias field along each axis
_STEPS_IN_PLANE = 2  # samples that are averaged into one voxel


@dataclass(frozen=True)
class Scanner:
    """A simulated scanner: its grid stands upright in space, whatever the pose of the anatomy.

    Attributes:
        step: mm between samples; a voxel is two of them wide.
        thickness: samples per slice, drawn among these.  The axis of the slices is drawn too.
        stripes: the darkest slice is darkened by up to this share, as the spin history of moving tissue makes slices.
        noise: largest standard deviation, as a share of the brightest value.
        bias: largest standard deviation of the logarithm of the bias field.
        brain_only: the anatomy is a masked brain: the field of view holds it in every pose, and nothing is seen around it.
    """

    step: float
    thickness: tuple[int, ...] = (_STEPS_IN_PLANE,)
    stripes: float = 0.0
    noise: float = 0.05
    bias: float = 0.3
    brain_only: bool = False

    def __call__(self, anatomy: Volume, pose: NDArray, rng: np.random.Generator) -> Volume:
        """A scan of ``anatomy`` after the 4×4 RAS ``pose`` has moved it; the field of view does not follow the pose."""
        fine = Grid.cubic(self._size(anatomy), self.step, anatomy.centre)
        slices_along = int(rng.integers(3))
        blocks = [_STEPS_IN_PLANE] * 3
        blocks[slices_along] = int(rng.choice(self.thickness))
        scan = averaged(Volume(sample(anatomy, fine, pose), fine.ijk_to_ras), tuple(blocks))
        striped = scan.voxels * _slice_gains(scan.shape, slices_along, self.stripes, rng)
        voxels = degraded(striped, rng, noise=rng.uniform(0, self.noise), bias=rng.uniform(0, self.bias))
        if self.brain_only:
            inside = Volume((anatomy.voxels > 0).astype(np.float32), anatomy.ijk_to_ras)
            seen = averaged(Volume(sample(inside, fine, pose), fine.ijk_to_ras), tuple(blocks))
            voxels = voxels * (seen.voxels >= 0.5)
        return Volume(voxels, scan.ijk_to_ras, anatomy.name)

    def _size(self, anatomy: Volume) -> int:
        extent = np.ptp(anatomy.corners, axis=0)
        reach = np.linalg.norm(extent) + 2 * LARGEST_SHIFT if self.brain_only else extent.max()
        return int(np.ceil(reach / self.step))


def degraded(voxels: NDArray, rng: np.random.Generator, *, noise: float, bias: float) -> NDArray[np.float32]:
    """``voxels``, not negative, under a smooth bias field and with noise, as magnitudes.

    Args:
        noise: standard deviation, as a share of the brightest value.
        bias: standard deviation of the logarithm of the field.
    """
    knots = rng.normal(scale=bias, size=(_KNOTS,) * 3)
    field = np.exp(ndimage.zoom(knots, [n / _KNOTS for n in voxels.shape], order=1))
    biased = voxels * field
    return np.abs(biased + rng.normal(scale=noise * biased.max(), size=voxels.shape)).astype(np.float32)


def _slice_gains(shape: tuple[int, ...], axis: int, strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    gains = 1 - rng.uniform(0, strength) * rng.uniform(size=shape[axis])
    return gains.reshape([-1 if a == axis else 1 for a in range(3)])
