"""Small pictures: PNG with a palette of the 256 colours that serve a picture best.

``python Testing/palette.py PICTURE…`` makes pictures small in place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6 import QtGui
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

_COLOURS = 256
_FREQUENT, _GREY_STEP = 40, 3
_SAMPLE = 20_000  # of the distinct colours: enough to place the palette


def save_palette_png(image: QtGui.QImage, path: Path) -> None:
    """Write a picture with at most 256 colours, its own where it has no more.

    Raises:
        OSError: if the file cannot be written.
    """
    pixels = _pixels(image)
    height, width, _ = pixels.shape
    colours, inverse, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    palette = colours if len(colours) <= _COLOURS else _palette(colours, counts)
    nearest = cKDTree(palette).query(colours)[1].astype(np.uint8)
    indices = np.ascontiguousarray(nearest[inverse.reshape(-1)].reshape(height, width))
    small = QtGui.QImage(indices.tobytes(), width, height, width, QtGui.QImage.Format_Indexed8)
    small.setColorTable([QtGui.qRgb(*map(int, colour)) for colour in np.round(palette)])
    writer = QtGui.QImageWriter(str(path), b"png")
    writer.setCompression(100)
    if not writer.write(small):
        raise OSError(f"the picture could not be written to {path}: {writer.errorString()}")


def _pixels(image: QtGui.QImage) -> NDArray[np.uint8]:
    """Shape (height, width, 3)."""
    image = image.convertToFormat(QtGui.QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def _palette(colours: NDArray[np.uint8], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Greys, so that scans stay grey, the most frequent other colours, and cluster centres of the rest.

    In the clusters rare colours count like frequent ones: a legend is as much worth as a background.
    """
    greys = np.repeat(np.arange(0, 256, _GREY_STEP, dtype=float)[:, None], 3, axis=1)
    is_coloured = np.ptp(colours.astype(int), axis=1) > 2
    order = np.argsort(np.where(is_coloured, counts, 0))
    frequent, others = colours[order[-_FREQUENT:]].astype(float), colours[is_coloured].astype(float)
    sample = np.random.default_rng(0).choice(others, min(_SAMPLE, len(others)), replace=False)
    centres, _ = kmeans2(sample, _COLOURS - _FREQUENT - len(greys), iter=20, minit="++", seed=0)
    return np.clip(np.vstack([greys, frequent, centres]), 0, 255)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        save_palette_png(QtGui.QImage(name), Path(name))
