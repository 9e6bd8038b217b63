"""A made-up label map with every structure that the reference points need."""

from __future__ import annotations

import numpy as np
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.volume import Volume

# Centre (mm, of the left twin), radii (mm) and left and right label; painted in this order, later over earlier.
_ELLIPSOIDS = (
    ((-30, 0, 10), (34, 72, 48), 3, 42),
    ((-28, 0, 12), (26, 60, 38), 2, 41),
    ((-22, -34, -38), (22, 24, 16), 8, 47),
    ((-16, -25, -36), (11, 12, 9), 7, 46),
    ((-12, 4, 12), (7, 30, 9), 4, 43),
    ((-12, 1, 1), (8, 12, 8), 10, 49),
    ((-15, 24, 12), (6, 10, 10), 11, 50),
    ((-28, 18, 2), (6, 14, 9), 12, 51),
    ((-19, 15, -1), (5, 8, 7), 13, 52),
    ((-27, -2, -14), (6, 16, 6), 17, 53),
    ((-23, 20, -15), (7, 6, 6), 18, 54),
    ((-9, 31, -3), (4, 5, 4), 26, 58),
    ((-10, 6, -10), (6, 6, 5), 28, 60),
)
_MIDLINE = (
    ((0, -6, -30), (10, 10, 24), 16),
    ((0, 10, -3), (3, 10, 8), 14),
    ((0, -20, -34), (5, 5, 9), 15),
)


def phantom_labels(spacing: float = 2.0, squeeze: float = 1.0, name: str = "phantom") -> Volume:
    """A label map (FreeSurfer numbers, scalp 507) with its origin at the brain's middle; ``squeeze`` scales it along R."""
    shape = tuple(int(extent / spacing) for extent in (190, 200, 180))
    grid = Grid(shape, np.diag([spacing, spacing, spacing, 1.0]))
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] = -spacing * (np.array(shape[::-1]) - 1) / 2
    ras = Grid(shape, matrix).positions() / (squeeze, 1, 1)
    labels = np.where(((ras / (80, 92, 82)) ** 2).sum(axis=1) < 1, 507, 0)
    for centre, radii, left, right in _ELLIPSOIDS:
        for side, label in ((1, left), (-1, right)):
            offset = (ras - np.multiply(centre, (side, 1, 1))) / radii
            half = side * ras[:, 0] < 0
            labels[((offset**2).sum(axis=1) < 1) & half] = label
    for centre, radii, label in _MIDLINE:
        labels[(((ras - centre) / radii) ** 2).sum(axis=1) < 1] = label
    return Volume(labels.reshape(shape).astype(np.int16), matrix, name)
