"""What a person changes of the network's answer, and the alignment that follows: closed form only, no network.

Our own definitions:

* A keypoint that a person has moved or added, or wants used, is trusted: the robust fit never leaves it out.
* A pair that a person has placed is expected to be no further apart than the median pair of the network's own answer.  In
  the scan where it was placed its distribution is a ball of 2 mm.
* Refinement by intensities is kept as a step: with M₀ the keypoint alignment of the network's answer, R₀ what refinement
  made of it and M the corrected keypoint alignment, the result is R₀ M₀⁻¹ M.  It begins at R₀ and changes as the keypoints
  say.  An alignment of another kind than R₀ cannot keep the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..geometry.alignment import DegenerateError, fit
from ..geometry.keypoints import Keypoints
from ..geometry.transforms import TransformType, invert
from .assessment import Circumstances, assess
from .keypoint_fit import Expectation, KeypointFit, fit_keypoints, without_fit
from .pairs import Pairing, pair_up
from .result import KeypointStatus, Registration, SimilarityChange

#: Root-mean-square distance in mm of a point placed by a person from where it belongs.
PERSON_ERROR = 2.0

Point = tuple[float, float, float]


class PairChoice(Enum):
    """What a person wants of a keypoint pair."""

    AUTOMATIC = "automatic"  # the fit decides
    USE = "use"
    LEAVE_OUT = "leave out"


@dataclass(frozen=True)
class AddedPair:
    """A keypoint pair that a person has placed: name, and position in either scan's RAS mm, as it was registered."""

    label: str
    fixed: Point
    moving: Point


@dataclass(frozen=True)
class Correction:
    """Everything a person has changed of one registration.  The default changes nothing but the robust fit's settings.

    Keypoints are numbered as in the registration; those added come after the network's.

    Attributes:
        transform_type: what the alignment may change.
        robust: whether pairs that disagree with the others are left out.
        keep_refinement: whether the step of the refinement by intensities is kept.
        choices: of single pairs; the others are automatic.
        factors: positive, of single pairs' weights.
        fixed_positions, moving_positions: where keypoints of the network were moved to, in either scan's RAS mm.
        added: pairs placed by the person.
    """

    transform_type: TransformType
    robust: bool = True
    keep_refinement: bool = True
    choices: Mapping[int, PairChoice] = field(default_factory=dict)
    factors: Mapping[int, float] = field(default_factory=dict)
    fixed_positions: Mapping[int, Point] = field(default_factory=dict)
    moving_positions: Mapping[int, Point] = field(default_factory=dict)
    added: tuple[AddedPair, ...] = ()

    @classmethod
    def none(cls, registration: Registration) -> Correction:
        """What leaves ``registration`` as the network answered."""
        return cls(registration.transform_type)

    def choice(self, keypoint: int) -> PairChoice:
        """What the person wants of a pair."""
        return self.choices.get(keypoint, PairChoice.AUTOMATIC)

    def factor(self, keypoint: int) -> float:
        """What the weight of a pair is multiplied by."""
        return self.factors.get(keypoint, 1.0)

    def moved_by_person(self, keypoint: int) -> bool:
        """Whether a keypoint of the network was moved, in either scan."""
        return keypoint in self.fixed_positions or keypoint in self.moving_positions

    def without_added(self, position: int, keypoint: int) -> Correction:
        """The correction without the added pair at ``position`` of ``added``, which is number ``keypoint``."""

        def shifted(values: Mapping[int, object]) -> dict:
            return {k - (k > keypoint): value for k, value in values.items() if k != keypoint}

        added = self.added[:position] + self.added[position + 1 :]
        return replace(self, added=added, choices=shifted(self.choices), factors=shifted(self.factors))


def corrected(
    original: Registration,
    correction: Correction,
    similarity: SimilarityChange | None = None,
    previous: Registration | None = None,
) -> Registration:
    """The registration after ``correction`` of the network's ``original`` answer.

    Args:
        similarity: of the scans before and after the *corrected* alignment, where it has been measured.  Until then the
            verdict goes by that of the original answer.
        previous: whose alignment stays where the corrected pairs determine none (default: the original one).  The
            result's trust then says why.
    """
    if correction == Correction.none(original):
        return original
    previous = previous or original
    fixed = _placed(original.fixed_keypoints, correction.fixed_positions, [(p.label, p.fixed) for p in correction.added])
    moving = _placed(original.moving_keypoints, correction.moving_positions, [(p.label, p.moving) for p in correction.added])
    aligned = _aligned(original, correction, fixed, moving, previous)
    same_kind = aligned.fit.transform_type is original.transform_type
    refined = previous.refined if aligned.failed else _keeps_refinement(original, correction) and same_kind
    step = refinement_step(original) if refined and not aligned.failed else np.eye(4)
    result = assess(
        fixed,
        moving,
        aligned,
        step @ aligned.fit.matrix,
        correction.transform_type,
        _circumstances(original, similarity),
    )
    notes = tuple(warning for warning in original.warnings if warning not in original.fit_notes) + result.fit_notes
    if original.refined and not refined:
        notes += ("The refinement by intensities is not part of this alignment any more.",)
    return replace(
        result, refined=refined, device=original.device, model=original.model, seconds=original.seconds, warnings=notes
    )


def _keeps_refinement(original: Registration, correction: Correction) -> bool:
    """Whether the refinement goes on top of the corrected keypoints; one that no keypoint carries cannot."""
    return correction.keep_refinement and original.refined and not original.by_intensities


def _circumstances(original: Registration, similarity: SimilarityChange | None) -> Circumstances:
    """What was found of the scans stays true of a corrected alignment, but a contradiction that it has settled."""
    judged = similarity or original.similarity
    settled = judged.after > original.similarity.after
    return Circumstances(
        similarity or SimilarityChange(original.similarity.before, float("nan")),
        judged,
        contradicted=original.contradicted and not settled,
        unfamiliar=original.unfamiliar,
        instead="The alignment was left as it was.",
    )


def refinement_step(original: Registration) -> NDArray[np.float64]:
    """4×4 in fixed RAS: what the refinement did after the keypoint alignment of the network's answer."""
    used = original.used
    fixed, moving = original.fixed_keypoints.positions[used], original.moving_keypoints.positions[used]
    return original.moving_to_fixed @ invert(fit(original.transform_type, moving, fixed, original.weights[used]))


def _placed(network: Keypoints, positions: Mapping[int, Point], added: list[tuple[str, Point]]) -> Keypoints:
    """The network's keypoints with what a person has moved and added."""
    count, placed = len(network), {**positions, **{len(network) + n: point for n, (_, point) in enumerate(added)}}
    total = count + len(added)

    def extended(values: NDArray, extra: NDArray) -> NDArray:
        whole = np.concatenate([values, np.broadcast_to(extra, (total - count, *values.shape[1:]))])
        for k in placed:
            whole[k] = extra
        return whole

    result = Keypoints(
        labels=(*network.labels, *(label for label, _ in added)),
        positions=extended(network.positions, np.zeros(3)),
        covariances=extended(network.covariances, PERSON_ERROR**2 / 3 * np.eye(3)),
        presence=extended(network.presence, np.ones(())),
        divergences=extended(network.divergences, np.zeros(())),
    )
    where = result.positions.copy()
    for k, point in placed.items():
        where[k] = point
    return replace(result, positions=where)


def _aligned(
    original: Registration,
    correction: Correction,
    fixed: Keypoints,
    moving: Keypoints,
    previous: Registration,
) -> KeypointFit:
    count, network = len(fixed), len(original.status)
    placed = np.array([k >= network or correction.moved_by_person(k) for k in range(count)])
    pairing = _chosen(original, pair_up(fixed, moving), correction, placed)
    wanted = np.array([correction.choice(k) is PairChoice.USE for k in range(count)])
    trusted = placed | wanted if correction.robust else np.ones(count, dtype=bool)
    factors = np.array([correction.factor(k) for k in range(count)])
    expected = Expectation(_expected_distances(original, placed), original.error_floor, original.variation)
    try:
        return fit_keypoints(correction.transform_type, fixed, moving, pairing, expected, trusted=trusted, factors=factors)
    except DegenerateError as error:
        kept, kind = previous.moving_to_fixed, previous.transform_type
        return without_fit(kept, kind, fixed, moving, pairing, expected, error)


def _chosen(original: Registration, pairing: Pairing, correction: Correction, placed: NDArray[np.bool_]) -> Pairing:
    """The pairing after the person's word on single pairs.  Pairs that are missing in a scan, or not needed, stay so."""
    status, reasons = list(pairing.status), list(pairing.reasons)
    for k, known in enumerate(original.status):
        if known in (KeypointStatus.MISSING, KeypointStatus.NOT_NEEDED) and not placed[k]:
            status[k], reasons[k] = known, original.exclusion_reasons[k]
    for k, choice in correction.choices.items():
        if choice is PairChoice.LEAVE_OUT:
            status[k], reasons[k] = KeypointStatus.LEFT_OUT, "Left out by you."
        elif choice is PairChoice.USE and status[k] in (KeypointStatus.EXCLUDED, KeypointStatus.NOT_NEEDED):
            status[k], reasons[k] = KeypointStatus.USED, ""
    return Pairing(tuple(status), tuple(reasons))


def _expected_distances(original: Registration, placed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of every pair, added ones included, shape (K,) in mm."""
    own = original.expected_distances
    usual = float(np.median(own[original.used])) if original.used.any() else float(np.median(own))
    distances = np.concatenate([own, np.full(len(placed) - len(own), usual)])
    return np.where(placed, np.minimum(distances, usual), distances)
