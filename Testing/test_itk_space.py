"""Scans and transforms put the same anatomy at the same place in ITK, which lives in LPS."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from KeypointRegistrationLib.files.itk_space import to_image, to_matrix
from KeypointRegistrationLib.geometry.transforms import apply
from samples import sample_matrix, sample_volume

LPS = np.array([-1.0, -1.0, 1.0])


def test_a_voxel_is_at_the_same_place():
    volume = sample_volume("fixed", size=24, spacing=2.5)
    image = to_image(volume)
    ras = apply(volume.ijk_to_ras, [[3, 5, 7]])[0]
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((3, 5, 7)), ras * LPS)
    assert image[3, 5, 7] == volume.voxels[7, 5, 3]


def test_a_transform_takes_points_to_the_same_place():
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((np.eye(3) + 0.1 * np.arange(9).reshape(3, 3)).ravel().tolist())
    transform.SetTranslation((4.0, -5.0, 6.0))
    transform.SetCenter((7.0, 8.0, -9.0))
    ras = apply(sample_matrix(50), np.eye(3) * 40)
    for point, moved in zip(ras, apply(to_matrix(transform), ras), strict=True):
        np.testing.assert_allclose(transform.TransformPoint((point * LPS).tolist()), moved * LPS, atol=1e-9)
