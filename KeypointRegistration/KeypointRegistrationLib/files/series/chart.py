"""Lines over time in a box with axes, drawn without OpenGL."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..colours import BACKGROUND, FAINT_INK, INK
from ..drawing import Colour, draw_dot, draw_line, draw_path, draw_text

_GRID: Colour = (0.2, 0.2, 0.22)
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MARGIN = 0.08  # of the values' range, left free above and below


@dataclass(frozen=True, eq=False)
class Chart:
    """A box of a picture, and what its corners mean.

    Attributes:
        picture: it is drawn on, shape (height, width, 3), values 0 to 1.
        left, top, right, bottom: of the box in pixels.
        times: first and last that are shown.
        values: lowest and highest that are shown.
    """

    picture: NDArray
    left: float
    top: float
    right: float
    bottom: float
    times: tuple[float, float]
    values: tuple[float, float]

    def place(self, times: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
        """Pixel positions (N, 2); those of values that are NaN are NaN."""
        along = (np.asarray(times, dtype=float) - self.times[0]) / (self.times[1] - self.times[0])
        up = (np.asarray(values, dtype=float) - self.values[0]) / (self.values[1] - self.values[0])
        x = self.left + along * (self.right - self.left)
        return np.stack([x, self.bottom - up * (self.bottom - self.top)], axis=-1)

    def draw_axes(self, title: str, time_title: str) -> None:
        """Grid, numbers and titles; without a ``time_title`` the numbers below are left out too."""
        for value in ticks(*self.values, 5):
            ((_, y),) = self.place([self.times[0]], [value])
            draw_line(self.picture, (self.left, y), (self.right, y), _GRID, width=1.0)
            draw_text(self.picture, f"{value:g}", (self.left - 8, y), FAINT_INK, size=12, align=1.0)
        for time in ticks(*self.times, 10):
            ((x, _),) = self.place([time], [self.values[0]])
            draw_line(self.picture, (x, self.top), (x, self.bottom), _GRID, width=1.0)
            if time_title:
                draw_text(self.picture, f"{time:g}", (x, self.bottom + 12), FAINT_INK, size=12, align=0.5)
        draw_text(self.picture, title, (self.left, self.top - 14), INK, size=15)
        if time_title:
            draw_text(self.picture, time_title, ((self.left + self.right) / 2, self.bottom + 30), FAINT_INK, align=0.5)

    def draw_curve(
        self, times: ArrayLike, values: ArrayLike, colour: Colour, opacity: float = 1.0, width: float = 1.8
    ) -> None:
        """A line from value to value that breaks where one is NaN; values without neighbours are dots."""
        points = self.place(times, values)
        there = np.asarray(np.isfinite(points).all(axis=1))
        breaks = np.flatnonzero(there[1:] != there[:-1]) + 1
        for run in np.split(points, breaks):
            if not np.isfinite(run).all():
                continue
            if len(run) > 1:
                draw_path(self.picture, run, colour, opacity, width)
            else:
                draw_dot(self.picture, run[0], 2.0, colour, opacity)

    def draw_band(self, start: float, end: float, colour: Colour, opacity: float) -> None:
        """A stretch of time, tinted over the whole height and at least a pixel wide."""
        (left, _), (right, _) = self.place([start, end], [self.values[0]] * 2)
        first = round(min(left, self.right - 1))
        area = self.picture[round(self.top) : round(self.bottom) + 1, first : max(round(right), first + 1)]
        area += opacity * (np.array(colour) - area)


def value_range(curves: list[NDArray[np.float64]], least: float) -> tuple[float, float]:
    """What an axis shows of all ``curves``: at least ``least`` from end to end, with some room; NaN counts as nothing."""
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves] + [np.zeros(1)])
    low, high = float(values.min()), float(values.max())
    missing = max(0.0, least - (high - low))
    low, high = (low - missing / 2, high + missing / 2) if low < 0 else (low, high + missing)
    room = _MARGIN * (high - low)
    return low - room, high + room


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from ``low`` to ``high``, at most about ``most`` of them."""
    rough = (high - low) / most
    scale = 10.0 ** np.floor(np.log10(rough))
    step = next(scale * factor for factor in _STEPS if scale * factor >= rough * (1 - 1e-9))
    first = int(np.ceil(low / step - 1e-9))
    return [round(number * step, 12) + 0.0 for number in range(first, int(np.floor(high / step + 1e-9)) + 1)]


def blank(height: int, width: int) -> NDArray[np.float64]:
    """A picture to draw on."""
    picture = np.empty((height, width, 3))
    picture[:] = BACKGROUND
    return picture
