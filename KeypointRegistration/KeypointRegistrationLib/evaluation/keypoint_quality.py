"""What the keypoints of one scan are worth: how sharp, how far apart, how repeatable, and where in the anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ..detection.detector import Detector
from ..geometry.keypoints import Keypoints
from ..geometry.sampling import Grid, sample
from ..geometry.transforms import apply
from ..geometry.volume import Volume
from ..training.anatomy import names, reference_points
from .keypoint_scans import LabelledScan
from .poses import random_pose

#: The known motion: degrees about a random axis (``pairs.random_pose`` adds a shift).
MOTION = (10.0, 45.0)


@dataclass(frozen=True)
class Finding:
    """One scan.  Lengths in mm; lists have one entry per keypoint.

    Attributes:
        scan, person: names.
        positions: RAS.
        present: whether the model says that the anatomy is in the scan.
        spreads: √tr Σ.
        divergences: L_KL in nats, from the Gaussian of the map's own moments.
        repeatability: distance from the same keypoint in the moved and resampled scan, under the known motion.
        structures: label under the keypoint, 0 outside.
        named: whether labels tell structures apart.
        errors: distance from the anatomical point that the keypoint is named after; none where that is not known.
        own: whether no other named point is nearer.
    """

    scan: str
    person: str
    positions: list[list[float]]
    present: list[bool]
    spreads: list[float]
    divergences: list[float]
    repeatability: list[float]
    structures: list[int]
    named: bool = True
    errors: list[float] | None = None
    own: list[bool] | None = None

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Distance of each present keypoint from the nearest other one."""
        return nearest_distances(np.array(self.positions)[self.present])

    @property
    def inside(self) -> float:
        """Share of the present keypoints that lie in labelled anatomy."""
        return float(np.mean(np.array(self.structures)[self.present] > 0))


def judge(detector: Detector, item: LabelledScan, rng: np.random.Generator) -> Finding:
    """Detect in the scan and in a moved and resampled copy of it.

    Raises:
        InputError: if the scan or its label map cannot be used.
    """
    volume = item.scan()
    found = detector.detect(volume).keypoints
    pose, _ = random_pose(rng, MOTION, volume.centre)
    again = detector.detect(resampled(volume, pose)).keypoints
    labels = item.labels()
    distances = _from_named_points(found, labels) if item.freesurfer and set(found.labels) <= set(names()) else None
    return Finding(
        scan=item.name,
        person=item.person,
        positions=found.positions.round(3).tolist(),
        present=(found.present & again.present).tolist(),
        spreads=found.spread.round(3).tolist(),
        divergences=found.divergences.round(4).tolist(),
        repeatability=_distances(found, again, pose).round(3).tolist(),
        structures=structures_at(labels, found.positions).tolist(),
        named=item.named,
        errors=None if distances is None else distances[0].round(3).tolist(),
        own=None if distances is None else distances[1].tolist(),
    )


def resampled(volume: Volume, pose: ArrayLike) -> Volume:
    """The scan moved by ``pose`` (4×4, RAS→RAS) and interpolated on its own grid again, as if scanned in another pose."""
    return Volume(sample(volume, Grid.of(volume), pose), volume.ijk_to_ras, f"{volume.name}, moved")


def structures_at(labels: Volume, positions: ArrayLike) -> NDArray[np.int64]:
    """The label of the voxel under each RAS position (K, 3), 0 outside the map."""
    ijk = np.round(apply(labels.ras_to_ijk, positions)).astype(int)
    inside: NDArray[np.bool_] = np.all((ijk >= 0) & (ijk < labels.shape[::-1]), axis=1)
    i, j, k = np.where(inside[:, None], ijk, 0).T
    return np.where(inside, labels.voxels[k, j, i], 0).astype(np.int64)


def nearest_distances(positions: NDArray) -> NDArray[np.float64]:
    """Distance of each of the points (K, 3) from the nearest other one; infinite if there is none."""
    return cKDTree(positions).query(positions, k=2)[0][:, 1] if len(positions) else np.empty(0)


def _from_named_points(found: Keypoints, labels: Volume) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Distance of each keypoint from the point it is named after, and whether that is the nearest of all."""
    points = reference_points(labels)
    own = [names().index(label) for label in found.labels]
    distances = np.linalg.norm(found.positions[:, None] - points[own], axis=2)
    return np.diagonal(distances).copy(), distances.argmin(axis=1) == np.arange(len(own))


def _distances(found: Keypoints, again: Keypoints, pose: NDArray) -> NDArray[np.float64]:
    return np.linalg.norm(again.positions - apply(pose, found.positions), axis=1)
