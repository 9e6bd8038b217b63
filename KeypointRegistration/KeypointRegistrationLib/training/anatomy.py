"""Reference points: named anatomical points that label maps of different people have in common.

They give every keypoint a name and a place to start from (KeyMorph pre-trains on reference points too).  A point is the
centroid of a structure, or of a part of a large structure, cut where its own voxels divide into equal shares along the
front–back and low–high axes of the head.  Those axes come from the deep structures, so that a tilted head is cut alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.alignment import DegenerateError, fit
from ..geometry.errors import InputError
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume


@dataclass(frozen=True)
class Structure:
    """A labelled structure and into how many parts it is cut (front–back, then low–high)."""

    name: str
    label: int
    cuts: tuple[int, int] = (1, 1)


_PAIRED = (
    ("cerebral cortex", 3, 42, (3, 3)),
    ("cerebral white matter", 2, 41, (3, 2)),
    ("lateral ventricle", 4, 43, (2, 1)),
    ("cerebellar white matter", 7, 46, (1, 1)),
    ("cerebellar cortex", 8, 47, (2, 1)),
    ("thalamus", 10, 49, (1, 1)),
    ("caudate", 11, 50, (1, 1)),
    ("putamen", 12, 51, (1, 1)),
    ("pallidum", 13, 52, (1, 1)),
    ("hippocampus", 17, 53, (2, 1)),
    ("amygdala", 18, 54, (1, 1)),
    ("accumbens", 26, 58, (1, 1)),
    ("ventral diencephalon", 28, 60, (1, 1)),
)
_MIDLINE = (Structure("third ventricle", 14), Structure("fourth ventricle", 15), Structure("brain stem", 16, (1, 2)))

# Typical centroids (mm) of deep structures in an upright head: the mean shape of SynthSeg's training label maps, rounded.
_UPRIGHT = {
    10: (-12, 1, 3), 49: (12, 1, 3), 11: (-15, 24, 12), 50: (15, 24, 12), 12: (-25, 18, 2), 51: (25, 18, 2),
    13: (-20, 15, 0), 52: (20, 15, 0), 18: (-23, 18, -15), 54: (23, 18, -15), 28: (-11, 6, -9), 60: (11, 6, -9),
    7: (-16, -23, -36), 46: (16, -23, -36), 14: (0, 10, -3), 15: (0, -16, -34),
}  # fmt: skip

#: FreeSurfer labels of the brain, in the order of the reference points; a left structure is followed by its right twin.
STRUCTURES: tuple[Structure, ...] = (
    tuple(
        Structure(f"{side} {name}", label, cuts)
        for name, left, right, cuts in _PAIRED
        for side, label in (("left", left), ("right", right))
    )
    + _MIDLINE
)


def names() -> tuple[str, ...]:
    """Name of each reference point."""
    return tuple(name for structure in STRUCTURES for name in _part_names(structure))


def twins() -> list[tuple[int, int]]:
    """Left and right label of each paired structure."""
    return [(left, right) for _, left, right, _ in _PAIRED]


def mirrored_order() -> NDArray[np.intp]:
    """For each reference point the index of its twin in the other half of the head (itself on the midline)."""
    order = {name: index for index, name in enumerate(names())}
    swap = {"left": "right", "right": "left"}
    twins = [" ".join(swap.get(word, word) for word in name.split(" ")) for name in order]
    return np.array([order[twin] for twin in twins])


def reference_points(labels: Volume) -> NDArray[np.float64]:
    """RAS positions (mm), shape (K, 3), of the reference points of one label map (FreeSurfer numbers).

    Raises:
        InputError: if a structure is missing from the map.
    """
    clouds = {structure.label: _positions(labels, structure) for structure in STRUCTURES}
    centroids = np.array([clouds[label].mean(axis=0) for label in _UPRIGHT])
    to_upright = fit(TransformType.RIGID, centroids, np.array(list(_UPRIGHT.values()), dtype=float))[:3, :3]
    points = []
    for structure in STRUCTURES:
        cloud = clouds[structure.label]
        upright = cloud @ to_upright.T
        for column in _shares(np.arange(len(cloud)), upright[:, 1], structure.cuts[0]):
            points += [cloud[part].mean(axis=0) for part in _shares(column, upright[column, 2], structure.cuts[1])]
    return np.array(points)


def mean_shape(
    points: NDArray, mirrored_order: NDArray | None, rounds: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean shape of reference points ``(subjects, K, 3)`` and how far people differ from it.

    Returns:
        the template ``(K, 3)`` in mm, centred on zero and upright (generalised Procrustes with similarities; symmetric
        about the midline where ``mirrored_order`` tells each point's twin), and per point the root-mean-square distance
        ``(K,)`` in mm that remains between two people after the best affine alignment (the best similarity, where the
        points of somebody lie too flat to determine an affine).
    """
    shapes = points
    if mirrored_order is not None:
        shapes = np.concatenate([points, points[:, mirrored_order] * (-1, 1, 1)])
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    template = shapes.mean(axis=0)
    for _ in range(rounds):
        aligned = [_apply(fit(TransformType.SIMILARITY, shape, template), shape) for shape in shapes]
        template = np.mean(aligned, axis=0)
        template -= template.mean(axis=0)
    residuals = np.array([_aligned(shape, template) - template for shape in shapes])
    return template, np.sqrt(2 * (residuals**2).sum(axis=2).mean(axis=0))


def _aligned(shape: NDArray, template: NDArray) -> NDArray[np.float64]:
    try:
        matrix = fit(TransformType.AFFINE, shape, template)
    except DegenerateError:
        matrix = fit(TransformType.SIMILARITY, shape, template)
    return _apply(matrix, shape)


def _apply(matrix: NDArray, points: NDArray) -> NDArray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _positions(labels: Volume, structure: Structure) -> NDArray[np.float64]:
    kji = np.argwhere(labels.voxels == structure.label)
    if len(kji) < np.prod(structure.cuts):
        raise InputError(f"{labels.name} has no {structure.name} (label {structure.label}). Use whole-brain label maps.")
    return kji[:, ::-1] @ labels.ijk_to_ras[:3, :3].T + labels.ijk_to_ras[:3, 3]


def _shares(indices: NDArray, heights: NDArray, parts: int) -> list[NDArray]:
    """Indices cut into ``parts`` equal shares by their heights, lowest first."""
    return np.array_split(indices[np.argsort(heights, kind="stable")], parts)


def _part_names(structure: Structure) -> list[str]:
    front_back = {1: [""], 2: [", back", ", front"], 3: [", back", ", middle", ", front"]}[structure.cuts[0]]
    low_high = {1: [""], 2: [", low", ", high"], 3: [", low", ", mid-height", ", high"]}[structure.cuts[1]]
    return [structure.name + column + row for column in front_back for row in low_high]
