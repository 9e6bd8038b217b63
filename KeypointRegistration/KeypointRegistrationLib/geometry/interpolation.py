"""Values of an array between its voxels, and how they change there, at many scattered places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def interpolated(voxels: NDArray, ijk: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Trilinear values (n,) and their derivatives (n, 3) along i, j and k at indices ``ijk`` (n, 3) of ``(K, J, I)`` voxels.

    Both come from one look at the eight voxels around each place.  Beyond the border they are those on it.
    """
    last = np.array(voxels.shape[::-1]) - 1
    inside = np.clip(ijk, 0, last)
    low = np.minimum(inside.astype(np.intp), np.maximum(last - 1, 0))
    x, y, z = (inside - low).astype(np.float32).T
    steps = np.array([1, voxels.shape[2], voxels.shape[2] * voxels.shape[1]])
    first = low @ steps
    along_i, along_j, along_k = np.where(last > 0, steps, 0)
    flat = voxels.ravel()

    def edge(offset: int) -> tuple[NDArray, NDArray]:
        """Values on an edge along i, and their rise."""
        start = flat[first + offset]
        rise = flat[first + (offset + along_i)] - start
        return start + x * rise, rise

    def face(offset: int) -> tuple[NDArray, NDArray, NDArray]:
        """Values on a face along i and j, and their rises."""
        (near, near_rise), (far, far_rise) = edge(offset), edge(offset + along_j)
        rise = far - near
        return near + y * rise, near_rise + y * (far_rise - near_rise), rise

    near, far = np.stack(face(0)), np.stack(face(along_k))
    value, rise_i, rise_j = near + z * (far - near)
    return value, np.stack([rise_i, rise_j, far[0] - near[0]], axis=1)


def nearest(voxels: NDArray, ijk: NDArray) -> NDArray:
    """Values (n,) of the voxels nearest to indices ``ijk`` (n, 3) of ``(K, J, I)`` voxels; 0 beyond the border."""
    i, j, k = np.rint(ijk).astype(np.intp).T
    sizes = voxels.shape[::-1]
    inside = (i >= 0) & (j >= 0) & (k >= 0) & (i < sizes[0]) & (j < sizes[1]) & (k < sizes[2])
    found = np.zeros(len(ijk), dtype=voxels.dtype)
    found[inside] = voxels[k[inside], j[inside], i[inside]]
    return found
