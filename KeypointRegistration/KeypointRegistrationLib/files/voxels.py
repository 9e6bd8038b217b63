"""Voxels handed between SimpleITK and numpy."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray


def voxels_of(image: sitk.Image) -> NDArray:
    """The voxels of a SimpleITK image as a read-only ``[K, J, I]`` array on the image's own memory: nothing is copied."""
    return np.asarray(_Lender(image))


class _Lender:
    """Lends an image's memory to numpy and keeps the image alive for as long as an array looks at it."""

    def __init__(self, image: sitk.Image) -> None:
        self._image = image
        self.__array_interface__ = sitk.GetArrayViewFromImage(image).__array_interface__
