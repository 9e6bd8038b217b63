"""The pipeline from two scans to one judged result, with a detector whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import Card, load_card
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.geometry.accuracy import predicted_error
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.transforms import TransformType, apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.correction import Correction, PairChoice, corrected
from KeypointRegistrationLib.registration.options import KeypointChoice, RegistrationOptions
from KeypointRegistrationLib.registration.pipeline import register
from KeypointRegistrationLib.registration.result import KeypointStatus, Registration, TrustLevel
from samples import sample_heatmaps, sample_keypoints, sample_matrix, sample_volume
from tiny_model import write_tiny_bundle

COUNT = 24
RIGID = RegistrationOptions(transform_type=TransformType.RIGID, refine=False)


class Oracle:
    """Knows where the keypoints of each scan are, by the scan's name."""

    def __init__(self, card: Card, keypoints: dict[str, Keypoints]) -> None:
        self.card = card
        self.warnings: list[str] = []
        self.device = "cpu"
        self._keypoints = keypoints

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        """Keypoints at their places in the scan's own RAS, wherever it was put."""
        keypoints = self._keypoints[volume.name]
        return Detection(keypoints, sample_heatmaps(keypoints))


@pytest.fixture
def card(tmp_path: Path) -> Card:
    write_tiny_bundle(tmp_path)
    card = load_card("tiny", tmp_path)
    return replace(card, variation=np.full(COUNT, 3.0), labels=sample_keypoints(COUNT).labels)


TRUTH = sample_matrix(40.0)
FIXED = sample_volume("fixed")
MOVING = replace(sample_volume("moving").moved(invert(TRUTH)), voxels=sample_volume(seed=0).voxels + 1)


def keypoints_pair(error: float = 1.0, seed: int = 3) -> tuple[Keypoints, Keypoints]:
    rng = np.random.default_rng(seed)
    fixed = sample_keypoints(COUNT)
    moving = fixed.moved(invert(TRUTH))
    return fixed, replace(moving, positions=moving.positions + rng.normal(scale=error / np.sqrt(3), size=(COUNT, 3)))


def run(card: Card, fixed: Keypoints, moving: Keypoints, options: RegistrationOptions = RIGID) -> Registration:
    return register(FIXED, MOVING, options, Oracle(card, {"fixed": fixed, "moving": moving}))


def corner_error(result: Registration) -> float:
    return float(np.linalg.norm(apply(result.moving_to_fixed @ invert(TRUTH), FIXED.corners) - FIXED.corners, axis=1).mean())


def test_the_motion_between_the_scans_is_found_and_trusted(card: Card) -> None:
    result = run(card, *keypoints_pair())
    assert corner_error(result) < 2.0
    assert result.trust.level is TrustLevel.GOOD
    assert result.used.all()
    assert result.similarity.after > result.similarity.before
    assert list(result.seconds) == ["prepare", "detect", "align", "refine", "assess"]
    assert (result.model.name, result.model.sha256) == (card.name, card.sha256)


def test_refinement_brings_a_rough_alignment_home(card: Card) -> None:
    pair = keypoints_pair(error=8.0)
    rough, fine = run(card, *pair), run(card, *pair, replace(RIGID, refine=True))
    assert fine.refined
    assert corner_error(fine) < 0.5 * corner_error(rough)
    moved = apply(fine.moving_to_fixed, fine.moving_keypoints.positions)
    np.testing.assert_allclose(fine.residuals, np.linalg.norm(moved - fine.fixed_keypoints.positions, axis=1))


def test_what_is_missing_or_wrong_is_left_out_and_said(card: Card) -> None:
    fixed, moving = keypoints_pair()
    presence = fixed.presence.copy()
    presence[0] = 0.1
    positions = moving.positions.copy()
    positions[5] += (60.0, 0.0, 0.0)
    covariances = moving.covariances.copy()
    covariances[7] = 1600 * np.eye(3)
    result = run(
        card,
        replace(fixed, presence=presence),
        replace(moving, positions=positions, covariances=covariances),
    )
    assert result.status[0] is KeypointStatus.MISSING
    assert "Not found in the fixed scan" in result.exclusion_reasons[0]
    assert np.isnan(result.residuals[0])
    assert result.status[5] is KeypointStatus.EXCLUDED
    assert "mm apart after alignment" in result.exclusion_reasons[5]
    assert result.status[7] is KeypointStatus.EXCLUDED
    assert "69 mm wide" in result.exclusion_reasons[7]
    assert result.weights[[0, 5, 7]].max() == 0
    assert result.weights.sum() == pytest.approx(1)
    assert corner_error(result) < 2.0


def test_keypoints_that_contradict_each_other_are_not_trusted(card: Card) -> None:
    fixed, _ = keypoints_pair()
    rng = np.random.default_rng(0)
    nonsense = replace(fixed, positions=rng.uniform(-70, 70, size=(COUNT, 3)))
    result = run(card, fixed, nonsense)
    assert result.trust.level is TrustLevel.DO_NOT_TRUST
    assert result.trust.reasons


def test_scans_without_common_keypoints_still_give_a_marked_result(card: Card) -> None:
    fixed, moving = keypoints_pair()
    result = run(card, fixed, replace(moving, presence=np.zeros(COUNT)))
    assert result.trust.level is TrustLevel.DO_NOT_TRUST
    assert np.isfinite(result.moving_to_fixed).all()
    assert not result.used.any()
    assert set(result.status) == {KeypointStatus.MISSING}
    assert result.predicted_tre.median >= 50


def test_too_few_pairs_for_an_affine_fall_back_and_say_so(card: Card) -> None:
    fixed, moving = keypoints_pair()
    presence = np.where(np.arange(COUNT) < 8, 1.0, 0.0)
    result = run(card, fixed, replace(moving, presence=presence), replace(RIGID, transform_type=TransformType.AFFINE))
    assert result.requested_type is TransformType.AFFINE
    assert result.transform_type is TransformType.SIMILARITY
    assert any("similarity alignment was fitted instead of an affine" in warning for warning in result.warnings)


def many_pairs(card: Card, keypoints: KeypointChoice | int) -> Registration:
    """60 good pairs and one wrong one, aligned by those asked for."""
    rng = np.random.default_rng(1)
    fixed = sample_keypoints(61, seed=4)
    fixed = replace(fixed, presence=np.ones(61))
    positions = apply(invert(TRUTH), fixed.positions) + rng.normal(scale=0.5, size=(61, 3))
    positions[2] += (70.0, 0.0, 0.0)
    card = replace(card, labels=fixed.labels, variation=np.full(61, 2.0))
    options = replace(RIGID, transform_type=TransformType.AFFINE, keypoints=keypoints)
    return run(card, fixed, replace(fixed, positions=positions), options)


def test_an_alignment_by_as_few_pairs_as_needed_is_nearly_as_good_and_says_why(card: Card) -> None:
    whole, few = many_pairs(card, KeypointChoice.ALL), many_pairs(card, KeypointChoice.AUTO)
    assert 12 <= few.used.sum() < 0.8 * whole.used.sum()
    assert few.status[2] is KeypointStatus.EXCLUDED and "mm apart" in few.exclusion_reasons[2]
    needless = [k for k, status in enumerate(few.status) if status is KeypointStatus.NOT_NEEDED]
    assert len(needless) == 60 - few.used.sum()
    sentence = f"The {few.used.sum()} chosen pairs predict an error of {few.predicted_tre.median:.1f} mm, which it would"
    assert all(few.exclusion_reasons[k].startswith(sentence) for k in needless)
    assert corner_error(few) < 2 * corner_error(whole) + 0.2
    assert few.trust.level is TrustLevel.GOOD, "pairs that are not needed are no reason for doubt"


def test_the_first_keypoints_alone_can_be_asked_for(card: Card) -> None:
    result = many_pairs(card, 20)
    assert np.flatnonzero(result.used).tolist() == [k for k in range(20) if k != 2]
    assert result.exclusion_reasons[20] == "Only the first 20 keypoints were asked for."
    assert many_pairs(card, 500).used.sum() == 60, "more than there are is all of them"


def test_a_pair_that_was_not_needed_joins_when_a_person_wants_it(card: Card) -> None:
    original = many_pairs(card, KeypointChoice.AUTO)
    needless = original.status.index(KeypointStatus.NOT_NEEDED)
    another = next(k for k in range(needless + 1, 61) if original.status[k] is KeypointStatus.NOT_NEEDED)
    none = Correction.none(original)
    result = corrected(original, replace(none, choices={needless: PairChoice.USE}))
    assert result.status[needless] is KeypointStatus.USED
    assert result.status[another] is KeypointStatus.NOT_NEEDED


def test_the_predicted_error_is_of_the_size_of_the_true_one(card: Card) -> None:
    card = replace(card, error_floor=0.0)  # errors here are independent: nothing is shared
    ratios = []
    for seed in range(30):
        result = run(card, *keypoints_pair(error=4.0, seed=seed))
        targets = FIXED.corners * 0.5
        true = np.linalg.norm(apply(result.moving_to_fixed @ invert(TRUTH), targets) - targets, axis=1)
        ratios.append(np.sqrt(np.mean(true**2)) / np.sqrt(np.mean(predicted_error(result.error_form, targets) ** 2)))
    assert 0.7 < np.sqrt(np.mean(np.square(ratios))) < 1.3


def test_errors_that_the_keypoints_may_share_are_predicted_as_far_as_residuals_show_them(card: Card) -> None:
    card = replace(card, variation=np.full(COUNT, 0.5))
    pair = keypoints_pair(error=3.0)
    none, half, any_size = (run(replace(card, error_floor=floor), *pair).predicted_tre for floor in (0.0, 1.5, 6.0))
    assert none.centre < 1.0 < half.centre < 1.7
    assert any_size.centre < 3.7, "not more than the residuals show"


def test_anatomy_that_no_affine_aligns_is_predicted_between_people_only(card: Card) -> None:
    affine = replace(RIGID, transform_type=TransformType.AFFINE)
    card = replace(card, variation=np.full(COUNT, 6.0))
    fixed, moving = keypoints_pair(error=1.0)
    another = replace(moving, positions=moving.positions * (1.08, 0.95, 1.03))
    assert run(card, fixed, moving, affine).predicted_tre.p95 < 4.0
    other = run(card, fixed, another, affine).predicted_tre
    assert other.median == pytest.approx(6.0 * 0.888, rel=0.1)  # the median of a Gaussian error in three dimensions
    assert other.p95 == pytest.approx(6.0 * 1.614, rel=0.1)


def test_an_initial_pose_changes_where_the_detector_looks_but_not_the_answer(card: Card) -> None:
    fixed, moving = keypoints_pair()
    initial = sample_matrix(20.0, (5.0, 5.0, 5.0))

    class Placed(Oracle):
        def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
            shift = volume.ijk_to_ras @ invert(MOVING.ijk_to_ras) if volume.name == "moving" else np.eye(4)
            keypoints = self._keypoints[volume.name].moved(shift)
            return Detection(keypoints, sample_heatmaps(keypoints))

    oracle = Placed(card, {"fixed": fixed, "moving": moving})
    plain = register(FIXED, MOVING, RIGID, oracle)
    started = register(FIXED, MOVING, replace(RIGID, initial=initial), oracle)
    np.testing.assert_allclose(started.moving_to_fixed, plain.moving_to_fixed, atol=1e-6)
    np.testing.assert_allclose(started.moving_keypoints.positions, moving.positions, atol=1e-6)


def test_an_alignment_that_the_model_is_not_made_for_is_a_sentence(card: Card) -> None:
    foetal = replace(card, name="foetal", transform_types=(TransformType.RIGID,))
    oracle = Oracle(foetal, {})
    with pytest.raises(InputError, match="foetal is made for rigid alignment, not for affine"):
        register(FIXED, MOVING, replace(RIGID, transform_type=TransformType.AFFINE), oracle)


def test_pairs_of_a_rigid_model_are_of_one_person(card: Card) -> None:
    assert card.pair_variation.max() > 0
    assert (replace(card, transform_types=(TransformType.RIGID,)).pair_variation == 0).all()


def test_the_same_scan_twice_is_a_sentence(card: Card) -> None:
    again = replace(FIXED, name="copy")
    with pytest.raises(InputError, match="fixed and copy are the same scan"):
        register(FIXED, again, RIGID, Oracle(card, {}))


def test_an_empty_moving_scan_is_refused_before_the_fixed_one_is_looked_at(card: Card) -> None:
    empty = replace(MOVING, voxels=np.zeros(MOVING.shape))
    with pytest.raises(InputError, match="moving is empty"):
        register(FIXED, empty, RIGID, Oracle(card, {}))  # an oracle that knows no scan would fail otherwise


def test_progress_rises_to_one_and_names_the_stages(card: Card) -> None:
    fixed, moving = keypoints_pair()
    heard: list[tuple[float, str]] = []
    oracle = Oracle(card, {"fixed": fixed, "moving": moving})
    register(FIXED, MOVING, RIGID, oracle, progress=lambda fraction, stage: heard.append((fraction, stage)))
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert heard[-1][0] == 1.0
    assert {"Finding keypoints in fixed", "Finding keypoints in moving"} <= {stage for _, stage in heard}


def test_heatmaps_are_kept_when_asked_for(card: Card) -> None:
    pair = keypoints_pair()
    assert run(card, *pair).fixed_heatmaps is None
    kept = run(card, *pair, replace(RIGID, heatmaps=True))
    assert kept.fixed_heatmaps is not None
    assert len(kept.fixed_heatmaps.values) == COUNT
