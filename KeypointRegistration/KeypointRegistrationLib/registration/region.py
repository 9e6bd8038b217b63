"""Which part of the fixed scan the alignment is judged on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from ..detection.localisation import otsu_threshold
from ..geometry.sampling import Grid
from ..geometry.volume import Volume

#: mm from keypoints, which lie within a brain, to its surface and a little beyond.
SURFACE = 12.0

_HEAD_MARGIN = 8.0  # mm around the visible head: its outline is a feature too


def ball_radius(points: NDArray) -> float:
    """Radius (mm) of a ball whose points lie as far from its middle, root-mean-square, as ``points`` (N, 3) from theirs."""
    return float(np.sqrt(5 / 3 * np.mean(((points - points.mean(axis=0)) ** 2).sum(axis=1))))


def head_region(volume: Volume) -> NDArray[np.bool_]:
    """The largest bright object, filled, with a margin of some mm, on the voxels of ``volume`` (a coarse one)."""
    objects, count = ndimage.label(volume.voxels > otsu_threshold(volume.voxels))
    if count == 0:
        return np.ones(volume.shape, dtype=bool)
    head = objects == 1 + np.argmax(np.bincount(objects.ravel())[1:])
    distance = ndimage.distance_transform_edt(~ndimage.binary_fill_holes(head), sampling=volume.spacing[::-1])
    return distance <= _HEAD_MARGIN


def region_around(points: NDArray, margin: float, grid: Grid) -> NDArray[np.bool_]:
    """Grid points in the convex hull of RAS ``points`` (N, 3) or up to ``margin`` mm outside its faces."""
    positions = grid.positions()
    try:
        faces = ConvexHull(points).equations
    except (QhullError, ValueError):  # fewer than four points, or all in one plane
        inside = ((positions >= points.min(axis=0) - margin) & (positions <= points.max(axis=0) + margin)).all(axis=1)
        return inside.reshape(grid.shape)
    inside = np.ones(len(positions), dtype=bool)
    for face in faces:
        inside &= positions @ face[:3] + face[3] <= margin
    return inside.reshape(grid.shape)
