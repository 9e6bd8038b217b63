"""Colour pictures as PNG files."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def png_bytes(picture: NDArray[np.uint8]) -> bytes:
    """An RGB picture of shape (height, width, 3) as the bytes of a PNG file."""
    height, width, channels = picture.shape
    if channels != 3 or picture.dtype != np.uint8:
        raise ValueError(f"an RGB picture of bytes is needed, not {picture.shape} {picture.dtype}")
    # Each row begins with its filter type; type 2 stores differences from the row above, which scans compress well with.
    above = np.vstack([np.zeros((1, width, 3), np.uint8), picture[:-1]])
    rows = np.insert((picture - above).reshape(height, -1), 0, 2, axis=1)
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
