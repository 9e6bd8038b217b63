"""From which sides a scan is looked at whose head was not found upright."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def _turns(axes: NDArray, degrees: float) -> tuple[NDArray[np.float64], ...]:
    """Rotation matrices by one angle about each of ``axes`` (n, 3), which need no length."""
    vectors = np.deg2rad(degrees) * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    return tuple(Rotation.from_rotvec(vectors).as_matrix())


_CORNERS = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])

#: Axes (3×3, columns I, J, K in RAS) of the views to try beside the upright one, in the order in which to try them: the
#: half turns about R, A and S, then the third turns about the diagonals.  Together they are the twelve rotations of the
#: tetrahedron.  With the first set no head is turned by more than 120° from one of the views, with both by more than 90°;
#: a view turned by less than that still leads to the head.
TURNED_HEADS = (_turns(np.eye(3), 180.0), _turns(_CORNERS, 120.0))
