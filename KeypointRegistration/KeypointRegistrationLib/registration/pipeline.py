"""Two scans in, one alignment out: the order of the stages and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..detection.bundle import Card
from ..detection.heatmaps import Detection, Heatmaps
from ..geometry.accuracy import error_form, predicted_error, transform_covariance
from ..geometry.alignment import DegenerateError
from ..geometry.errors import InputError
from ..geometry.keypoints import Keypoints
from ..geometry.robust import RobustFit, robust_fit
from ..geometry.sampling import Grid
from ..geometry.transforms import TransformType, apply, invert
from ..geometry.volume import Volume
from .options import Progress, RegistrationOptions
from .pairs import Pairing, pair_up
from .refinement import refine
from .result import ErrorPrediction, KeypointStatus, ModelIdentity, Registration, SimilarityChange, Trust, TrustLevel
from .similarity import normalised_mutual_information
from .trust import judge

_UNKNOWN_ERROR = 100.0  # mm: the error said to remain where nothing could be aligned


class KeypointSource(Protocol):
    """What the pipeline needs of a detector."""

    card: Card
    warnings: list[str]

    @property
    def device(self) -> str:
        """Where it runs."""

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        """Keypoints and probability maps of a scan."""


def register(
    fixed: Volume,
    moving: Volume,
    options: RegistrationOptions,
    detector: KeypointSource,
    *,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    progress: Progress | None = None,
) -> Registration:
    """Align ``moving`` to ``fixed``.

    Where no alignment can be found the two sets of keypoints are brought to one centre, and the result's trust says so:
    a result always comes back from usable input.

    Raises:
        InputError: if a scan or mask cannot be used, or both scans are the same.
    """
    tell = progress or _silently
    clock = _Clock()
    with clock("prepare"):
        _check(fixed, moving)
    placed = moving if options.initial is None else moving.moved(options.initial)
    with clock("detect"):
        tell(0.02, f"Finding keypoints in {fixed.name}")
        in_fixed = detector.detect(fixed, fixed_mask)
        tell(0.25, f"Finding keypoints in {moving.name}")
        in_moving = _detect_placed(detector, placed, moving_mask, options.initial)
    with clock("align"):
        tell(0.48, "Aligning the keypoints")
        aligned = _align(in_fixed.keypoints, in_moving.keypoints, options.transform_type, detector.card)
    matrix, refined, contradicted, warnings = aligned.fit.matrix, False, False, list(aligned.fit.notes)
    with clock("refine"):
        if options.refine and not aligned.failed:
            tell(0.52, "Refining by intensities")
            refinement = refine(
                fixed, moving, matrix, aligned.fit.transform_type, aligned.form, fixed_mask, moving_mask,
                lambda fraction, stage: tell(0.52 + 0.38 * fraction, stage),
                focus=in_fixed.keypoints.positions[aligned.pairing.usable],
            )  # fmt: skip
            matrix, refined, contradicted = refinement.matrix, refinement.accepted, refinement.contradicted
            if not refined:
                warnings.append(refinement.reason)
    with clock("assess"):
        tell(0.92, "Assessing the result")
        result = _assess(fixed, moving, in_fixed, in_moving, aligned, matrix, contradicted, options)
    tell(1.0, "Done")
    card = detector.card
    return replace(
        result,
        refined=refined,
        device=detector.device,
        model=ModelIdentity(card.name, card.version, card.sha256),
        seconds=clock.seconds,
        warnings=tuple(detector.warnings + warnings),
    )


def _silently(_fraction: float, _stage: str) -> None:
    """Progress that nobody follows."""


@dataclass(frozen=True, eq=False)
class _Alignment:
    """The keypoint alignment: fit, pairs after it, expected noise (K,) in mm, error form, and whether there was none."""

    fit: RobustFit
    pairing: Pairing
    noise: NDArray[np.float64]
    form: NDArray[np.float64]
    failed: bool = False


class _Clock:
    """Seconds spent per named stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.seconds[stage] = perf_counter() - start


def _check(fixed: Volume, moving: Volume) -> None:
    """Refuse what cannot be registered before any time is spent on the other scan."""
    for volume in (fixed, moving):
        volume.value_range()
    same_place = np.allclose(fixed.ijk_to_ras, moving.ijk_to_ras)
    if fixed.shape == moving.shape and same_place and np.array_equal(fixed.voxels, moving.voxels):
        raise InputError(f"{fixed.name} and {moving.name} are the same scan. Choose two different scans.")


def _detect_placed(detector: KeypointSource, placed: Volume, mask: Volume | None, initial: NDArray | None) -> Detection:
    """Keypoints of the moving scan in its own RAS, though it was looked at in its initial pose."""
    if initial is None:
        return detector.detect(placed, mask)
    found = detector.detect(placed, None if mask is None else mask.moved(initial))
    back = invert(initial)
    grid = found.heatmaps.grid
    heatmaps = Heatmaps(found.heatmaps.values, Grid(grid.shape, back @ grid.ijk_to_ras))
    return Detection(found.keypoints.moved(back), heatmaps)


def _align(fixed: Keypoints, moving: Keypoints, kind: TransformType, card: Card) -> _Alignment:
    pairing = pair_up(fixed, moving)
    errors = card.localisation_error(fixed.spread) ** 2 + card.localisation_error(moving.spread) ** 2
    noise = np.sqrt(errors + card.variation**2)
    try:
        fit = robust_fit(kind, moving, fixed, pairing.usable, noise)
        pairing = pairing.after_fit(fit.inliers, fit.residuals, noise)
        form = _error_form(fit, moving, noise, card.error_floor)
    except DegenerateError as error:
        return _centred(fixed, moving, pairing, noise, str(error))
    return _Alignment(fit, pairing, noise, form)


def _error_form(fit: RobustFit, moving: Keypoints, noise: NDArray, shared: float) -> NDArray[np.float64]:
    """Predicted squared error: the expected noise, scaled to the residuals seen (never below half of it), propagated.

    Errors that neighbouring keypoints share do not average out over many of them: ``shared`` (mm) is added everywhere.
    """
    used = fit.inliers
    ratio = max(0.5, _residual_ratio(fit.residuals, noise, used))
    covariances = (ratio * noise[used, None, None]) ** 2 / 3 * np.eye(3)
    points, weights = moving.positions[used], fit.weights[used]
    covariance = transform_covariance(fit.transform_type, fit.matrix, points, covariances, weights)
    form = error_form(fit.transform_type, fit.matrix, covariance)
    form[3, 3] += shared**2
    return form


def _residual_ratio(residuals: NDArray, noise: NDArray, used: NDArray) -> float:
    return float(np.sqrt(np.mean((residuals[used] / noise[used]) ** 2))) if used.any() else np.inf


def _centred(fixed: Keypoints, moving: Keypoints, pairing: Pairing, noise: NDArray, reason: str) -> _Alignment:
    """What is left where nothing can be fitted: the two clouds brought to one centre."""
    matrix = np.eye(4)
    matrix[:3, 3] = np.median(fixed.positions, axis=0) - np.median(moving.positions, axis=0)
    nothing = np.zeros(len(fixed))
    residuals = np.where(pairing.usable, np.linalg.norm(apply(matrix, moving.positions) - fixed.positions, axis=1), np.nan)
    fit = RobustFit(matrix, TransformType.RIGID, nothing, nothing > 0, residuals, (reason,))
    form = np.diag([0.0, 0.0, 0.0, _UNKNOWN_ERROR**2])
    return _Alignment(fit, pairing.after_fit(fit.inliers, residuals, noise), noise, form, failed=True)


def _assess(
    fixed: Volume,
    moving: Volume,
    in_fixed: Detection,
    in_moving: Detection,
    aligned: _Alignment,
    matrix: NDArray,
    contradicted: bool,
    options: RegistrationOptions,
) -> Registration:
    """The result as far as the two scans and their alignment determine it."""
    fit, pairing, used = aligned.fit, aligned.pairing, aligned.fit.inliers
    points = in_fixed.keypoints.positions
    found = np.array([not np.isnan(residual) for residual in fit.residuals])
    residuals = np.where(found, np.linalg.norm(apply(matrix, in_moving.keypoints.positions) - points, axis=1), np.nan)
    errors = predicted_error(aligned.form, points)
    centre = predicted_error(aligned.form, points.mean(axis=0, keepdims=True))[0]
    predicted = ErrorPrediction(float(centre), float(np.median(errors)), float(np.quantile(errors, 0.95)))
    start = np.eye(4) if options.initial is None else options.initial
    similarity = SimilarityChange(
        before=normalised_mutual_information(fixed, moving, start),
        after=normalised_mutual_information(fixed, moving, matrix),
    )
    if aligned.failed:
        trust = Trust(TrustLevel.DO_NOT_TRUST, (*fit.notes, "The scans were only brought to one centre."))
    else:
        trust = judge(
            pairs_used=int(used.sum()),
            pairs_present=sum(status is not KeypointStatus.MISSING for status in pairing.status),
            positions=points[used],
            residual_ratio=_residual_ratio(residuals, aligned.noise, used),
            matrix=matrix,
            kind=fit.transform_type,
            similarity=similarity,
            predicted=predicted,
            contradicted=contradicted,
        )
    return Registration(
        moving_to_fixed=matrix,
        transform_type=fit.transform_type,
        requested_type=options.transform_type,
        fixed_keypoints=in_fixed.keypoints,
        moving_keypoints=in_moving.keypoints,
        weights=fit.weights,
        status=pairing.status,
        exclusion_reasons=pairing.reasons,
        residuals=residuals,
        error_form=aligned.form,
        fre=float(np.sqrt(np.mean(residuals[used] ** 2))) if used.any() else float("nan"),
        predicted_tre=predicted,
        similarity=similarity,
        trust=trust,
        refined=False,
        device="",
        model=ModelIdentity("", "", ""),
        fixed_heatmaps=in_fixed.heatmaps if options.heatmaps else None,
        moving_heatmaps=in_moving.heatmaps if options.heatmaps else None,
    )
