"""How far an alignment can be trusted, and why, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..geometry.transforms import TransformType, decompose
from .result import ErrorPrediction, SimilarityChange, Trust, TrustLevel

_FEW_PAIRS = 12
_TOO_FEW_PAIRS = 6
_FLAT = 0.15  # extent across the flattest direction relative to the longest
_LOW_SHARE = 0.5  # of the keypoints present in both scans that agree
_LOW_OVERLAP = 0.6  # of all keypoints, found in both scans
_LARGE_LEVERAGE = 0.5  # of one pair: half of where its surroundings go hangs on it alone
_GOOD_RATIO = 0.5  # residuals relative to what maps and differences between people explain: most good alignments stay below
_LARGE_RATIO = 1.5 * _GOOD_RATIO
_KEPT_SIMILARITY = 0.8  # of what the scans had in common: scans that were aligned already may lose a little
_SCALES, _IMPOSSIBLE_SCALES = (0.8, 1.25), (0.65, 1.54)
_SHEAR, _IMPOSSIBLE_SHEAR = 0.2, 0.35
_LARGE_ERROR = 8.0  # mm


def judge(
    *,
    pairs_used: int,
    pairs_present: int,
    pairs_left_out: int,
    pairs: int,
    positions: NDArray,
    residual_ratio: float,
    far_apart: Sequence[str],
    largest_leverage: float,
    matrix: NDArray,
    kind: TransformType,
    similarity: SimilarityChange,
    predicted: ErrorPrediction,
    contradicted: bool,
    unfamiliar: bool,
) -> Trust:
    """The verdict on one alignment.

    Args:
        pairs_used: keypoint pairs that carry the fit.
        pairs_present: keypoints found in both scans.
        pairs_left_out: those of them that a person has left out.
        pairs: all keypoints but those that were found not to be needed; they count nowhere here.
        positions: of the pairs used, in the fixed scan, (n, 3) mm.
        residual_ratio: root-mean-square of residual / expected noise over the pairs used.
        far_apart: names of pairs used although they are much further apart than expected, as only a person lets them be.
        largest_leverage: of one pair, 0 to 1 (``geometry.leverage``).
        matrix: 4×4 moving → fixed.
        kind: of the matrix.
        similarity: before and after.
        predicted: target registration error.
        contradicted: whether the intensities fit better far from where the keypoints put the scans.
        unfamiliar: whether the keypoints' maps are wider than those of scans the model knows.
    """
    grave, light = [], []
    if pairs_used < _TOO_FEW_PAIRS:
        grave.append(f"Only {pairs_used} keypoint pairs agree with the alignment.")
    elif pairs_used < _FEW_PAIRS:
        light.append(f"Few keypoint pairs ({pairs_used}) agree with the alignment.")
    asked = pairs_present - pairs_left_out
    if pairs_used < _LOW_SHARE * asked:
        grave.append(f"Only {pairs_used} of the {asked} keypoints found in both scans agree with the alignment.")
    if pairs_left_out > _LOW_SHARE * pairs_present:
        light.append(f"You left out {pairs_left_out} of the {pairs_present} keypoints found in both scans.")
    if pairs_used >= 3 and _flatness(positions) < _FLAT:
        light.append("The keypoints used lie almost in a plane, so the alignment across it is uncertain.")
    if pairs_present < _LOW_OVERLAP * pairs:
        light.append(f"Only {pairs_present} of {pairs} keypoints are in both scans: the scans overlap little.")
    if largest_leverage > _LARGE_LEVERAGE:
        light.append("The alignment hangs on a single keypoint in places, where no other one could contradict it.")
    if unfamiliar:
        light.append("The heatmaps are wider than usual: one of the scans may be of a kind that the model does not know.")
    if residual_ratio > _LARGE_RATIO:
        times = residual_ratio / _GOOD_RATIO
        light.append(f"The keypoints of the two scans are {times:.1f} times as far apart as in good alignments.")
    if far_apart:
        listed = "; ".join(far_apart[:3]) + (f" and {len(far_apart) - 3} more" if len(far_apart) > 3 else "")
        light.append(f"Used although far apart: {listed}. Look whether both points are on the same anatomy.")
    if kind is not TransformType.RIGID:
        (grave if _is_impossible(matrix) else light).extend(_unlikely_shape(matrix))
    if similarity.after - 1 < _KEPT_SIMILARITY * (similarity.before - 1):
        grave.append("The two scans look less alike after the alignment than before.")
    if similarity.after <= 1:
        light.append("How alike the scans look could not be measured: they have too little in common.")
    if contradicted:
        grave.append("The two scans look more alike far from where the keypoints put them: one of the two is wrong.")
    if predicted.median > _LARGE_ERROR:
        light.append(f"The predicted error is large ({predicted.median:.1f} mm in the middle of its range).")
    if grave:
        return Trust(TrustLevel.DO_NOT_TRUST, tuple(grave + light))
    return Trust(TrustLevel.CHECK if light else TrustLevel.GOOD, tuple(light))


def _flatness(positions: NDArray) -> float:
    extents = np.linalg.svd(positions - positions.mean(axis=0), compute_uv=False)
    return float(extents[-1] / max(extents[0], 1e-9))


def _is_impossible(matrix: NDArray) -> bool:
    """Whether no two adult heads differ by so much."""
    parts = decompose(matrix)
    smallest, largest = _IMPOSSIBLE_SCALES
    return bool(
        min(parts.scales) < smallest or max(parts.scales) > largest or np.abs(parts.shears).max() > _IMPOSSIBLE_SHEAR
    )


def _unlikely_shape(matrix: NDArray) -> list[str]:
    parts = decompose(matrix)
    reasons = []
    if min(parts.scales) < _SCALES[0] or max(parts.scales) > _SCALES[1]:
        scales = " / ".join(f"{scale:.2f}" for scale in parts.scales)
        reasons.append(f"The alignment changes the size by {scales}, unusual between two adult heads.")
    if np.abs(parts.shears).max() > _SHEAR:
        reasons.append(f"The alignment shears by {np.abs(parts.shears).max():.2f}, unusual between two heads.")
    return reasons
