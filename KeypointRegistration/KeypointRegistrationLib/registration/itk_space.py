"""Between RAS millimetres with 4×4 matrices and ITK's images and transforms, which live in LPS."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from ..geometry.sampling import Grid, sample
from ..geometry.transforms import affine, apply, nearest_rotation, ras_to_lps
from ..geometry.volume import Volume

#: Axes whose cosines are smaller than this count as perpendicular, as an ITK direction matrix must be.
_PERPENDICULAR = 1e-4


def to_image(volume: Volume) -> sitk.Image:
    """The scan as a float image in LPS space.  Its axes must be perpendicular (see ``straightened``)."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels, dtype=np.float32))
    spacing = volume.spacing
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.ijk_to_ras
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def straightened(volume: Volume) -> Volume:
    """The scan itself where its axes are perpendicular, else sampled on the nearest grid that has perpendicular axes."""
    directions = volume.ijk_to_ras[:3, :3] / volume.spacing
    if np.abs(directions.T @ directions - np.eye(3)).max() < _PERPENDICULAR:
        return volume
    axes = nearest_rotation(directions)
    corners = volume.corners @ axes  # coordinates along the new axes
    low, high = corners.min(axis=0), corners.max(axis=0)
    i, j, k = (np.ceil((high - low) / volume.spacing).astype(int) + 1).tolist()
    grid = Grid((k, j, i), affine(axes * volume.spacing, axes @ low))
    return Volume(sample(volume, grid), grid.ijk_to_ras, volume.name)


def to_affine(matrix: ArrayLike) -> sitk.AffineTransform:
    """The ITK transform, in LPS, that does to points what the RAS ``matrix`` (4×4) does."""
    lps = ras_to_lps(matrix)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform


def to_matrix(transform: sitk.Transform) -> NDArray[np.float64]:
    """The 4×4 RAS matrix that does to points what a linear ITK ``transform`` does."""
    origin, *tips = (np.array(transform.TransformPoint(point)) for point in np.vstack([np.zeros(3), np.eye(3)]).tolist())
    return ras_to_lps(affine(np.stack(tips, axis=1) - origin[:, None], origin))


def to_lps_point(point: ArrayLike) -> list[float]:
    """A RAS point, shape (3,), as ITK wants it."""
    return apply(np.diag([-1.0, -1.0, 1.0, 1.0]), np.asarray(point)[None])[0].tolist()
