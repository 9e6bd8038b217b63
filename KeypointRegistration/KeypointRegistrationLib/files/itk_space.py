"""Between RAS millimetres with 4×4 matrices and ITK's images and transforms, which live in LPS."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry.transforms import affine, ras_to_lps
from ..geometry.volume import Volume


def to_image(volume: Volume) -> sitk.Image:
    """The scan as a float image in LPS space.  Its axes must be perpendicular."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels, dtype=np.float32))
    spacing = volume.spacing
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.ijk_to_ras
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def to_matrix(transform: sitk.Transform) -> NDArray[np.float64]:
    """The 4×4 RAS matrix that does to points what a linear ITK ``transform`` does."""
    origin, *tips = (np.array(transform.TransformPoint(point)) for point in np.vstack([np.zeros(3), np.eye(3)]).tolist())
    return ras_to_lps(affine(np.stack(tips, axis=1) - origin[:, None], origin))
