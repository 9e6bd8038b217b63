"""What an alignment is worth: residuals, predicted error and verdict, in the one frozen result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.alignment import DegenerateError
from ..geometry.keypoints import Keypoints
from ..geometry.leverage import leverage
from ..geometry.transforms import TransformType, apply
from .keypoint_fit import KeypointFit, residual_ratio
from .prediction import error_prediction
from .result import KeypointStatus, ModelIdentity, Registration, SimilarityChange, Trust, TrustLevel
from .trust import judge

_FAR_APART = 2.5  # times the expected distance: more than the fit itself allows, unless most pairs disagree


@dataclass(frozen=True)
class Circumstances:
    """What the verdict takes into account beside the keypoints.

    Attributes:
        similarity: of the scans before and after; the latter NaN where it has not been measured yet.
        judged: the similarity that the verdict goes by meanwhile.
        contradicted: whether the intensities fit better far from where the keypoints put the scans.
        unfamiliar: whether the keypoints' maps are wider than those of scans the model knows.
        instead: what was done where nothing could be fitted, as a sentence.
    """

    similarity: SimilarityChange
    judged: SimilarityChange
    contradicted: bool = False
    unfamiliar: bool = False
    instead: str = ""


def assess(
    fixed: Keypoints,
    moving: Keypoints,
    aligned: KeypointFit,
    matrix: NDArray[np.float64],
    requested_type: TransformType,
    circumstances: Circumstances,
) -> Registration:
    """The result as far as keypoints and alignment determine it: no device, model or times yet, and not refined.

    ``matrix`` is the final 4×4 moving → fixed RAS, which refinement may have taken away from ``aligned.fit.matrix``.
    """
    fit, pairing, used = aligned.fit, aligned.pairing, aligned.fit.inliers
    distances = np.linalg.norm(apply(matrix, moving.positions) - fixed.positions, axis=1)
    residuals = np.where(np.isfinite(fit.residuals), distances, np.nan)
    predicted = error_prediction(aligned.form, fixed.positions)
    asked = [status for status in pairing.status if status is not KeypointStatus.NOT_NEEDED]
    far_apart = aligned.trusted & used & (residuals > _FAR_APART * aligned.expected.distances)
    if aligned.failed:
        trust = Trust(TrustLevel.DO_NOT_TRUST, (*fit.notes, circumstances.instead))
    else:
        trust = judge(
            pairs_used=int(used.sum()),
            pairs_present=len(asked) - asked.count(KeypointStatus.MISSING),
            pairs_left_out=asked.count(KeypointStatus.LEFT_OUT),
            pairs=len(asked),
            positions=fixed.positions[used],
            residual_ratio=residual_ratio(residuals, aligned.expected.distances, used),
            far_apart=[fixed.labels[k] for k in np.flatnonzero(far_apart)],
            largest_leverage=_largest_leverage(aligned, moving),
            matrix=matrix,
            kind=fit.transform_type,
            similarity=circumstances.judged,
            predicted=predicted,
            contradicted=circumstances.contradicted,
            unfamiliar=circumstances.unfamiliar,
        )
    return Registration(
        moving_to_fixed=matrix,
        transform_type=fit.transform_type,
        requested_type=requested_type,
        fixed_keypoints=fixed,
        moving_keypoints=moving,
        weights=fit.weights,
        status=pairing.status,
        exclusion_reasons=pairing.reasons,
        residuals=residuals,
        expected_distances=aligned.expected.distances,
        error_floor=aligned.expected.floor,
        variation=aligned.expected.variation,
        error_form=aligned.form,
        fre=float(np.sqrt(np.mean(residuals[used] ** 2))) if used.any() else float("nan"),
        predicted_tre=predicted,
        similarity=circumstances.similarity,
        trust=trust,
        contradicted=circumstances.contradicted,
        unfamiliar=circumstances.unfamiliar,
        fit_notes=() if aligned.failed else fit.notes,
        refined=False,
        device="",
        model=ModelIdentity("", "", ""),
    )


def _largest_leverage(aligned: KeypointFit, moving: Keypoints) -> float:
    used = aligned.fit.inliers
    try:
        shares = leverage(aligned.fit.transform_type, aligned.fit.matrix, moving.positions[used], aligned.fit.weights[used])
    except DegenerateError:
        return 1.0
    return float(shares.max(initial=0.0))
