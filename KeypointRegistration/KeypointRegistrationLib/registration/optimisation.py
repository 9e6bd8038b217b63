"""Maximising the mutual information of two scans over the few parameters of a linear transform, from coarse to fine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.linalg import expm

from ..geometry.generators import generators
from ..geometry.interpolation import interpolated, nearest
from ..geometry.sampling import Grid, inside_mask, refined_grid
from ..geometry.transforms import TransformType, affine, apply, invert
from ..geometry.volume import Volume
from .mutual_information import Bins, mutual_information
from .shading import shading, shading_at
from .working_copy import coarsened, cropped, working_copy


@dataclass(frozen=True)
class Level:
    """One pass of the optimiser.

    Attributes:
        spacing: of the scans it looks at, mm.
        iterations: at most.
        longest_step, last_step: how far (mm) a step moves the anatomy at most, and below which length it has converged.
        finely: whether what shifts a result by less than a voxel is seen to: it begins where the scans nearly fit already.
    """

    spacing: float
    iterations: int
    longest_step: float
    last_step: float
    finely: bool = False


LEVELS = (Level(4.0, 30, 4.0, 0.012), Level(2.0, 25, 1.5, 0.006), Level(1.0, 20, 0.5, 0.003))

_FINER = 0.65  # than the scans' own voxels: a level that is finer still shows nothing new
_SAMPLES = 60_000  # at most; 20,000 leave 0.02 mm more error in heads
_FEWEST_SAMPLES = 200
_WHOLE = 0.999  # share of a voxel
_SEED = 2503
_MASK_SPACING = 2.0  # mm
_SMOOTHING = 0.5  # Gaussian σ in units of a level's spacing
_FINE = 1.5  # mm: the coarsest voxels between which linear interpolation does not err by more than is gained
_DENSER = 8  # times as many places as voxels are looked at on a finer grid
_MARGIN = 15.0  # mm around what is looked at, for splines and for poses to come
_DAMPING = (1e-3, 1e-2, 0.3)  # of a step: the least, at first, and the least after one that was no gain
_EASED, _TIGHTENED = 0.25, 6.0  # times the damping, after a gain and after none


class TooLittleOverlap(Exception):
    """At a pose that was tried, the scans show hardly anything in common."""


@dataclass(frozen=True, eq=False)
class _Gain:
    """Mutual information in nats at a pose, its gradient (p,) by the parameters, and their Fisher information (p, p)."""

    value: float
    gradient: NDArray[np.float64]
    curvature: NDArray[np.float64]

    def step(self, damping: float) -> NDArray[np.float64]:
        """The damped Newton step (p,) towards more."""
        diagonal = np.diag(self.curvature)
        floor = 1e-6 * max(float(diagonal.max()), 1e-12)  # of a parameter that changes nothing
        damped = self.curvature + np.diag(damping * diagonal + floor)
        return np.linalg.solve(damped, self.gradient).astype(float)


class Optimiser:
    """Improves a moving → fixed transform of two scans.

    Mutual information, which serves within and across contrasts, is taken at random places, always the same ones.  Given
    the fixed values, the scans' joint histogram says how likely each moving value is: Newton's steps, with the Fisher
    information of that likelihood for the curvature and Levenberg and Marquardt's damping, need about ten looks where
    gradient descent needs fifty (Thévenaz & Unser 2000 damp Newton steps on mutual information too).

    Args:
        fixed, moving: the scans, already cropped to where they matter.
        region: where, in fixed space, the scans are compared (not zero); its voxels may be coarse.
        moving_mask: which voxels of the moving scan count, or None for all.
    """

    def __init__(self, fixed: Volume, moving: Volume, region: Volume, moving_mask: Volume | None = None) -> None:
        finest = min(fixed.spacing.min(), moving.spacing.min())
        *coarser, last = [level for level in LEVELS if level is LEVELS[0] or level.spacing > _FINER * finest]
        self.levels = [*(coarser or [last]), replace(last, finely=True)]
        self._fixed, self._moving = (working_copy(volume, self.levels[-1].spacing) for volume in (fixed, moving))
        self._region = region
        grid = Grid.of(coarsened(self._moving, _MASK_SPACING))
        counts = np.ones(grid.shape, dtype=bool) if moving_mask is None else inside_mask(moving_mask, grid)
        self._counts = Volume(counts.astype(np.float32), grid.ijk_to_ras)

    def run(self, level: Level, kind: TransformType, matrix: NDArray) -> NDArray[np.float64]:
        """The 4×4 moving → fixed (RAS) after one level, started from ``matrix`` and changed by a ``kind`` only.

        Raises:
            TooLittleOverlap: if the scans do not overlap at a pose it tries.
        """
        likeness = self._likeness(level, kind, matrix)
        if level.finely:
            likeness.even_out(matrix)
        least, damping, tightened = _DAMPING
        best, gain = np.array(matrix, dtype=float), likeness.at(matrix)
        for _ in range(level.iterations):
            step = gain.step(damping)
            length = float(np.linalg.norm(step)) * likeness.radius
            step *= min(1.0, level.longest_step / max(length, 1e-12))
            tried = likeness.changed(best, step)
            found = likeness.at(tried)
            if found.value > gain.value:
                best, gain, damping = tried, found, max(least, _EASED * damping)
            else:
                damping = max(tightened, _TIGHTENED * damping)
            if length < level.last_step:
                break
        return best

    def _likeness(self, level: Level, kind: TransformType, matrix: NDArray) -> _Likeness:
        fixed, moving = (_smoothed(coarsened(volume, level.spacing), level) for volume in (self._fixed, self._moving))
        voxels = np.argwhere(self._region.voxels)[:, ::-1]
        rng = np.random.default_rng(_SEED)
        finely = kind is TransformType.RIGID and level.finely  # less than a voxel matters in one anatomy
        size = fixed.voxel_volume / (_DENSER if finely else 1)
        count = int(min(_SAMPLES, len(voxels) * self._region.voxel_volume / size))
        chosen = voxels[rng.integers(len(voxels), size=count)] + rng.uniform(-0.5, 0.5, (count, 3))
        places = apply(self._region.ijk_to_ras, chosen)
        if finely:
            fixed = _on_finer_grid(cropped(fixed, places, _MARGIN))
            moving = _on_finer_grid(cropped(moving, apply(invert(matrix), places), _MARGIN))
        return _Likeness(fixed, moving, self._inside(level), places, kind, matrix)

    def _inside(self, level: Level) -> Volume:
        """What counts of the moving scan, as seen at one level: next to what does not, voxels have a share of it."""
        counts = coarsened(self._counts, level.spacing)
        inside = ndimage.binary_erosion(counts.voxels > _WHOLE, np.ones((3, 3, 3)), border_value=True)
        return Volume(inside, counts.ijk_to_ras)


class _Likeness:
    """What two scans tell of each other at fixed RAS ``places`` (n, 3), and how that depends on the pose.

    Changes of a ``kind`` are of fixed space, about the middle of the places and in units of their ``radius``, so that all
    parameters move the anatomy alike far.  ``start`` is a pose that shows what moving values there are.
    """

    def __init__(
        self, fixed: Volume, moving: Volume, counts: Volume, places: NDArray, kind: TransformType, start: NDArray
    ) -> None:
        self._moving, self._counts, self._places = moving, counts, places
        middle = places.mean(axis=0)
        self.radius = float(np.sqrt(((places - middle) ** 2).sum(axis=1).mean()))
        self._to_places = affine(self.radius * np.eye(3), middle)
        self._generators = generators(kind)
        relative = np.concatenate([(places - middle) / self.radius, np.ones((len(places), 1))], axis=1)
        self._relative = relative.astype(np.float32)
        values, _ = interpolated(fixed.voxels, apply(fixed.ras_to_ijk, places))
        self._fixed_places = Bins(values).places(values)
        self._evening = np.ones(len(places), dtype=np.float32)
        self._bins = Bins(self._moving_values(start, np.ones(len(places), dtype=bool))[0])

    def even_out(self, matrix: NDArray) -> None:
        """From now on, undo what coils do to the moving scan, as seen at a 4×4 pose that is nearly right."""
        seen = self._seen(matrix)
        values, _ = self._moving_values(matrix, seen)
        where = self._relative[:, :3]
        self._evening /= shading_at(shading(self._fixed_places[seen], values, where[seen]), where).astype(np.float32)
        self._bins = Bins(values * self._evening[seen])

    def _seen(self, matrix: NDArray) -> NDArray[np.bool_]:
        """Which places (n,) can be seen in the moving scan.

        Raises:
            TooLittleOverlap: if hardly any can.
        """
        seen = nearest(self._counts.voxels, apply(self._counts.ras_to_ijk @ invert(matrix), self._places)).astype(bool)
        if seen.sum() < _FEWEST_SAMPLES:
            raise TooLittleOverlap("The scans overlap too little.")
        return seen

    def _moving_values(self, matrix: NDArray, seen: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Moving values (m,) at the places that are seen, and how they rise (m, 3) per mm of fixed space."""
        to_voxels = self._moving.ras_to_ijk @ invert(matrix)
        values, rising = interpolated(self._moving.voxels, apply(to_voxels, self._places[seen]))
        return values, rising @ to_voxels[:3, :3].astype(np.float32)

    def changed(self, matrix: NDArray, parameters: NDArray) -> NDArray[np.float64]:
        """A 4×4 moving → fixed after a small change, by ``parameters`` (p,), of the places that it is compared at."""
        change = expm(-np.tensordot(parameters, self._generators, axes=1))
        found = self._to_places @ change @ invert(self._to_places) @ matrix
        return affine(found[:3, :3], found[:3, 3])

    def at(self, matrix: NDArray) -> _Gain:
        """Mutual information, in nats, at a 4×4 moving → fixed pose.

        Raises:
            TooLittleOverlap: if hardly any of the places can be seen in the moving scan.
        """
        seen = self._seen(matrix)
        values, rising = self._moving_values(matrix, seen)
        evening = self._evening[seen]
        information, slopes = mutual_information(self._fixed_places[seen], self._bins.places(values * evening))
        rising *= (self.radius * slopes / self._bins.width * evening).astype(np.float32)[:, None]
        by_entry = (rising[:, :, None] * self._relative[seen, None]).reshape(-1, 12)  # of the change's matrix
        scores = by_entry @ self._generators[:, :3].reshape(-1, 12).T.astype(np.float32)
        return _Gain(information, scores.mean(axis=0, dtype=float), (scores.T @ scores).astype(float) / len(scores))


def _on_finer_grid(volume: Volume) -> Volume:
    """The scan with voxels of at most ``_FINE`` mm."""
    return refined_grid(volume, tuple(int(np.ceil(step / _FINE - 0.01)) for step in volume.spacing[::-1]))


def _smoothed(volume: Volume, level: Level) -> Volume:
    sigma = _SMOOTHING * level.spacing / volume.spacing[::-1]
    return Volume(ndimage.gaussian_filter(volume.voxels.astype(np.float32), sigma, mode="nearest"), volume.ijk_to_ras)
