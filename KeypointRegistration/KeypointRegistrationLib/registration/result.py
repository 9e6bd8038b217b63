"""The one frozen result that the panel, the command line, the report and the tests all read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..detection.heatmaps import Heatmaps
from ..geometry.keypoints import Keypoints
from ..geometry.transforms import TransformType, describe


class KeypointStatus(Enum):
    """What became of a keypoint in the fit."""

    USED = "used"
    EXCLUDED = "excluded"  # present in both scans, but its pair disagrees with the others, or its map is unusable
    MISSING = "missing"  # its anatomy is not in one of the scans
    LEFT_OUT = "left out"  # a person does not want it in the fit
    NOT_NEEDED = "not needed"  # fewer keypoints were asked for, and the others determine the alignment well enough


class TrustLevel(Enum):
    """How far the alignment can be trusted."""

    GOOD = "good"
    CHECK = "check"
    DO_NOT_TRUST = "do not trust"


@dataclass(frozen=True)
class Trust:
    """A verdict and the sentences that explain it (none where all is well)."""

    level: TrustLevel
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class ErrorPrediction:
    """Predicted length of the target registration error (TRE) in mm.

    Attributes:
        centre: median at the middle of the keypoints.
        median, p95: over all keypoints' places: half, and 95 %, of the anatomy there is expected to be off by less.
    """

    centre: float
    median: float
    p95: float


@dataclass(frozen=True)
class SimilarityChange:
    """Normalised mutual information of the two scans where both show the head, at the given poses and after alignment.

    ``after`` is NaN where it has not been measured (yet).
    """

    before: float
    after: float


@dataclass(frozen=True)
class ModelIdentity:
    """Which weights were used."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, eq=False)
class Registration:
    """One alignment of a moving to a fixed scan.  All positions and matrices are RAS millimetres.

    Attributes:
        moving_to_fixed: 4×4, maps moving RAS to fixed RAS.
        transform_type: what the matrix is; differs from ``requested_type`` after a fall-back (said in ``warnings``).
        fixed_keypoints, moving_keypoints: each in its own scan's RAS; index k is the same anatomy in both.
        weights: of the keypoint pairs in the fit, shape (K,), summing to 1, 0 where not used.
        status: of every keypoint pair.
        exclusion_reasons: one sentence per keypoint, empty for those used.
        residuals: distance in mm between fixed keypoint and moved moving keypoint, shape (K,), NaN where missing.
        expected_distances: root-mean-square residual in mm that a correct pair has, shape (K,).
        error_floor: mm by which all keypoints of a scan may be off together, so that it does not average out.
        variation: mm by which two people's anatomy differs after the best affine alignment, root-mean-square.
        error_form: 4×4 Q with predicted RMS-TRE²(x) = x̃ᵀ Q x̃ (mm²) at a fixed-space point x̃ = (x, y, z, 1).
        fre: root-mean-square residual in mm of the pairs used (says nothing about accuracy elsewhere).
        contradicted: whether the intensities fit better far from where the keypoints put the scans.
        unfamiliar: whether the keypoints' maps are wider than those of scans the model knows.
        fit_notes: those of ``warnings`` that are about the fit of the keypoints.
        refined: whether the intensity refinement was accepted.
        seconds: per stage.
        fixed_heatmaps, moving_heatmaps: the probability maps, where they were asked for.
    """

    moving_to_fixed: NDArray[np.float64]
    transform_type: TransformType
    requested_type: TransformType
    fixed_keypoints: Keypoints
    moving_keypoints: Keypoints
    weights: NDArray[np.float64]
    status: tuple[KeypointStatus, ...]
    exclusion_reasons: tuple[str, ...]
    residuals: NDArray[np.float64]
    expected_distances: NDArray[np.float64]
    error_floor: float
    error_form: NDArray[np.float64]
    fre: float
    predicted_tre: ErrorPrediction
    similarity: SimilarityChange
    trust: Trust
    refined: bool
    device: str
    model: ModelIdentity
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    fit_notes: tuple[str, ...] = ()
    contradicted: bool = False
    unfamiliar: bool = False
    variation: float = 0.0
    fixed_heatmaps: Heatmaps | None = None
    moving_heatmaps: Heatmaps | None = None

    def absent(self, keypoints: Keypoints) -> NDArray[np.bool_]:
        """Which of one scan's ``keypoints`` are not in it, shape (K,).

        A missing pair is absent from the scan where it is unlikely.  If it is unlikely in neither, the result does not
        say which scan lacks it, and it is absent from both.
        """
        missing = np.array([status is KeypointStatus.MISSING for status in self.status])
        in_both = self.fixed_keypoints.present & self.moving_keypoints.present
        return missing & (~keypoints.present | in_both)

    @property
    def description(self) -> str:
        """What ``moving_to_fixed`` does, in one plain clause; shifts are those of the middle of the keypoints used."""
        points = self.moving_keypoints.positions[self.used if self.used.any() else slice(None)]
        return describe(self.moving_to_fixed, points.mean(axis=0))

    @property
    def by_intensities(self) -> bool:
        """Whether the scans' intensities alone have made the alignment, which no keypoint carries."""
        return self.refined and not self.used.any()

    @property
    def of_one_person(self) -> bool:
        """Whether the model is made for two scans of one person, so that their finest detail is the same."""
        return self.variation == 0

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which keypoint pairs carry the fit, shape (K,)."""
        return np.array([status is KeypointStatus.USED for status in self.status])
