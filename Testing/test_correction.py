"""What a person changes, and the alignment that follows from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply
from KeypointRegistrationLib.registration.correction import AddedPair, Correction, PairChoice, corrected
from KeypointRegistrationLib.registration.keypoint_fit import Expectation, fit_keypoints
from KeypointRegistrationLib.registration.pairs import pair_up
from KeypointRegistrationLib.registration.plain import correction_from, plain
from KeypointRegistrationLib.registration.result import KeypointStatus, Registration, SimilarityChange, TrustLevel
from samples import sample_registration

TILT = affine(np.eye(3), (0.5, -0.3, 0.8))  # what refinement did in ``refined``


def answer(count: int = 30, *, refined: bool = False) -> Registration:
    """An answer of the network whose parts belong together, with a wrong pair (3) and a missing one (5)."""
    made_up = sample_registration(count)
    presence = np.ones(count)
    presence[5] = 0.1
    fixed = replace(made_up.fixed_keypoints, presence=presence)
    positions = made_up.moving_keypoints.positions.copy()
    positions[3] += (30, 0, 10)
    moving = replace(made_up.moving_keypoints, positions=positions)
    noise = np.linspace(1.0, 2.0, count)
    aligned = fit_keypoints(TransformType.RIGID, fixed, moving, pair_up(fixed, moving), Expectation(noise, 0.3, 2.0))
    matrix = TILT @ aligned.fit.matrix if refined else aligned.fit.matrix
    return replace(
        made_up,
        fixed_keypoints=fixed,
        moving_keypoints=moving,
        moving_to_fixed=matrix,
        weights=aligned.fit.weights,
        status=aligned.pairing.status,
        exclusion_reasons=aligned.pairing.reasons,
        residuals=aligned.fit.residuals,
        expected_distances=noise,
        error_floor=0.3,
        variation=2.0,
        error_form=aligned.form,
        refined=refined,
    )


ANSWER, REFINED = answer(), answer(refined=True)
NONE = Correction.none(ANSWER)


def test_the_sample_is_as_described() -> None:
    assert ANSWER.status[3] is KeypointStatus.EXCLUDED
    assert ANSWER.status[5] is KeypointStatus.MISSING
    assert ANSWER.used.sum() == 28


def test_no_correction_changes_nothing() -> None:
    assert corrected(ANSWER, NONE) is ANSWER


@pytest.mark.parametrize("original", [ANSWER, REFINED], ids=["keypoints only", "refined"])
def test_a_correction_without_effect_leaves_the_alignment(original: Registration) -> None:
    result = corrected(original, replace(NONE, choices={0: PairChoice.USE}))
    assert np.allclose(result.moving_to_fixed, original.moving_to_fixed, atol=1e-9)
    assert result.refined is original.refined
    assert np.allclose(result.error_form, original.error_form)


def test_a_pair_left_out_has_no_say() -> None:
    result = corrected(ANSWER, replace(NONE, choices={4: PairChoice.LEAVE_OUT}))
    assert result.status[4] is KeypointStatus.LEFT_OUT and result.weights[4] == 0
    assert result.exclusion_reasons[4] == "Left out by you."
    assert np.isnan(result.residuals[4])
    far = replace(NONE, choices={4: PairChoice.LEAVE_OUT}, fixed_positions={4: (500.0, 0.0, 0.0)})
    assert np.allclose(corrected(ANSWER, far).moving_to_fixed, result.moving_to_fixed)


def test_a_wrong_pair_that_a_person_wants_is_used() -> None:
    result = corrected(ANSWER, replace(NONE, choices={3: PairChoice.USE}))
    assert result.status[3] is KeypointStatus.USED and result.weights[3] > 0
    assert result.residuals[3] > 20
    assert not np.allclose(result.moving_to_fixed, ANSWER.moving_to_fixed, atol=0.1)


def test_a_wrong_pair_that_a_person_wants_is_told_by_the_verdict() -> None:
    wanted = corrected(ANSWER, replace(NONE, choices={3: PairChoice.USE}))
    label = ANSWER.fixed_keypoints.labels[3]
    assert any(f"Used although far apart: {label}" in reason for reason in wanted.trust.reasons)
    without = corrected(ANSWER, replace(NONE, choices={3: PairChoice.LEAVE_OUT}))
    assert not any("far apart" in reason for reason in without.trust.reasons)


def test_a_moved_keypoint_pulls_the_alignment_and_is_never_left_out() -> None:
    target = ANSWER.fixed_keypoints.positions[0] + (40, 0, 0)
    result = corrected(ANSWER, replace(NONE, fixed_positions={0: tuple(target)}))
    assert result.status[0] is KeypointStatus.USED
    assert np.allclose(result.fixed_keypoints.positions[0], target)
    assert result.fixed_keypoints.spread[0] == pytest.approx(2.0)
    before = apply(ANSWER.moving_to_fixed, ANSWER.moving_keypoints.positions[0])
    after = apply(result.moving_to_fixed, ANSWER.moving_keypoints.positions[0])
    assert (after - before)[0] > 1


def test_a_missing_keypoint_that_a_person_places_joins_the_fit() -> None:
    right = apply(ANSWER.moving_to_fixed, ANSWER.moving_keypoints.positions[5])
    result = corrected(ANSWER, replace(NONE, fixed_positions={5: tuple(right)}))
    assert result.status[5] is KeypointStatus.USED
    assert result.residuals[5] < 0.5


def test_wanting_a_missing_keypoint_does_not_invent_a_position() -> None:
    assert corrected(ANSWER, replace(NONE, choices={5: PairChoice.USE})).status[5] is KeypointStatus.MISSING


def test_a_heavier_pair_comes_closer() -> None:
    moved = replace(NONE, fixed_positions={0: tuple(ANSWER.fixed_keypoints.positions[0] + (8, 0, 0))})
    residuals = [corrected(ANSWER, replace(moved, factors={0: factor})).residuals[0] for factor in (0.1, 1.0, 10.0)]
    assert residuals[0] > residuals[1] > residuals[2]


def test_an_added_pair_comes_last_and_counts() -> None:
    point = (10.0, 20.0, 30.0)
    pair = AddedPair("by hand", tuple(apply(ANSWER.moving_to_fixed, np.array(point))), point)
    result = corrected(ANSWER, replace(NONE, added=(pair,)))
    assert len(result.status) == 31 and result.fixed_keypoints.labels[30] == "by hand"
    assert result.status[30] is KeypointStatus.USED and result.residuals[30] < 0.5
    assert result.expected_distances[30] == pytest.approx(np.median(ANSWER.expected_distances[ANSWER.used]))


def test_an_added_pair_can_be_left_out_and_taken_away() -> None:
    pairs = tuple(AddedPair(f"hand {n}", (n, 0.0, 0.0), (n, 5.0, 0.0)) for n in range(3))
    correction = replace(NONE, added=pairs, choices={2: PairChoice.LEAVE_OUT, 31: PairChoice.LEAVE_OUT}, factors={32: 3.0})
    assert corrected(ANSWER, correction).status[31] is KeypointStatus.LEFT_OUT
    shorter = correction.without_added(1, 31)
    assert [pair.label for pair in shorter.added] == ["hand 0", "hand 2"]
    assert (shorter.choices, shorter.factors) == ({2: PairChoice.LEAVE_OUT}, {31: 3.0})


def test_without_robustness_every_pair_counts() -> None:
    result = corrected(ANSWER, replace(NONE, robust=False))
    assert result.status[3] is KeypointStatus.USED
    assert result.used.sum() == 29


def test_refinement_stays_as_a_step_and_can_be_given_up() -> None:
    moved = {0: tuple(REFINED.fixed_keypoints.positions[0] + (6, 0, 0))}
    kept = corrected(REFINED, replace(NONE, fixed_positions=moved))
    given_up = corrected(REFINED, replace(NONE, fixed_positions=moved, keep_refinement=False))
    assert kept.refined and not given_up.refined
    assert np.allclose(kept.moving_to_fixed, TILT @ given_up.moving_to_fixed)
    assert any("not part of this alignment" in warning for warning in given_up.warnings)


def test_another_kind_of_alignment_gives_the_refinement_up() -> None:
    result = corrected(REFINED, replace(NONE, transform_type=TransformType.AFFINE))
    assert result.transform_type is TransformType.AFFINE and not result.refined


def test_where_nothing_can_be_fitted_the_alignment_stays_and_says_so() -> None:
    all_out = dict.fromkeys(range(2, 30), PairChoice.LEAVE_OUT)
    affine_now = corrected(ANSWER, replace(NONE, transform_type=TransformType.AFFINE))
    result = corrected(ANSWER, replace(NONE, choices=all_out), previous=affine_now)
    assert np.array_equal(result.moving_to_fixed, affine_now.moving_to_fixed)
    assert result.transform_type is TransformType.AFFINE
    assert result.trust.level is TrustLevel.DO_NOT_TRUST
    assert "at least 3 keypoint pairs" in result.trust.reasons[0]
    assert result.trust.reasons[-1] == "The alignment was left as it was."
    assert not result.refined and not result.used.any()


def test_a_correction_survives_as_plain_values() -> None:
    correction = Correction(
        TransformType.AFFINE,
        robust=False,
        keep_refinement=False,
        choices={1: PairChoice.USE, 7: PairChoice.LEAVE_OUT},
        factors={3: 0.25},
        fixed_positions={2: (1.5, 2.0, -3.25)},
        moving_positions={4: (0.0, 0.1, 0.2)},
        added=(AddedPair("näme", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),),
    )
    assert correction_from(plain(correction)) == correction
    with pytest.raises(ValueError, match="not a correction"):
        correction_from({"robust": True})


def test_keypoints_of_the_network_are_not_touched() -> None:
    before = ANSWER.fixed_keypoints.positions.copy()
    corrected(ANSWER, replace(NONE, fixed_positions={0: (0.0, 0.0, 0.0)}))
    assert isinstance(ANSWER.fixed_keypoints, Keypoints) and np.array_equal(ANSWER.fixed_keypoints.positions, before)


def test_what_was_found_of_the_scans_stays_true_of_a_corrected_alignment() -> None:
    grave = replace(
        ANSWER,
        contradicted=True,
        unfamiliar=True,
        warnings=("The CPU was used.", "An old note."),
        fit_notes=("An old note.",),
    )
    touched = replace(NONE, factors={0: 1.01})
    result = corrected(grave, touched)
    assert result.contradicted and result.unfamiliar and result.trust.level is TrustLevel.DO_NOT_TRUST
    assert "The CPU was used." in result.warnings and "An old note." not in result.warnings


def test_a_correction_that_makes_the_scans_more_alike_settles_a_contradiction() -> None:
    grave = replace(ANSWER, contradicted=True)
    better = SimilarityChange(grave.similarity.before, grave.similarity.after + 0.1)
    result = corrected(grave, replace(NONE, factors={0: 1.01}), better)
    assert not result.contradicted and result.trust.level is TrustLevel.GOOD


def test_until_it_is_measured_the_verdict_goes_by_the_similarity_of_the_answer() -> None:
    unlike = replace(ANSWER, similarity=SimilarityChange(before=1.3, after=1.1))
    result = corrected(unlike, replace(NONE, factors={0: 1.01}))
    assert np.isnan(result.similarity.after)
    assert "less alike" in result.trust.reasons[0]
