"""Simulated time series of a real foetal head that moves in the scan of a real womb, as an EPI sequence would see it.

What moves is the head alone: the mother and the rest of the foetus lie still.  EPI's distortion and ghosts are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ..geometry.motion import displacement
from ..geometry.sampling import Grid, sample
from ..geometry.transforms import affine, apply
from ..geometry.volume import Volume
from .foetal_head import Head
from .trajectory import Trajectory
from .womb import Womb

_STEPS = 2  # samples along each axis that are averaged into one voxel
_KNOTS = 4  # of the fields by which brightness drifts, along each axis
_PERIOD = 45.0  # frames in which the drift of brightness comes and goes
_SOME = 4000  # points of the brain that tell how much of it is in view
_LEEWAY = 20.0  # mm by which the middle of a head may leave its place


@dataclass(frozen=True)
class Sequence:
    """An EPI sequence and what spoils it.

    Attributes:
        repetition: seconds per frame; slices are taken one after the other, every other one first.
        noise: standard deviation in both channels, as a share of a brain's brightness.
        drift: standard deviation of the logarithm of the brightness that comes and goes.
        stripes: a slice of tissue that has moved far is darkened by up to this share.
    """

    repetition: float = 3.5
    noise: float = 0.05
    drift: float = 0.1
    stripes: float = 0.4


@dataclass(frozen=True, eq=False)
class FrameTruth:
    """Where the head is in a frame.

    Attributes:
        pose: 4×4 RAS (mm) from the head's own space to the frame: the mean over the slices that show it.
        visible: share of the brain in the field of view.
        spread: mm, over the head, between that mean and the slice that is furthest from it.
    """

    pose: NDArray[np.float64]
    visible: float
    spread: float


class SimulatedSeries:
    """A series (``registration.tracking.frames.Series``) whose frames are made when they are asked for.

    Args:
        head: what moves.
        womb: around it.
        trajectory: how it moves.
        frames: how many.
        seed: of noise, stripes and drift.
        sequence: how it is scanned.
    """

    def __init__(
        self, head: Head, womb: Womb, trajectory: Trajectory, frames: int, seed: int, sequence: Sequence | None = None
    ) -> None:
        self._head, self._womb, self._trajectory, self._seed = head, womb, trajectory, seed
        self._sequence = sequence or Sequence()
        self.name = f"{head.values.name} in {womb.scan.name}"
        self.times = tuple(self._sequence.repetition * index for index in range(frames))
        slices = womb.scan.shape[0]
        order = [*range(0, slices, 2), *range(1, slices, 2)]
        self._moments = np.argsort(order) / slices  # of each slice, in frames
        self._premultiplied = Volume(head.values.voxels * head.opacity.voxels, head.values.ijk_to_ras)
        grid = Grid.of(womb.scan)
        normal = grid.ijk_to_ras[:3, 2] / grid.spacing[2]
        heights = normal @ (grid.ijk_to_ras[:3, 3] - womb.head.centre) + grid.spacing[2] * np.arange(slices)
        self._weights = np.maximum(head.reach**2 - heights**2, 0)  # of each slice: how much of the head it shows, about

    @property
    def ijk_to_ras(self) -> NDArray[np.float64]:
        """4×4 of every frame."""
        return self._womb.scan.ijk_to_ras

    def frame(self, index: int) -> Volume:
        """The scan at position ``index``."""
        womb, sequence = self._womb, self._sequence
        rng = np.random.default_rng([self._seed, index])
        voxels = womb.scan.voxels.copy()
        for k in np.flatnonzero(self._weights):
            self._put_head(voxels[k], k, index, rng.uniform())
        if index in self._trajectory.away:
            voxels = self._moved_away(voxels)
        voxels *= self._drift(index)
        sigma = sequence.noise * self._brain_brightness
        real, imaginary = (rng.normal(scale=sigma, size=voxels.shape) for _ in range(2))
        return Volume(
            np.hypot(voxels + real, imaginary).astype(np.float32), womb.scan.ijk_to_ras, f"{self.name}, frame {index}"
        )

    def truth(self, index: int) -> FrameTruth:
        """Where the head is at position ``index``."""
        if index in self._trajectory.away:
            return FrameTruth(self._pose(index), 0.0, 0.0)
        shown = np.flatnonzero(self._weights)
        poses = np.array([self._pose(index + self._moments[k]) for k in shown])
        weights = self._weights[shown]
        rotation = Rotation.from_matrix(poses[:, :3, :3]).mean(weights).as_matrix()
        middle = np.average([apply(pose, self._head.centre[None])[0] for pose in poses], axis=0, weights=weights)
        mean = affine(rotation, middle - rotation @ self._head.centre)
        spread = max(displacement(pose, mean, middle, self._head.reach) for pose in poses)
        return FrameTruth(mean, self._visible(mean), spread)

    def brain(self, index: int) -> Volume:
        """Above 0 within the brain, on the grid of the frame at position ``index``."""
        grid = Grid.of(self._womb.scan)
        inside = sample(self._head.brain, grid, self.truth(index).pose) >= 0.5
        return Volume(inside.astype(np.uint8), grid.ijk_to_ras, f"brain in frame {index}")

    def _pose(self, time: float) -> NDArray[np.float64]:
        """4×4 from the head's own space to the scanner's at ``time`` (frames)."""
        to_origin = affine(np.eye(3), -self._head.centre)
        return affine(np.eye(3), self._womb.head.centre) @ self._trajectory.pose(time) @ to_origin

    def _put_head(self, womb: NDArray[np.float32], k: int, index: int, chance: float) -> None:
        """Put what slice ``k`` shows of the head into its pixels of the ``womb``; ``chance`` scales its stripe."""
        time = index + self._moments[k]
        pose = self._pose(time)
        scan = self._womb.scan
        rows, columns = self._box
        height, width = rows.stop - rows.start, columns.stop - columns.start
        fine = scan.ijk_to_ras @ np.diag([1 / _STEPS, 1 / _STEPS, 1 / _STEPS, 1.0])
        first = np.array([columns.start, rows.start, k]) - (1 - 1 / _STEPS) / 2
        fine[:3, 3] = apply(scan.ijk_to_ras, first[None])[0]
        grid = Grid((_STEPS, _STEPS * height, _STEPS * width), fine)
        shown, opacity = (
            sample(volume, grid, pose).reshape(_STEPS, height, _STEPS, width, _STEPS).mean(axis=(0, 2, 4))
            for volume in (self._premultiplied, self._head.opacity)
        )
        gain = 1 - self._sequence.stripes * chance * self._stirred(time, pose)
        pixels = womb[self._box]
        pixels[:] = (1 - opacity) * pixels + gain * self._womb.shading[k][self._box] * shown

    def _stirred(self, time: float, pose: NDArray) -> float:
        """How much of a slice is other tissue than a frame before, 0 to 1."""
        moved = displacement(pose, self._pose(time - 1), self._womb.head.centre, self._head.reach)
        return float(1 - np.exp(-moved / self._womb.scan.spacing[2]))

    def _moved_away(self, voxels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scan after the mother has moved along the normal of the slices, so far that no head is seen."""
        shown = np.flatnonzero(self._weights)
        up = shown.mean() >= len(voxels) / 2
        far = len(voxels) - shown[0] if up else shown[-1] + 1
        seen = np.zeros_like(voxels)
        if up:
            seen[far:] = voxels[:-far]
        else:
            seen[:-far] = voxels[far:]
        return seen

    def _visible(self, pose: NDArray) -> float:
        inside = np.argwhere(self._head.brain.voxels > 0)
        some = inside[:: max(1, len(inside) // _SOME), ::-1]
        ijk = apply(self._womb.scan.ras_to_ijk @ pose @ self._head.brain.ijk_to_ras, some)
        size = np.array(self._womb.scan.shape[::-1])
        return float(((ijk >= -0.5) & (ijk <= size - 0.5)).all(axis=1).mean())

    def _drift(self, index: int) -> NDArray[np.float32]:
        angle = 2 * np.pi * index / _PERIOD
        one, other = self._fields
        return np.exp(np.sin(angle) * one + np.cos(angle) * other)

    @cached_property
    def _box(self) -> tuple[slice, slice]:
        """The rows and columns of a slice in which the head may be seen."""
        scan, reach = self._womb.scan, self._head.reach + _LEEWAY
        middle = apply(scan.ras_to_ijk, self._womb.head.centre[None])[0]
        around = reach * np.linalg.norm(scan.ras_to_ijk[:3, :3], axis=1)
        low = np.maximum(np.floor(middle - around), 0).astype(int)
        high = np.minimum(np.ceil(middle + around) + 1, scan.shape[::-1]).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])

    @cached_property
    def _fields(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Two fields between which the logarithm of the brightness goes to and fro."""
        rng = np.random.default_rng([self._seed, len(self.times)])
        shape = self._womb.scan.shape
        one, other = (
            ndimage.zoom(rng.normal(scale=self._sequence.drift, size=(_KNOTS,) * 3), [n / _KNOTS for n in shape], order=1)
            for _ in range(2)
        )
        return one.astype(np.float32), other.astype(np.float32)

    @cached_property
    def _brain_brightness(self) -> float:
        """Of the brain in the middle of the head's place."""
        k, j, i = np.round(apply(self._womb.scan.ras_to_ijk, self._womb.head.centre[None])[0]).astype(int)[::-1]
        return float(self._womb.shading[k, j, i])
