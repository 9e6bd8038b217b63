"""Whether a frame shows anything that can be aligned."""

from __future__ import annotations

import numpy as np

from ...geometry.errors import InputError
from ...geometry.volume import Volume

_SATURATED = 0.2  # share of voxels at the highest value


def check_frame(scan: Volume) -> None:
    """Raise InputError unless ``scan`` holds finite values that vary and are not mostly cut off at the highest one."""
    _, high = scan.value_range()
    share = sum(int(np.count_nonzero(slab == high)) for slab in scan.slabs()) / scan.voxels.size
    if share > _SATURATED:
        raise InputError(
            f"{scan.name} is saturated: {share:.0%} of its voxels have the highest value, {high:g}. Rescale the series so "
            "that values are not cut off."
        )
