"""Text, rings, dots and lines on a picture, without OpenGL.

A picture is a float array of shape (height, width, 3), values 0 to 1, changed in place.  Positions are (x, y) in pixels
from the top left corner, pixel centres at whole numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

# The import registers VTK's font engine.
import vtkmodules.vtkRenderingFreeType  # noqa: F401
from numpy.typing import ArrayLike, NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkTextProperty, vtkTextRenderer

Colour = tuple[float, float, float]


def draw_text(
    picture: NDArray,
    text: str,
    position: ArrayLike,
    colour: Colour,
    *,
    size: int = 13,
    align: float = 0.0,
    outlined: bool = False,
) -> int:
    """Write one line; returns its width in pixels.

    ``position`` is the middle of the line's height, at its left end (``align`` 0), middle (0.5) or right end (1).  An
    ``outlined`` text gets a dark rim, to be read on any background.
    """
    ink = _lettering(text, size)
    height, width = ink.shape
    x, y = np.asarray(position, dtype=float)
    left, top = round(x - align * width), round(y - height / 2)
    if outlined:
        for right, down in itertools.product((-1, 0, 1), repeat=2):
            _blend(picture, left + right, top + down, ink, (0.0, 0.0, 0.0))
    _blend(picture, left, top, ink, colour)
    return width


def draw_dot(picture: NDArray, centre: ArrayLike, radius: float, colour: Colour, opacity: float = 1.0) -> None:
    """A filled disc."""
    _draw(picture, [centre], radius + 1, lambda distance: radius - distance, colour, opacity)


def draw_ring(
    picture: NDArray, centre: ArrayLike, radius: float, colour: Colour, opacity: float = 1.0, width: float = 1.6
) -> None:
    """A circle of the given line width."""
    _draw(picture, [centre], radius + width, lambda distance: width / 2 - np.abs(distance - radius), colour, opacity)


def draw_line(
    picture: NDArray, start: ArrayLike, end: ArrayLike, colour: Colour, opacity: float = 1.0, width: float = 1.6
) -> None:
    """A straight line."""
    _draw(picture, [start, end], width, lambda distance: width / 2 - distance, colour, opacity)


def draw_path(picture: NDArray, points: ArrayLike, colour: Colour, opacity: float = 1.0, width: float = 1.6) -> None:
    """Straight lines from point to point, no more opaque where they meet than elsewhere."""
    corners = np.asarray(points, dtype=float)
    low = np.maximum(np.floor(corners.min(axis=0) - width).astype(int), 0)
    high = np.maximum(np.ceil(corners.max(axis=0) + width).astype(int) + 1, low)
    part = picture[low[1] : high[1], low[0] : high[0]]
    ink = np.zeros(part.shape[:2])
    for start, end in itertools.pairwise(corners - low):
        left, top, line = _ink(part, [start, end], width, lambda distance: width / 2 - distance)
        area = ink[top : top + line.shape[0], left : left + line.shape[1]]
        np.maximum(area, line, out=area)
    _blend(part, 0, 0, opacity * ink, colour)


def _draw(
    picture: NDArray, places: list, reach: float, depth: Callable[[NDArray], NDArray], colour: Colour, opacity: float
) -> None:
    """Blend a shape in: ``depth`` turns the distance from the line between ``places`` into pixels inside its edge."""
    left, top, ink = _ink(picture, places, reach, depth)
    _blend(picture, left, top, opacity * ink, colour)


def _ink(
    picture: NDArray, places: list, reach: float, depth: Callable[[NDArray], NDArray]
) -> tuple[int, int, NDArray[np.float64]]:
    """Where a shape's box begins in the picture (left, top), and how opaque (0 to 1) it is there."""
    ends = np.array([places[0], places[-1]], dtype=float)
    low = np.maximum(np.floor(ends.min(axis=0) - reach).astype(int), 0)
    high = np.minimum(np.ceil(ends.max(axis=0) + reach).astype(int) + 1, picture.shape[1::-1])
    if (low >= high).any():
        return 0, 0, np.zeros((0, 0))
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    points = np.stack([x, y], axis=-1) - ends[0]
    along = ends[1] - ends[0]
    length = along @ along
    part = np.clip(points @ along / length, 0, 1) if length > 0 else np.zeros(points.shape[:2])
    distance = np.linalg.norm(points - part[..., None] * along, axis=-1)
    return int(low[0]), int(low[1]), np.clip(depth(distance) + 0.5, 0, 1)


def _blend(picture: NDArray, left: int, top: int, ink: NDArray, colour: Colour) -> None:
    """Lay ``colour`` over the picture, as opaque as ``ink`` (0 to 1) says; what falls outside is cut off."""
    height, width = picture.shape[:2]
    ink = ink[max(0, -top) : max(0, height - top), max(0, -left) : max(0, width - left)]
    top, left = max(0, top), max(0, left)
    area = picture[top : top + ink.shape[0], left : left + ink.shape[1]]
    area += ink[..., None] * (np.array(colour) - area)


def _lettering(text: str, size: int) -> NDArray[np.float64]:
    """The opacity (0 to 1) of the pixels of one line of text."""
    style = vtkTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size)
    image, used = vtkImageData(), [0, 0]
    renderer = vtkTextRenderer.GetInstance()
    if not text.strip() or not renderer.RenderString(style, text, image, used, 72, vtkTextRenderer.FreeType):
        return np.zeros((size, 0))
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
    # VTK keeps rows from the bottom up and pads the image to powers of two at the right and the top.
    return pixels[: used[1], : used[0], 3][::-1] / 255.0
