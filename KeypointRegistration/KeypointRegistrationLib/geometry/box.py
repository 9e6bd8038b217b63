"""A box in space as a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .errors import InputError
from .transforms import affine
from .volume import Volume

_THINNEST = 1.0  # mm: no anatomy fits into less


def box_mask(axes: ArrayLike, middle: ArrayLike, name: str = "box") -> Volume:
    """A mask that is not zero within a box, whatever grid it is read on.

    Args:
        axes: (3, 3), RAS mm; its columns are the edges of the box, which may be turned.
        middle: (3,), RAS mm.
        name: for people.

    Raises:
        InputError: if the box is too thin to hold anything.
    """
    edges, centre = np.asarray(axes, dtype=float), np.asarray(middle, dtype=float)
    lengths = np.linalg.norm(edges, axis=0)
    if not np.isfinite(lengths).all() or lengths.min() < _THINNEST or abs(np.linalg.det(edges / lengths)) < 1e-3:
        size = " × ".join(f"{length:.1f}" for length in lengths)
        raise InputError(f"The box {name} is {size} mm: nothing fits into it. Draw it around the head.")
    return Volume(np.ones((2, 2, 2), np.uint8), affine(edges, centre - edges.sum(axis=1) / 2), name)
