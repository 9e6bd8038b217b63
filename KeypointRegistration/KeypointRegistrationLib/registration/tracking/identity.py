"""What the frames of a track depend on, as one digest: whether those of an earlier run can be taken over."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ... import __version__
from ...geometry.volume import Volume
from ..memory import fingerprint
from ..plain import plain
from .frames import Series
from .options import TrackingOptions


def track_identity(series: Series, mask: Volume | None, options: TrackingOptions, model_sha256: str) -> str:
    """A digest of every frame's voxels, place and time, of the mask, the options, the model's weights and our version.

    Another version may follow heads in another way.  Reads the series through, one frame at a time.  Names do not count, nor
    does the device, which only changes rounding.

    Raises:
        InputError: if a frame cannot be read.
    """
    digest = hashlib.blake2b(digest_size=32)
    settings = plain(replace(options, device="auto"))
    digest.update(json.dumps([__version__, settings, model_sha256, plain(series.times)], sort_keys=True).encode())
    digest.update(b"" if mask is None else fingerprint(mask).encode())
    for index in range(len(series.times)):
        digest.update(fingerprint(series.frame(index)).encode())
    return digest.hexdigest()
