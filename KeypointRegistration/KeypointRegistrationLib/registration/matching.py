"""Finding a head by its looks: what surrounds the reference's keypoints, turned every way, is laid over every place near by.

The fixed scan's local contrast is sorted into dark, middling and bright voxels.  How much of the moving scan's local
contrast these classes explain (correlation ratio, Roche et al. 1998) serves within and across contrasts, and is had for all
shifts at once by Fourier transform, as in template matching (Lewis 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from ..geometry.sampling import Grid, inside_mask, sample
from ..geometry.transforms import affine, apply, invert, rotation_angle
from ..geometry.volume import Volume
from .local_contrast import locally_normalised
from .region import SURFACE, ball_radius

#: Degrees: poses nearer than this are one.
APART = 20.0

_FINEST = 5.0  # mm
_STEPS = 14  # of the views' spacing from the middle of the anatomy to its edge, unless these are finer
_ROTATIONS = 800  # none is further than about 20° from one of them
_NEAR = ((20.0, 40), (8.0, 40))  # then: up to so many degrees from the best so far, so many rotations
_SHIFT = 30.0  # mm, how far the middle of the head may be from where it is thought to be
_SOFT = 4.0  # mm, over which the ball that is compared fades out
_LITTLE = 1e-3  # of a voxel's weight or contrast: less is nothing
_SUPER_FIBONACCI = (np.sqrt(2.0), 1.533751168755204288118041)  # Alexa (2022), which spreads rotations evenly


@dataclass(frozen=True, eq=False)
class Match:
    """A pose, 4×4 moving → fixed RAS, and the correlation ratio of the scans at it, 0 to 1."""

    pose: NDArray[np.float64]
    score: float


class Matcher:
    """Lays the anatomy of one scan over another.

    Args:
        fixed, moving: scans.
        anatomy: points (N, 3), fixed RAS mm, all over what is looked for.
        about: (3,) moving RAS mm, where its middle may be.
        fixed_mask, moving_mask: where the scans count, or None for everywhere.
    """

    def __init__(
        self,
        fixed: Volume,
        moving: Volume,
        anatomy: NDArray[np.float64],
        about: NDArray[np.float64],
        fixed_mask: Volume | None = None,
        moving_mask: Volume | None = None,
    ) -> None:
        self._centre, self._about = anatomy.mean(axis=0), np.asarray(about, dtype=float)
        inner = ball_radius(anatomy) + SURFACE
        outer = inner + 3 * _SOFT
        spacing = max(_FINEST, inner / _STEPS)
        patch = _around(np.zeros(3), outer, spacing)
        self._fixed = _view(fixed, _around(self._centre, outer, spacing), inner, fixed_mask)
        self._moving = _view(moving, _around(self._about, outer + _SHIFT, spacing), inner, moving_mask)
        self._offsets = patch.positions()
        distance = np.linalg.norm(self._offsets, axis=1).reshape(patch.shape)
        self._weights = (1 / (1 + np.exp((distance - inner) / _SOFT))).astype(np.float32)
        size = fft.next_fast_len(self._moving.shape[0], real=True)
        self._size = (size, size, size)  # no more: at the shifts that count, the patch lies within the moving view
        steps = np.arange(self._moving.shape[0] + patch.shape[0] - 1)
        shifts = (steps - (self._moving.shape[0] + patch.shape[0] - 2) / 2) * spacing
        near = np.flatnonzero(np.abs(shifts) <= _SHIFT)
        self._shifts, self._near = shifts[near], np.ix_(near, near, near)
        looks = _values(self._fixed, self._offsets + self._centre)
        self._dark, self._bright = np.quantile(looks[distance.ravel() <= inner], (1 / 3, 2 / 3))
        self._spectrum = fft.rfftn(self._moving.voxels, self._size)
        squares = fft.rfftn(self._moving.voxels**2, self._size)
        self._sum = self._summed(self._spectrum, self._weights)
        scatter = self._summed(squares, self._weights) - self._sum**2 / self._weights.sum()
        self._scatter = np.maximum(scatter, _LITTLE * self._weights.sum())

    def matches(self, count: int) -> list[Match]:
        """The best few poses, best first, each turned by more than ``APART`` from any better one."""
        promising = sorted(map(self._placed, _rotations()), key=lambda match: -match.score)
        improved = sorted(map(self._improved, _distinct(promising, count + 1)), key=lambda match: -match.score)
        return _distinct(improved, count)

    def score(self, pose: NDArray[np.float64]) -> float:
        """The correlation ratio, 0 to 1, of the scans at a 4×4 moving → fixed RAS pose, around the anatomy."""
        here = self._offsets + apply(invert(pose), self._centre[None])[0]
        looks, seen = _values(self._fixed, apply(pose, here)), _values(self._moving, here)
        weights = self._weights.ravel()
        total = weights.sum()
        whole = float((weights * seen).sum())
        scatter = float((weights * seen**2).sum()) - whole**2 / total
        explained = -(whole**2) / total
        for belongs in (looks < self._dark, looks > self._bright, (looks >= self._dark) & (looks <= self._bright)):
            explained += float((weights * seen)[belongs].sum()) ** 2 / max(float(weights[belongs].sum()), _LITTLE)
        return float(np.sqrt(max(0.0, explained) / max(scatter, _LITTLE * total)))

    def _improved(self, match: Match) -> Match:
        """The best pose near one."""
        best = match
        for number, (degrees, count) in enumerate(_NEAR):
            rng = np.random.default_rng(number)
            axes = rng.normal(size=(count, 3))
            angles = np.deg2rad(degrees) * np.cbrt(rng.uniform(size=(count, 1)))
            turns = Rotation.from_rotvec(angles * axes / np.linalg.norm(axes, axis=1, keepdims=True)).as_matrix()
            best = max([best, *map(self._placed, turns @ best.pose[:3, :3])], key=lambda match: match.score)
        return best

    def _placed(self, rotation: NDArray[np.float64]) -> Match:
        """The best place for the anatomy, turned by a 3×3 ``rotation`` (moving → fixed)."""
        looks = _values(self._fixed, self._offsets @ rotation.T + self._centre).reshape(self._weights.shape)
        total = self._weights.sum()
        explained = -(self._sum**2) / total
        rest, share = self._sum, total
        for belongs in (looks < self._dark, looks > self._bright):
            weights = self._weights * belongs
            part, own = self._summed(self._spectrum, weights), weights.sum()
            explained = explained + part**2 / max(own, _LITTLE)
            rest, share = rest - part, share - own
        explained = (explained + rest**2 / max(share, _LITTLE)) / self._scatter
        best = np.unravel_index(explained.argmax(), explained.shape)
        there = self._about + self._shifts[list(best)][::-1]
        return Match(affine(rotation, self._centre - rotation @ there), float(np.sqrt(max(0.0, explained[best]))))

    def _summed(self, spectrum: NDArray, weights: NDArray) -> NDArray[np.float32]:
        """The sum of what the ``spectrum`` is of, ``weights`` laid over every place near by."""
        product = spectrum * fft.rfftn(weights[::-1, ::-1, ::-1], self._size)
        return fft.irfftn(product, self._size)[self._near]


def apart(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Degrees between two poses, 4×4."""
    return rotation_angle(first @ invert(second))


def _distinct(matches: Sequence[Match], count: int) -> list[Match]:
    """The first few that are not turned by little from one before them."""
    found: list[Match] = []
    for match in matches:
        if len(found) < count and all(apart(match.pose, better.pose) > APART for better in found):
            found.append(match)
    return found


def _around(centre: NDArray, reach: float, spacing: float) -> Grid:
    """A cube of at least ``reach`` mm to every side."""
    return Grid.cubic(2 * int(np.ceil(reach / spacing)), spacing, centre)


def _view(scan: Volume, grid: Grid, inner: float, mask: Volume | None) -> Volume:
    """The local contrast of a scan; what lies within ``inner`` mm of the middle of the ``grid`` matters."""
    positions = grid.positions()
    near = (np.linalg.norm(positions - positions.mean(axis=0), axis=1) <= inner).reshape(grid.shape)
    within = None if mask is None else inside_mask(mask, grid)
    return locally_normalised(Volume(sample(scan, grid), grid.ijk_to_ras, scan.name), near, within)


def _values(view: Volume, positions: NDArray) -> NDArray[np.float32]:
    kji = apply(view.ras_to_ijk, positions)[:, ::-1]
    return ndimage.map_coordinates(view.voxels, kji.T, order=1, mode="nearest")


def _rotations() -> NDArray[np.float64]:
    """Rotations (n, 3, 3) spread evenly over all there are."""
    s = np.arange(_ROTATIONS) + 0.5
    inner, outer = np.sqrt(s / _ROTATIONS), np.sqrt(1 - s / _ROTATIONS)
    alpha, beta = (2 * np.pi * s / step for step in _SUPER_FIBONACCI)
    quaternions = [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)]
    return Rotation.from_quat(np.stack(quaternions, axis=1)).as_matrix()
