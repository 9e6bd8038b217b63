"""Whether the error that a registration predicts is the error that it has, on real scans.

Between people the anatomy in question are the centroids of the larger label regions, in one person the corners of the
brain's box, whose true displacement is known.  The keypoint alignment is judged, since it is whose error is predicted; and
without any pose, because a scan's keypoints do not depend on how it lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import chi2

from ..geometry.accuracy import predicted_error
from ..geometry.transforms import TransformType, apply, invert
from ..geometry.volume import Volume
from ..registration.memory import KeypointMemory, RememberingDetector
from ..registration.options import RegistrationOptions
from ..registration.pipeline import register
from .metrics import box_corners, larger_regions
from .motion import across_contrasts
from .pairs import Pair, Scans
from .people import between_people

if TYPE_CHECKING:
    from ..detection.detector import Detector

#: Shares of Gaussian errors, and the radii that hold them, in root-mean-square lengths of an error in three dimensions.
SHARES = (0.5, 0.9, 0.95)
_RADII = np.sqrt(chi2.ppf(SHARES, 3) / 3)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Errors and what was predicted of them, in mm, at all points of some pairs.

    Attributes:
        name: of the pairs.
        pairs: how many.
        errors: lengths, shape (N,).
        predicted: root-mean-square lengths, shape (N,).
    """

    name: str
    pairs: int
    errors: NDArray[np.float64]
    predicted: NDArray[np.float64]

    def within(self) -> NDArray[np.float64]:
        """The share of the errors within the radius that should hold each of ``SHARES``."""
        return (self.errors[:, None] <= _RADII * self.predicted[:, None]).mean(axis=0)


def measure(data: Path, detector: Detector, limit: int | None = None) -> list[Calibration]:
    """Register real pairs without refinement, at most ``limit`` of each kind, and compare errors with predictions.

    Raises:
        InputError: if the scans are not in ``data``.
    """
    remembering = RememberingDetector(detector, KeypointMemory())
    people, contrasts = between_people(data)[:limit], across_contrasts(data)[:limit]
    kinds = (
        ("different people, affine", people, TransformType.AFFINE),
        ("different people, rigid", people, TransformType.RIGID),
        ("one person, rigid", contrasts, TransformType.RIGID),
        ("one person, affine", contrasts, TransformType.AFFINE),
    )
    return [_calibration(name, pairs, kind, remembering) for name, pairs, kind in kinds]


def calibration_table(found: Iterable[Calibration]) -> str:
    """One line per kind of pairs, in Markdown."""
    head = ["pairs", "points", "error: median / 95 % (mm)", "predicted: median / 95 % (mm)"]
    head += [f"within the {share:.0%} radius".replace("%", " %") for share in SHARES]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for calibration in found:
        usual = float(np.median(calibration.predicted))
        cells = [
            f"{calibration.name} ({calibration.pairs})",
            str(len(calibration.errors)),
            f"{np.median(calibration.errors):.1f} / {np.quantile(calibration.errors, 0.95):.1f}",
            f"{_RADII[0] * usual:.1f} / {_RADII[2] * usual:.1f}",
            *(f"{100 * share:.0f} %" for share in calibration.within()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _calibration(name: str, pairs: list[Pair], kind: TransformType, detector: RememberingDetector) -> Calibration:
    errors, predicted = [], []
    for pair in pairs:
        scans = pair.read(np.random.default_rng(pair.number))
        options = RegistrationOptions(transform_type=kind, refine=False)
        registration = register(scans.fixed, scans.moving, options, detector)
        fixed, moving = _same_anatomy(scans)
        errors.append(np.linalg.norm(apply(registration.moving_to_fixed, moving) - fixed, axis=1))
        predicted.append(predicted_error(registration.error_form, fixed))
    return Calibration(name, len(pairs), np.concatenate(errors), np.concatenate(predicted))


def _same_anatomy(scans: Scans) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions (n, 3), RAS mm, of the same anatomy in the fixed and in the moving scan."""
    if scans.fixed_labels is not None and scans.moving_labels is not None:
        regions = larger_regions(scans.fixed_labels, scans.moving_labels)
        return _centroids(scans.fixed_labels, regions), _centroids(scans.moving_labels, regions)
    corners = box_corners(scans.fixed if scans.brain is None else scans.brain)
    truth = np.eye(4) if scans.truth is None else scans.truth
    return corners, apply(invert(truth), corners)


def _centroids(labels: Volume, regions: list[int]) -> NDArray[np.float64]:
    indices = ndimage.center_of_mass(np.ones(labels.shape), labels.voxels.astype(np.int64), regions)
    return apply(labels.ijk_to_ras, np.array(indices)[:, ::-1])
