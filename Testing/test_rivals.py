"""Keypoints that agree and are all wrong: scans of one person that look more alike turned quite another way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import Card, load_card
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert, rotation_angle
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.correction import Correction, corrected
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.registration.pipeline import register
from KeypointRegistrationLib.registration.result import Registration, TrustLevel
from KeypointRegistrationLib.registration.rivals import rival_pose
from phantom import phantom_labels
from samples import sample_heatmaps, sample_keypoints, sample_matrix
from scipy.spatial.transform import Rotation
from tiny_model import write_tiny_bundle

COUNT = 24
TRUTH = sample_matrix(40.0)
HALF_TURN = affine(np.diag([-1.0, -1.0, 1.0]), np.zeros(3))
ANATOMY = sample_keypoints(COUNT).positions - sample_keypoints(COUNT).positions.mean(axis=0)
REFINED = RegistrationOptions(transform_type=TransformType.RIGID, refine=True)


@pytest.fixture(scope="module")
def scans() -> tuple[Volume, Volume]:
    """A small asymmetrical head, and the same in another contrast, moved."""
    labels = phantom_labels(4.0)
    rng = np.random.default_rng(0)
    contrasts = rng.uniform(50.0, 250.0, size=(2, int(labels.voxels.max()) + 1))
    contrasts[:, 0] = 0.0
    fixed, moving = (contrast[labels.voxels.astype(int)] for contrast in contrasts)
    noise = rng.normal(scale=4.0, size=fixed.shape)
    middle = affine(np.eye(3), -labels.centre)
    return (
        Volume((fixed + noise).astype(np.float32), middle @ labels.ijk_to_ras, "fixed"),
        Volume((moving - noise).astype(np.float32), invert(TRUTH) @ middle @ labels.ijk_to_ras, "moving"),
    )


def apart(first: np.ndarray, second: np.ndarray) -> float:
    return rotation_angle(first @ invert(second))


def test_a_right_alignment_has_no_rival(scans: tuple[Volume, Volume]) -> None:
    assert rival_pose(*scans, TRUTH, ANATOMY) is None


@pytest.mark.parametrize("axis", ["x", "z"])
def test_a_half_turn_off_the_right_alignment_is_its_rival(scans: tuple[Volume, Volume], axis: str) -> None:
    turn = affine(Rotation.from_euler(axis, 180, degrees=True).as_matrix(), np.zeros(3))
    rival = rival_pose(*scans, turn @ TRUTH, ANATOMY)
    assert rival is not None
    assert apart(rival.moving_to_fixed, TRUTH) < 10.0


class Mistaken:
    """Sees the moving scan the wrong way round, unless that is placed at most 60° from the fixed one."""

    def __init__(self, card: Card, keypoints: Keypoints, always: bool) -> None:
        self.card = card
        self.warnings: list[str] = []
        self.device = "cpu"
        self._keypoints = keypoints
        self._always = always

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        """Keypoints that agree with each other."""
        found = self._keypoints
        if volume.name == "moving":
            pose = _pose_of(volume)
            wrong = self._always or apart(pose, np.eye(4)) < 1.0 or apart(pose, TRUTH) > 20.0
            found = found.moved(HALF_TURN if wrong else np.eye(4)).moved(invert(TRUTH)).moved(pose)
        return Detection(found, sample_heatmaps(found))


def _pose_of(placed: Volume) -> np.ndarray:
    """Where the moving scan was put, from where it was scanned."""
    labels = phantom_labels(4.0)
    scanned = invert(TRUTH) @ affine(np.eye(3), -labels.centre) @ labels.ijk_to_ras
    return placed.ijk_to_ras @ invert(scanned)


def registered(scans: tuple[Volume, Volume], folder: Path, kinds: tuple[TransformType, ...], always: bool) -> Registration:
    write_tiny_bundle(folder)
    card = load_card("tiny", folder)
    card = replace(card, variation=np.full(COUNT, 3.0), labels=sample_keypoints(COUNT).labels, transform_types=kinds)
    return register(*scans, REFINED, Mistaken(card, replace(sample_keypoints(COUNT), positions=ANATOMY), always))


def test_scans_of_one_person_are_registered_again_from_where_they_look_alike(scans, tmp_path: Path) -> None:
    result = registered(scans, tmp_path, (TransformType.RIGID,), always=False)
    assert apart(result.moving_to_fixed, TRUTH) < 3.0
    np.testing.assert_allclose(
        apply(result.moving_to_fixed, result.moving_keypoints.positions), result.fixed_keypoints.positions, atol=6.0
    )
    assert any("first found turned the wrong way" in warning for warning in result.warnings)


def test_keypoints_that_stay_wrong_carry_nothing_beside_an_alignment_by_intensities(scans, tmp_path: Path) -> None:
    result = registered(scans, tmp_path, (TransformType.RIGID,), always=True)
    assert apart(result.moving_to_fixed, TRUTH) < 3.0
    assert result.by_intensities and result.trust.level is not TrustLevel.GOOD
    assert "look more alike turned by 180°" in result.trust.reasons[0]
    assert "by intensities alone" in result.trust.reasons[1]
    assert result.predicted_tre.median > 50.0


def test_a_correction_does_not_need_keypoints_that_carried_the_alignment(scans, tmp_path: Path) -> None:
    result = registered(scans, tmp_path, (TransformType.RIGID,), always=True)
    right = apply(invert(TRUTH), result.fixed_keypoints.positions)
    moved = corrected(result, replace(Correction.none(result), moving_positions=dict(enumerate(map(tuple, right)))))
    assert moved.used.any() and not moved.by_intensities
    assert apart(moved.moving_to_fixed, TRUTH) < 1.0
