"""Training: it learns, repeats, resumes exactly, exports a working bundle, and refuses what it cannot use."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from conftest import REPOSITORY
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training import anatomy, command
from KeypointRegistrationLib.training.calibration import calibrate
from KeypointRegistrationLib.training.config import LossConfig, TrainingConfig, load_config
from KeypointRegistrationLib.training.landmarks import NamedLandmarks
from KeypointRegistrationLib.training.objective import TERMS
from KeypointRegistrationLib.training.subjects import Subject, subject_from
from KeypointRegistrationLib.training.trainer import Trainer
from phantom import phantom_labels
from samples import sample_volume

CONFIG = REPOSITORY / "KeypointRegistration" / "Resources" / "Training" / "brain-affine.toml"
LANDMARKS = NamedLandmarks()


@pytest.fixture(scope="module")
def subjects() -> tuple[list[int], list[Subject]]:
    volumes = [phantom_labels(4.0, squeeze, f"phantom {squeeze}") for squeeze in (0.95, 1.0, 1.05)]
    labels = sorted({int(label) for volume in volumes for label in np.unique(volume.voxels)})
    return labels, [subject_from(volume, labels, LANDMARKS) for volume in volumes]


def small(**changes: object) -> TrainingConfig:
    config = load_config(CONFIG)
    return replace(
        config,
        network=replace(config.network, widths=(8, 16)),
        view=replace(config.view, size=16, spacing=12.0, crop=0.0),
        wide=replace(config.wide, rotation=20.0, shift=10.0),
        schedule=replace(config.schedule, steps=4, pairs=1, report_every=1, validate_every=100, learning_rate=5e-3),
        **changes,
    )


def trainer(config: TrainingConfig, subjects: tuple[list[int], list[Subject]], folder: Path) -> Trainer:
    labels, people = subjects
    folder.mkdir(exist_ok=True)
    return Trainer(config, labels, LANDMARKS, people[:2], people[2:], folder, torch.device("cpu"))


def losses_of(training: Trainer) -> list[float]:
    return [terms["loss"] for _, terms in training.run()]


def test_a_minute_of_training_brings_the_keypoints_closer(tmp_path: Path, subjects) -> None:
    config = small()
    config = replace(config, schedule=replace(config.schedule, steps=60, average=0.9))
    training = trainer(config, subjects, tmp_path)
    before = training.validate()
    losses_of(training)
    after = training.validate()
    assert after.near_error < 0.7 * before.near_error
    assert after.near_spread < before.near_spread


@pytest.mark.parametrize("term", TERMS)
def test_every_term_can_be_switched_on_alone(tmp_path: Path, subjects, term: str) -> None:
    config = small(losses=LossConfig(**{term: 1.0}))
    config = replace(
        config,
        schedule=replace(config.schedule, steps=2, same_subject=1.0),
        network=replace(config.network, denoiser=(8, 8) if term == "denoise" else ()),
    )
    for _, logged in trainer(config, subjects, tmp_path).run():
        assert set(logged) == {"loss", term}
        assert np.isfinite(logged["loss"])


def test_a_training_repeats_from_its_seed(tmp_path: Path, subjects) -> None:
    first = losses_of(trainer(small(), subjects, tmp_path / "a"))
    again = losses_of(trainer(small(), subjects, tmp_path / "b"))
    other = losses_of(trainer(small(seed=5), subjects, tmp_path / "c"))
    np.testing.assert_allclose(first, again, rtol=1e-4)
    assert not np.allclose(first, other, rtol=1e-2)


@pytest.mark.parametrize("widest", [20.0, 8.0])
def test_calibration_recovers_known_factors_also_where_all_maps_are_equally_wide(widest: float) -> None:
    rng = np.random.default_rng(0)
    spreads = rng.uniform(8.0, widest, size=(20000, 2))  # of two neighbours
    own = rng.normal(size=(20000, 2, 3)) * 0.4 * spreads[..., None] / 3**0.5
    wrong = own + rng.normal(size=(20000, 1, 3)) * 1.5 / 3**0.5
    shared = (wrong[:, 0] * wrong[:, 1]).sum(axis=1).repeat(2)
    found = calibrate(np.linalg.norm(wrong, axis=2).ravel(), spreads.ravel(), shared)
    assert found.spread_factor == pytest.approx(0.4, abs=0.01)
    assert found.error_floor_mm == pytest.approx(1.5, abs=0.1)
    assert found.coverage["0.9"] == pytest.approx(0.9, abs=0.01)


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    folder = tmp_path / "maps"
    folder.mkdir()
    for number, squeeze in enumerate((0.95, 1.0, 1.05)):
        volume = phantom_labels(4.0, squeeze)
        image = sitk.GetImageFromArray(volume.voxels)
        image.SetSpacing((4.0, 4.0, 4.0))
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
        image.SetOrigin([*(-volume.ijk_to_ras[:2, 3]), volume.ijk_to_ras[2, 3]])
        sitk.WriteImage(image, str(folder / f"map_{number}.nii.gz"))
    return folder


def write_config(folder: Path, **replacements: str) -> Path:
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    settings = {
        "labels": '"maps"', "held_out": '["map_2"]', "widths": "[8, 16]", "size": "16", "spacing": "12", "steps": "2",
        "pairs": "1", "report_every": "1",
    } | replacements  # fmt: skip
    text = "\n".join(
        f"{key} = {settings[key]}" if (key := line.split("=")[0].strip()) in settings else line for line in lines
    )
    path = folder / "config.toml"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(list(arguments)))


def test_the_command_trains_exports_and_resumes(tmp_path: Path, maps: Path) -> None:
    config, output = write_config(maps.parent), tmp_path / "run"
    assert run(str(config), "--output", str(output)) == 0
    assert (output / "log.csv").read_text(encoding="utf-8").count("\n") >= 2
    (output / "bundle").rename(output / "brain-affine")
    detector = Detector("brain-affine", folder=output)
    assert set(detector.card.labels) == set(anatomy.names())
    assert detector.card.details["training"]["subjects"] == ["map_0", "map_1"]
    assert len(detector.detect(sample_volume()).keypoints) == len(anatomy.names())
    with pytest.raises(InputError, match="holds an earlier training"):
        run(str(config), "--output", str(output))
    write_config(maps.parent, steps="3")
    assert run(str(config), "--output", str(output), "--resume") == 0
