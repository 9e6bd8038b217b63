"""Two scans in, one alignment out: the order of the stages and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..detection.bundle import Card
from ..detection.heatmaps import Detection, Heatmaps
from ..geometry.alignment import DegenerateError
from ..geometry.errors import InputError
from ..geometry.keypoints import Keypoints
from ..geometry.sampling import Grid
from ..geometry.transforms import TransformType, affine, invert
from ..geometry.volume import Volume
from .assessment import Circumstances, assess
from .by_intensities import aligned_by_intensities
from .economy import economised
from .keypoint_fit import KeypointFit, expectation, fit_keypoints, without_fit
from .options import KeypointChoice, Progress, RegistrationOptions
from .pairs import pair_up
from .refinement import FOCUS_MARGIN, refine
from .region import SURFACE
from .result import ModelIdentity, Registration, SimilarityChange
from .rivals import agree, rival_pose
from .similarity import likeness

_STARTED_AGAIN = (
    "The keypoints were first found turned the wrong way; the scans were registered again from where they look alike."
)

_UNFAMILIAR = 1.3  # times the median spread that 95 % of the scans like those of the training stay below


class KeypointSource(Protocol):
    """What the pipeline needs of a detector."""

    @property
    def card(self) -> Card:
        """Of its model."""

    @property
    def warnings(self) -> list[str]:
        """What was different from what was asked for, in sentences."""

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
    a result always comes back from usable input.  Scans of one person that look more alike turned quite another way than
    their keypoints say are registered once more, started from there; should the keypoints not follow, by intensities alone.

    Raises:
        InputError: if a scan or mask cannot be used, both scans are the same, or the model is not made for that alignment.
    """
    tell = progress or _silently
    _check_kind(options.transform_type, detector.card)
    first = _attempt(fixed, moving, options, detector, fixed_mask, moving_mask, tell)
    if not (options.refine and detector.card.one_person):
        return first
    tell(0.95, "Looking at the scans turned another way")
    anatomy = first.fixed_keypoints.positions
    rival = rival_pose(fixed, moving, first.moving_to_fixed, anatomy, fixed_mask, moving_mask)
    if rival is None:
        return first
    again = replace(options, initial=rival.moving_to_fixed)
    second = _attempt(fixed, moving, again, detector, fixed_mask, moving_mask, tell)
    if agree(second.moving_to_fixed, rival.moving_to_fixed) and second.similarity.after > first.similarity.after:
        seconds = {stage: first.seconds[stage] + took for stage, took in second.seconds.items()}
        return replace(second, warnings=(*second.warnings, _STARTED_AGAIN), seconds=seconds)
    return aligned_by_intensities(first, rival, fixed, moving, detector.card)


def register_detected(
    fixed: Volume,
    moving: Volume,
    in_fixed: Detection,
    in_moving: Detection,
    options: RegistrationOptions,
    detector: KeypointSource,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    progress: Progress | None = None,
    starts: Sequence[NDArray[np.float64]] = (),
) -> Registration:
    """Align scans whose keypoints are known, refine, judge: ``register`` without looking for keypoints or rivals.

    The options' initial pose is where the scans' similarity is measured from; it moves nothing.  ``starts``: see ``refine``.
    """
    tell, clock, card = progress or _silently, _Clock(), detector.card
    with clock("align"):
        tell(0.48, "Aligning the keypoints")
        aligned = _align(in_fixed.keypoints, in_moving.keypoints, options, card)
    matrix, refined, contradicted, warnings = aligned.fit.matrix, False, False, list(aligned.fit.notes)
    with clock("refine"):
        if options.refine and not aligned.failed:
            tell(0.52, "Refining by intensities")
            refinement = refine(
                fixed, moving, matrix, aligned.fit.transform_type, aligned.form, fixed_mask, moving_mask,
                lambda fraction, stage: tell(0.52 + 0.38 * fraction, stage),
                focus=in_fixed.keypoints.positions[aligned.pairing.usable],
                margin=SURFACE if card.finder else FOCUS_MARGIN,  # what is around a head in the womb does not move along
                locally=card.one_person,
                starts=starts,
            )  # fmt: skip
            matrix, refined, contradicted = refinement.matrix, refinement.accepted, refinement.contradicted
            if not refined:
                warnings.append(refinement.reason)
    with clock("assess"):
        tell(0.92, "Assessing the result")
        doubt = max(in_fixed.doubt, in_moving.doubt)
        anatomy = in_fixed.keypoints.positions
        circumstances = _circumstances(fixed, moving, anatomy, doubt, card, options.initial, matrix, contradicted)
        result = assess(in_fixed.keypoints, in_moving.keypoints, aligned, matrix, options.transform_type, circumstances)
    tell(1.0, "Done")
    return replace(
        result,
        refined=refined,
        device=detector.device,
        model=ModelIdentity(card.name, card.version, card.sha256),
        seconds=clock.seconds,
        warnings=tuple(detector.warnings + warnings),
        fixed_heatmaps=in_fixed.heatmaps if options.heatmaps else None,
        moving_heatmaps=in_moving.heatmaps if options.heatmaps else None,
    )


def _attempt(
    fixed: Volume,
    moving: Volume,
    options: RegistrationOptions,
    detector: KeypointSource,
    fixed_mask: Volume | None,
    moving_mask: Volume | None,
    tell: Progress,
) -> Registration:
    """Detect, align, refine, judge."""
    clock = _Clock()
    with clock("prepare"):
        _check(fixed, moving)
    placed = moving if options.initial is None else moving.moved(options.initial)
    with clock("detect"):
        tell(0.02, f"Finding keypoints in {fixed.name}")
        in_fixed = detector.detect(fixed, fixed_mask)
        known = f" ({fixed.name}: known from before)" if in_fixed.remembered else ""
        tell(0.25, f"Finding keypoints in {moving.name}{known}")
        in_moving = _detect_placed(detector, placed, moving_mask, options.initial)
    result = register_detected(fixed, moving, in_fixed, in_moving, options, detector, fixed_mask, moving_mask, tell)
    return replace(result, seconds=clock.seconds | result.seconds)


def _silently(_fraction: float, _stage: str) -> None:
    """Progress that nobody follows."""


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


def _check_kind(kind: TransformType, card: Card) -> None:
    if not card.transform_types:
        raise InputError(f"The model {card.name} finds heads and aligns nothing. Choose another model.")
    if kind not in card.transform_types:
        known = " or ".join(known.value for known in card.transform_types)
        raise InputError(
            f"The model {card.name} is made for {known} alignment, not for {kind.value}. Choose {known}, or another model."
        )


def _detect_placed(detector: KeypointSource, placed: Volume, mask: Volume | None, initial: NDArray | None) -> Detection:
    """Keypoints of the moving scan in its own RAS, though it was looked at in its initial pose."""
    if initial is None:
        return detector.detect(placed, mask)
    found = detector.detect(placed, None if mask is None else mask.moved(initial))
    back = invert(initial)
    grid = found.heatmaps.grid
    heatmaps = Heatmaps(found.heatmaps.values, Grid(grid.shape, back @ grid.ijk_to_ras))
    pose = None if found.pose is None else back @ found.pose
    return replace(found, keypoints=found.keypoints.moved(back), heatmaps=heatmaps, pose=pose)


def _align(fixed: Keypoints, moving: Keypoints, options: RegistrationOptions, card: Card) -> KeypointFit:
    """The robust alignment of the keypoints; where there is none, the two clouds brought to one centre."""
    pairing = pair_up(fixed, moving)
    if isinstance(options.keypoints, int):
        pairing = pairing.limited(options.keypoints)
    expected = expectation(card, fixed, moving)
    try:
        aligned = fit_keypoints(options.transform_type, fixed, moving, pairing, expected)
        return economised(aligned, fixed, moving) if options.keypoints is KeypointChoice.AUTO else aligned
    except DegenerateError as error:
        shift = np.median(fixed.positions, axis=0) - np.median(moving.positions, axis=0)
        centred = affine(np.eye(3), shift)
        return without_fit(centred, TransformType.RIGID, fixed, moving, pairing, expected, error)


def _circumstances(
    fixed: Volume,
    moving: Volume,
    anatomy: NDArray[np.float64],
    doubt: float,
    card: Card,
    start: NDArray[np.float64] | None,
    matrix: NDArray[np.float64],
    contradicted: bool,
) -> Circumstances:
    """``anatomy`` (N, 3), fixed RAS mm: scans of one person are compared around these points."""
    around = anatomy if card.one_person else None
    before = likeness(fixed, moving, np.eye(4) if start is None else start, around)
    similarity = SimilarityChange(before, likeness(fixed, moving, matrix, around))
    unfamiliar = doubt > _UNFAMILIAR * card.familiar_spread
    return Circumstances(similarity, similarity, contradicted, unfamiliar, "The scans were only brought to one centre.")
