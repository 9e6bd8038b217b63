"""The overview: both scans, before and after, in three planes, with the keypoints on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.sampling import Grid, averaged, sample
from ..geometry.volume import Volume
from ..registration.result import KeypointStatus, Registration, TrustLevel
from .colours import BACKGROUND, FAINT_INK, INK, TRUST
from .drawing import Colour, draw_dot, draw_line, draw_ring, draw_text

_TILE = 320  # pixels
_GAP = 6
_HEAD = 78
_CAPTION = 26
_FOOT = 30
_SQUARES = 8  # of the checkerboard, along one side

#: Keypoints up to this far (mm) in front of or behind a slice are drawn on it, fainter with distance.
_REACH = 10.0

#: At most so much (mm) is shown around the middle of a slice, and so far may that lie from the keypoints' centre.
_HALF_SIDE, _STRAY = 130.0, 40.0

# Blue and orange, as in the scene, differ for colour-blind eyes too.
_FIXED: Colour = (0.25, 0.75, 1.0)
_MOVING: Colour = (1.0, 0.62, 0.1)
_RESIDUAL: Colour = (1.0, 0.95, 0.6)


@dataclass(frozen=True)
class _Plane:
    """A slice direction as a radiologist looks at it: RAS unit vectors towards the right and the bottom of the picture."""

    name: str
    right: tuple[int, int, int]
    down: tuple[int, int, int]
    letters: tuple[str, str, str, str]  # left, right, top, bottom


_PLANES = (
    _Plane("axial", (-1, 0, 0), (0, -1, 0), ("R", "L", "A", "P")),
    _Plane("coronal", (-1, 0, 0), (0, 0, -1), ("R", "L", "S", "I")),
    _Plane("sagittal", (0, -1, 0), (0, 0, -1), ("A", "P", "S", "I")),
)


@dataclass(frozen=True, eq=False)
class _Slice:
    """One tile's place in space: the plane through ``centre``, drawn around ``middle`` (RAS mm), ``pixel`` mm per pixel."""

    plane: _Plane
    centre: NDArray[np.float64]
    middle: NDArray[np.float64]
    pixel: float

    @property
    def axes(self) -> NDArray[np.float64]:
        """Columns: RAS directions of right, down and out of the picture."""
        right, down = np.array(self.plane.right, dtype=float), np.array(self.plane.down, dtype=float)
        return np.stack([right, down, np.cross(right, down)], axis=1)

    @property
    def grid(self) -> Grid:
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * self.pixel
        out = self.axes[:, 2]
        middle = self.middle + out * (out @ (self.centre - self.middle))
        matrix[:3, 3] = middle - matrix[:3, :2] @ np.full(2, (_TILE - 1) / 2)
        return Grid((1, _TILE, _TILE), matrix)

    def place(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixel positions (N, 2) of RAS ``points`` (N, 3), and their distances (N,) in mm from the slice."""
        in_plane = (points - self.middle) @ self.axes[:, :2]
        return in_plane / self.pixel + (_TILE - 1) / 2, np.abs((points - self.centre) @ self.axes[:, 2])


def overview(fixed: Volume, moving: Volume, registration: Registration) -> NDArray[np.uint8]:
    """An RGB picture, shape (height, width, 3): a row for each plane through the middle of the keypoints.

    Columns: the fixed scan; the moving scan as its header places it; the moving scan aligned; a checkerboard and a colour
    overlay of fixed and aligned scan.  Slices are axis-aligned in fixed RAS and drawn by radiological convention, each scan
    in a window of its own.
    """
    views = _Views(fixed, moving, registration)
    columns = (
        "Fixed",
        "Moving, as it came",
        "Moving, aligned",
        "Checkerboard: fixed | aligned",
        "Overlay: fixed magenta, aligned green",
    )
    width = len(columns) * (_TILE + _GAP) + _GAP
    height = _HEAD + _CAPTION + len(_PLANES) * (_TILE + _GAP) + _FOOT
    picture = np.empty((height, width, 3))
    picture[:] = BACKGROUND
    _draw_head(picture, fixed, moving, registration)
    for column, caption in enumerate(columns):
        place = (_GAP + column * (_TILE + _GAP) + _TILE / 2, _HEAD + _CAPTION / 2)
        draw_text(picture, caption, place, INK, size=14, align=0.5)
    for row, plane in enumerate(_PLANES):
        view, reference, before, after = views.plane(plane)
        tiles = [_grey(reference), _grey(before), _grey(after), _checkerboard(reference, after), _overlay(reference, after)]
        _draw_keypoints(tiles, view, registration)
        top = _HEAD + _CAPTION + row * (_TILE + _GAP)
        for column, tile in enumerate(tiles):
            _draw_letters(tile, plane)
            left = _GAP + column * (_TILE + _GAP)
            picture[top : top + _TILE, left : left + _TILE] = tile
    _draw_foot(picture, views.pixel)
    return _bytes(picture)


def before_after(fixed: Volume, moving: Volume, registration: Registration) -> NDArray[np.uint8]:
    """An RGB picture, shape (height, width, 3): both scans over each other in three planes, before above and after below.

    The fixed scan is magenta and the moving one green, so that what agrees is grey.  Slices are those of the overview.
    """
    views = _Views(fixed, moving, registration)
    picture = np.empty((2 * (_CAPTION + _TILE + _GAP), len(_PLANES) * (_TILE + _GAP) + _GAP, 3))
    picture[:] = BACKGROUND
    for column, plane in enumerate(_PLANES):
        _, reference, before, after = views.plane(plane)
        left = _GAP + column * (_TILE + _GAP)
        for row, (caption, scan) in enumerate((("Before", before), ("After", after))):
            tile = _overlay(reference, scan)
            _draw_letters(tile, plane)
            top = row * (_CAPTION + _TILE + _GAP) + _CAPTION
            draw_text(picture, f"{caption}, {plane.name}", (left + _TILE / 2, top - _CAPTION / 2), INK, size=14, align=0.5)
            picture[top : top + _TILE, left : left + _TILE] = tile
    return _bytes(picture)


def _bytes(picture: NDArray) -> NDArray[np.uint8]:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


class _Views:
    """Slices of both scans through the middle of the keypoints, each scan in a window of its own."""

    def __init__(self, fixed: Volume, moving: Volume, registration: Registration) -> None:
        self._centre, self._middle, side = _view(fixed, registration)
        self.pixel = side / _TILE
        self._moving_to_fixed = registration.moving_to_fixed
        self._scans = [(_reduced(scan, self.pixel), *_window(scan)) for scan in (fixed, moving)]

    def plane(self, plane: _Plane) -> tuple[_Slice, NDArray, NDArray, NDArray]:
        """Where the slice is; the fixed scan, the moving one as it came, and the moving one aligned, values 0 to 1."""
        view = _Slice(plane, self._centre, self._middle, self.pixel)
        still, movable = self._scans

        def seen(scan: tuple[Volume, float, float], matrix: NDArray | None = None) -> NDArray[np.float64]:
            volume, low, high = scan
            return _windowed(sample(volume, view.grid, matrix, fill=low)[0], low, high)

        return view, seen(still), seen(movable), seen(movable, self._moving_to_fixed)


def _view(fixed: Volume, registration: Registration) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The point (RAS mm) that all slices pass through, the point in their middle, and the side (mm) of the square shown."""
    used = registration.used
    centre = registration.fixed_keypoints.positions[used].mean(axis=0) if used.any() else fixed.centre
    # The whole scan is shown, or as much of it around the keypoints as a head needs.
    middle = np.clip(fixed.centre, centre - _STRAY, centre + _STRAY)
    extent = np.abs(fixed.corners - middle).max()
    return centre, middle, 2 * float(np.clip(extent, 20.0, _HALF_SIDE))


def _window(volume: Volume) -> tuple[float, float]:
    """The values drawn as black and white: robust against single bright voxels and large backgrounds."""
    step = max(1, round((volume.voxels.size / 1e6) ** (1 / 3)))
    values = volume.voxels[::step, ::step, ::step].astype(np.float64)
    low, peak = np.percentile(values, (0.5, 99.8))
    anatomy = values[values > low + 0.05 * (peak - low)]
    high = np.percentile(anatomy, 99.5) if anatomy.size else peak
    return float(low), float(max(high, low + 1e-12))


def _reduced(volume: Volume, pixel: float) -> Volume:
    """The scan averaged down to about one voxel per pixel where it is finer, once for all slices."""
    return averaged(volume, tuple(int(max(1, pixel / spacing)) for spacing in volume.spacing[::-1]))


def _windowed(values: NDArray, low: float, high: float) -> NDArray[np.float64]:
    return np.clip((values - low) / (high - low), 0, 1)


def _grey(values: NDArray) -> NDArray[np.float64]:
    return np.repeat(values[..., None], 3, axis=2)


def _checkerboard(reference: NDArray, aligned: NDArray) -> NDArray[np.float64]:
    """Alternating squares of both scans, the aligned one's a little bluish so that it is plain which is which."""
    square = np.arange(_TILE) * _SQUARES // _TILE
    is_aligned = (square[:, None] + square[None, :]) % 2 == 1
    return np.where(is_aligned[..., None], _grey(aligned) * (0.82, 0.95, 1.0), _grey(reference))


def _overlay(reference: NDArray, aligned: NDArray) -> NDArray[np.float64]:
    return np.stack([reference, aligned, reference], axis=2)


def _draw_keypoints(tiles: list[NDArray], view: _Slice, registration: Registration) -> None:
    """Fixed keypoints as rings, moving ones as dots; after alignment both, joined by the residual."""
    aligned = registration.moving_keypoints.moved(registration.moving_to_fixed).positions
    fixed_xy, fixed_depth = view.place(registration.fixed_keypoints.positions)
    moving_xy, moving_depth = view.place(registration.moving_keypoints.positions)
    aligned_xy, _ = view.place(aligned)
    for k, status in enumerate(registration.status):
        if status is KeypointStatus.MISSING:
            continue
        strength = 1.0 if status is KeypointStatus.USED else 0.45
        nearness = 1 - fixed_depth[k] / _REACH
        if nearness > 0:
            opacity = strength * (0.35 + 0.65 * nearness)
            draw_ring(tiles[0], fixed_xy[k], 4.5, _FIXED, opacity)
            for tile in tiles[2:]:
                draw_line(tile, fixed_xy[k], aligned_xy[k], _RESIDUAL, opacity)
                draw_ring(tile, fixed_xy[k], 4.5, _FIXED, opacity)
                draw_dot(tile, aligned_xy[k], 2.0, _MOVING, opacity)
        nearness = 1 - moving_depth[k] / _REACH
        if nearness > 0:
            draw_dot(tiles[1], moving_xy[k], 2.5, _MOVING, strength * (0.35 + 0.65 * nearness))


def _draw_letters(tile: NDArray, plane: _Plane) -> None:
    edge, middle = 11, _TILE / 2
    places = ((edge, middle), (_TILE - edge, middle), (middle, edge), (middle, _TILE - edge))
    for letter, place in zip(plane.letters, places, strict=True):
        draw_text(tile, letter, place, INK, size=14, align=0.5, outlined=True)


def _draw_head(picture: NDArray, fixed: Volume, moving: Volume, registration: Registration) -> None:
    level = registration.trust.level
    draw_text(picture, f"{moving.name} aligned to {fixed.name}", (_GAP + 4, 18), INK, size=18)
    error, similarity = registration.predicted_tre, registration.similarity
    used = int(registration.used.sum())
    numbers = (
        f"{registration.transform_type.value}, {used} of {len(registration.status)} keypoints used"
        + (f", root mean square residual {registration.fre:.2f} mm" if used else "")
        + f", expected error {error.centre:.2f} mm at the centre and {error.p95:.2f} mm at the 95th percentile"
        f", similarity {similarity.before:.3f} before and "
        + (f"{similarity.after:.3f} after" if np.isfinite(similarity.after) else "not measured after")
    )
    draw_text(picture, numbers, (_GAP + 4, 42), FAINT_INK, size=14)
    verdict = "Trust: " + level.value + ("" if level is TrustLevel.GOOD else ". " + " ".join(registration.trust.reasons))
    draw_text(picture, verdict, (_GAP + 4, 64), TRUST[level], size=14)


def _draw_foot(picture: NDArray, pixel: float) -> None:
    """What the marks mean, and a scale."""
    y = picture.shape[0] - _FOOT / 2
    x = _GAP + 10.0
    draw_ring(picture, (x, y), 4.5, _FIXED)
    x += 12 + draw_text(picture, "fixed keypoint", (x + 12, y), FAINT_INK) + 24
    draw_dot(picture, (x, y), 2.5, _MOVING)
    x += 12 + draw_text(picture, "moving keypoint", (x + 12, y), FAINT_INK) + 24
    draw_line(picture, (x, y), (x + 14, y), _RESIDUAL)
    note = f"residual.  Keypoints up to {_REACH:.0f} mm off the slice; faint: left out of the fit.  Not for clinical use."
    draw_text(picture, note, (x + 22, y), FAINT_INK)
    right = picture.shape[1] - _GAP - 4
    start = right - 50 / pixel
    draw_line(picture, (start, y), (right, y), INK, width=2)
    draw_text(picture, "50 mm", (start - 8, y), FAINT_INK, align=1.0)
