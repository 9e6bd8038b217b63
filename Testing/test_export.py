"""From a training to a bundle: order of the keypoints, their names and template, plain kernels."""

from __future__ import annotations

import errno
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training import anatomy, export
from KeypointRegistrationLib.training.config import LossConfig, NetworkConfig, TrainingConfig, load_config
from KeypointRegistrationLib.training.landmarks import Landmarks, NamedLandmarks, SpreadLandmarks
from KeypointRegistrationLib.training.shape import described, known_shape, spread_order
from KeypointRegistrationLib.training.subjects import Subject, subject_from
from KeypointRegistrationLib.training.trainer import Trainer
from phantom import phantom_labels
from samples import sample_volume

CONFIG = REPOSITORY / "KeypointRegistration" / "Resources" / "Training" / "brain-affine.toml"
OWN_CHOICE = LossConfig(pose=1.0, repulsion=0.5, denoise=1.0)
NAMED = NamedLandmarks()
STEERABLE = NetworkConfig(widths=(4, 4), kind="steerable U-Net", denoiser=(8, 8))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrate on a few views only: these tests do not look at how good a model is."""
    monkeypatch.setattr(export, "_CALIBRATION_PAIRS", 1)


@cache
def _people(landmarks: Landmarks) -> tuple[list[int], list[Subject]]:
    volumes = [phantom_labels(4.0, squeeze, f"phantom {squeeze}") for squeeze in (0.95, 1.0, 1.05)]
    labels = sorted({int(label) for volume in volumes for label in np.unique(volume.voxels)})
    return labels, [subject_from(volume, labels, landmarks) for volume in volumes]


def trained(folder: Path, **changes: object) -> tuple[Trainer, TrainingConfig]:
    """A training of two steps on phantoms; ``changes`` to the configuration of the bundled model."""
    config = load_config(CONFIG)
    config = replace(
        config,
        network=NetworkConfig(widths=(8, 16), coarsening=1),
        view=replace(config.view, size=16, spacing=12.0, crop=0.0),
        wide=replace(config.wide, rotation=20.0, shift=10.0),
        schedule=replace(config.schedule, steps=2, pairs=1, validate_every=100),
    )
    config = replace(config, **changes)
    landmarks = NAMED if config.losses.reference > 0 else SpreadLandmarks(10, config.data.brain_below)
    labels, people = _people(landmarks)
    training = Trainer(config, labels, landmarks, people[:2], people[2:], folder, torch.device("cpu"))
    list(training.run())
    return training, config


def test_the_first_keypoints_are_always_spread() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 3)) * (50, 70, 40)
    order = spread_order(points)
    assert sorted(order) == list(range(40))

    def narrowest(chosen: np.ndarray) -> float:
        distances = np.linalg.norm(points[chosen][:, None] - points[chosen], axis=2)
        return distances[np.triu_indices(len(chosen), 1)].min()

    for count in (4, 8, 16):
        at_random = [narrowest(rng.permutation(40)[:count]) for _ in range(200)]
        assert narrowest(order[:count]) >= max(at_random) * 0.95


def test_the_order_on_the_card_is_that_of_the_maps(tmp_path: Path) -> None:
    training, config = trained(tmp_path)
    export.export_bundle(training, config, tmp_path / "taught")
    detector = Detector("taught", folder=tmp_path)
    assert detector.card.labels != anatomy.names()
    assert sorted(detector.card.labels) == sorted(anatomy.names())
    view, valid = torch.rand(1, 1, 16, 16, 16), torch.ones(1, 16, 16, 16, dtype=torch.bool)
    order = [anatomy.names().index(label) for label in detector.card.labels]
    with torch.no_grad():
        expected = training.averaged.eval()(view, valid)
        found = detector._model(view, valid)
    torch.testing.assert_close(found.log_probabilities, expected.log_probabilities[:, order], atol=0.2, rtol=0.0)
    torch.testing.assert_close(found.presence, expected.presence[:, order], atol=0.02, rtol=0.0)


def test_keypoints_of_their_own_choice_get_a_template_and_names(tmp_path: Path) -> None:
    data = replace(
        load_config(CONFIG).data, names={"2": "white matter", "3": "cortex", "41": "white matter", "42": "cortex"}
    )
    training, config = trained(tmp_path, losses=OWN_CHOICE, network=STEERABLE, data=data)
    export.export_bundle(training, config, tmp_path / "own")
    detector = Detector("own", folder=tmp_path)
    card = detector.card
    assert card.template.shape == (10, 3)
    np.testing.assert_allclose(card.template.mean(axis=0), 0.0, atol=0.05)
    assert len(set(card.labels)) == 10
    assert all(label.startswith("keypoint ") for label in card.labels)
    detection = detector.detect(sample_volume())
    assert detection.keypoints.present.all() or (detection.keypoints.presence[~detection.keypoints.present] == 0).all()


def test_spread_points_are_called_after_the_structures_they_fall_into(tmp_path: Path) -> None:
    names = {"2": "white matter", "41": "white matter", "3": "cortex", "42": "cortex"}
    data = replace(load_config(CONFIG).data, landmarks="spread", names=names)
    landmarks = SpreadLandmarks(10, data.brain_below)
    labels, people = _people(landmarks)
    points = np.array([subject.points.double().numpy() for subject in people])
    plain = known_shape(landmarks.names, points, landmarks.mirrored_order)
    called = described(plain, people, labels, data.names).labels
    assert any("white matter, left" in label for label in called)
    assert any("white matter, right" in label for label in called)
    assert len(set(called)) == 10
    assert described(plain, people, labels, {}).labels == landmarks.names


def test_a_steerable_bundle_holds_plain_kernels_and_answers_alike(tmp_path: Path) -> None:
    training, config = trained(tmp_path, losses=OWN_CHOICE, network=STEERABLE)
    export.export_bundle(training, config, tmp_path / "steerable")
    detector = Detector("steerable", folder=tmp_path)
    assert not any("parametrizations" in name for name in detector._model.state_dict())
    view, valid = torch.rand(1, 1, 16, 16, 16), torch.ones(1, 16, 16, 16, dtype=torch.bool)
    with torch.no_grad():
        expected = training.averaged.eval()(view, valid).log_probabilities.exp()
        found = detector._model(view, valid).log_probabilities.exp()
    order = [int(torch.argmin((expected[0] - row).abs().sum(dim=1))) for row in found[0]]
    assert sorted(order) == list(range(10))
    torch.testing.assert_close(found[0], expected[0][order], atol=0.02, rtol=0.1)


def test_what_was_only_pretrained_on_points_was_not_taught_them(tmp_path: Path) -> None:
    schedule = replace(load_config(CONFIG).schedule, steps=2, pairs=1, validate_every=100, pretraining=0.5)
    training, _ = trained(tmp_path, losses=OWN_CHOICE, pretraining=LossConfig(reference=1.0), schedule=schedule)
    assert not training.taught
    assert not training.tells_presence


def test_a_full_disk_leaves_an_earlier_bundle_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training, config = trained(tmp_path)
    bundle = tmp_path / "bundle"
    export.export_bundle(training, config, bundle)
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}

    def full(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="There is not enough space to write the results into"):
        export.export_bundle(training, config, bundle)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
