"""Frames of one shape and number type, one after the other in a file, read one at a time.

They are read, not mapped into memory: a file that somebody shortens meanwhile is then told in a sentence, where a mapped one
would end the process, and memory in use stays that of one frame.
"""

from __future__ import annotations

import errno
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ..voxels import Source, read_array, read_to_end

#: Bytes that are unpacked at a time.
_CHUNK = 1 << 24


@dataclass(frozen=True)
class FrameLayout:
    """How frames lie in a file.

    Attributes:
        count: of frames.
        shape: of each along K, J and I.
        dtype: of the numbers, with their byte order.
        interleaved: whether the first voxel of every frame comes first, then the second of every frame, and so on.
    """

    count: int
    shape: tuple[int, int, int]
    dtype: np.dtype
    interleaved: bool = False

    @property
    def frame_bytes(self) -> int:
        """Of one frame."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


class FrameFile:
    """Gives the frames of a file.

    Args:
        path: of the file that they came from, for sentences.
        layout: of the frames, which lie one after the other.
        offset: of the first, in bytes.
        unpacked: an open temporary file that holds them; without it they are read from ``path``.
    """

    def __init__(self, path: Path, layout: FrameLayout, offset: int, unpacked: BinaryIO | None = None) -> None:
        self._path, self._layout, self._offset, self._unpacked = path, layout, offset, unpacked
        if unpacked is not None:
            weakref.finalize(self, unpacked.close)

    def frame(self, index: int) -> NDArray:
        """The numbers of frame ``index`` as a ``[K, J, I]`` array.

        Raises:
            InputError: if they cannot be read, or are not there.
        """
        try:
            with self._opened() as file:
                file.seek(self._offset + index * self._layout.frame_bytes)
                return read_array(file, self._layout.shape, self._layout.dtype)
        except EOFError as error:
            raise InputError(self._incomplete(index)) from error
        except OSError as error:
            raise InputError(f"Frame {index} of {self._path} cannot be read: {error.strerror or error}.") from error

    def check_complete(self) -> None:
        """See whether the file is long enough for the last frame.

        Raises:
            InputError: if it is not.
            OSError: if it cannot be looked at.
        """
        whole = (self._path.stat().st_size - self._offset) // self._layout.frame_bytes
        if whole < self._layout.count:
            raise InputError(self._incomplete(max(0, whole)))

    def _incomplete(self, index: int) -> str:
        return f"{self._path} is incomplete: it ends within frame {index}. Copy or export it again."

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self._unpacked is not None:
            yield self._unpacked
        else:
            with self._path.open("rb") as file:
                yield file


def unpacked(path: Path, packed: Source, layout: FrameLayout) -> FrameFile:
    """The frames of an open compressed (or interleaved) file, from a temporary file that goes with them.

    Args:
        path: of the file, for sentences.
        packed: gives what it holds, from the first voxel on.  It is read to its end, which tells whether it is whole.
        layout: of what it gives.

    Raises:
        InputError: if there is not enough space.
        EOFError: if the file ends early.
    """
    with ExitStack() as stack:
        target = stack.enter_context(tempfile.TemporaryFile(prefix="keypoint-registration-"))
        try:
            if layout.interleaved:
                _copy_sorted(packed, target, layout)
            else:
                _copy(packed, target, layout)
            read_to_end(packed)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            size = layout.count * layout.frame_bytes / 1e6
            raise InputError(
                f"There is not enough space in {tempfile.gettempdir()} to unpack {path} ({size:.0f} MB). Free some, or name "
                "another folder for temporary files in the environment variable TMPDIR."
            ) from error
        stack.pop_all()
    return FrameFile(path, replace(layout, interleaved=False), 0, target)


def _copy(packed: Source, target: BinaryIO, layout: FrameLayout) -> None:
    left = layout.count * layout.frame_bytes
    while left:
        chunk = packed.read(min(_CHUNK, left))
        if not chunk:
            raise EOFError
        target.write(chunk)
        left -= len(chunk)
    target.flush()


def _copy_sorted(packed: Source, target: BinaryIO, layout: FrameLayout) -> None:
    """Some voxels of all frames at a time, each to its own frame."""
    voxels, size = int(np.prod(layout.shape)), layout.dtype.itemsize
    step = max(1, _CHUNK // (layout.count * size))
    for start in range(0, voxels, step):
        some = read_array(packed, (min(step, voxels - start), layout.count), layout.dtype)
        for index, part in enumerate(some.T):
            target.seek(index * layout.frame_bytes + start * size)
            target.write(np.ascontiguousarray(part, dtype=layout.dtype).data)
    target.flush()
