"""Voxels as numpy arrays: lent by SimpleITK, or read from a file."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

_CHUNK = 1 << 24


def voxels_of(image: sitk.Image) -> NDArray:
    """The voxels of a SimpleITK image as a read-only ``[K, J, I]`` array on the image's own memory: nothing is copied."""
    return np.asarray(_Lender(image))


class Source(Protocol):
    """An open file, or what unpacks one."""

    def read(self, size: int, /) -> bytes:
        """The next so many bytes, fewer at the end."""


def read_array(file: Source, shape: tuple[int, ...], dtype: np.dtype) -> NDArray:
    """The next numbers of an open file as an array in this computer's byte order, read in bounded chunks.

    Raises:
        EOFError: if the file ends before the last of them.
    """
    voxels = np.empty(shape, dtype)
    content = voxels.reshape(-1).view(np.uint8).data
    filled = 0
    while filled < len(content):
        chunk = file.read(min(_CHUNK, len(content) - filled))
        if not chunk:
            raise EOFError("the file ends before its last voxel")
        content[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)


def read_to_end(file: Source) -> None:
    """Read what is left of an open file: only at its very end does a compressed one prove itself whole."""
    while file.read(_CHUNK):
        pass


class _Lender:
    """Lends an image's memory to numpy and keeps the image alive for as long as an array looks at it."""

    def __init__(self, image: sitk.Image) -> None:
        self._image = image
        self.__array_interface__ = sitk.GetArrayViewFromImage(image).__array_interface__
