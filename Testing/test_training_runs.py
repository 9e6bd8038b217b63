"""Whole trainings by the command: of one's own folder, interrupted, repeated, by several processes, refused."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training import command, export
from KeypointRegistrationLib.training.checkpoint import CHECKPOINT, read_checkpoint
from KeypointRegistrationLib.training.config import LossConfig, TrainingConfig
from KeypointRegistrationLib.training.log import LOG, VALIDATION, read_rows
from KeypointRegistrationLib.training.objective import Objective
from tiny_training import scheduled, three, tiny_config, tiny_scan, tiny_trainer, toml_of, write_folder

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrate on a few views only: these tests do not look at how good a model is."""
    monkeypatch.setattr(export, "_CALIBRATION_PAIRS", 1)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(list(arguments)))


def written(folder: Path, config: TrainingConfig) -> Path:
    """The configuration as a file beside its data."""
    path = folder / "config.toml"
    path.write_text(toml_of(config), encoding="utf-8")
    return path


def states_agree(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same weights, averages and random states, bit for bit."""
    first, second = read_checkpoint(one, CPU), read_checkpoint(other, CPU)
    return all(
        torch.equal(first[part][key], second[part][key]) for part in ("model", "average") for key in first[part]
    ) and torch.equal(first["random"], second["random"])


def test_killed_between_report_and_checkpoint_a_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    """Eight steps at once, and six, of which the checkpoint of step 4 is left, and the rest from there."""
    list(tiny_trainer(tiny_config(), tmp_path / "whole").run())
    killed = tiny_trainer(tiny_config(), tmp_path / "parts").run()
    assert [next(killed)[0] for _ in range(6)][-1] == 6
    resumed = tiny_trainer(tiny_config(), tmp_path / "parts")
    resumed.resume()
    assert resumed.step == 4
    list(resumed.run())
    assert states_agree(tmp_path / "whole", tmp_path / "parts")
    for name in (LOG, VALIDATION):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_a_run_is_repeated_from_its_card(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    config = written(tmp_path, scheduled(steps=3))
    assert run(str(config), "--output", str(tmp_path / "first"), "--threads", "1") == 0
    card = tmp_path / "first" / "bundle" / "card.json"
    assert run(str(card), "--data", str(tmp_path / "maps"), "--output", str(tmp_path / "again"), "--threads", "1") == 0
    assert read_rows(tmp_path / "first" / LOG) == read_rows(tmp_path / "again" / LOG)
    assert states_agree(tmp_path / "first", tmp_path / "again")


def test_scans_without_labels_train_a_model_that_can_be_used(tmp_path: Path) -> None:
    """Every term that scans allow, the denoiser included."""
    from KeypointRegistrationLib.detection.detector import Detector

    write_folder(tmp_path / "scans", **three(tiny_scan))
    config = scheduled(steps=2, same_subject=0.5)
    config = replace(
        config,
        data=replace(config.data, labels="", scans="scans", white=(), fluid=()),
        network=replace(config.network, denoiser=(8, 8)),
        losses=LossConfig(pose=1.0, similarity=1.0, repulsion=0.5, denoise=1.0),
    )
    assert run(str(written(tmp_path, config)), "--output", str(tmp_path / "run"), "--threads", "1") == 0
    last = read_rows(tmp_path / "run" / LOG)[-1]
    assert float(last["similarity"]) > 0
    assert float(last["denoise"]) > 0
    (tmp_path / "run" / "bundle").rename(tmp_path / "run" / config.name)
    assert len(Detector(config.name, folder=tmp_path / "run").detect(tiny_scan()).keypoints) == 10


def test_without_anybody_held_out_it_says_what_accuracy_is_worth(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_folder(tmp_path / "maps", **three())
    config = scheduled(steps=1)
    config = replace(config, data=replace(config.data, held_out=()))
    assert run(str(written(tmp_path, config)), "--output", str(tmp_path / "run")) == 0
    assert "Nothing is held out: accuracy is measured on what the model has seen" in capsys.readouterr().err


def test_nested_trainings_align_by_a_random_number_of_first_keypoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = scheduled(nested=True, steps=12, validate_every=100)
    config = replace(config, losses=LossConfig(similarity=1.0))
    called, counts = Objective.__call__, []

    def noting(self: Objective, detector: object, batch: object, sharpening: float, first: int | None = None):
        counts.append(first)
        return called(self, detector, batch, sharpening, first)

    monkeypatch.setattr(Objective, "__call__", noting)
    training = tiny_trainer(config, tmp_path)
    monkeypatch.setattr(training, "validate", lambda: None)
    run = training.run()
    for _ in range(11):
        next(run)
    assert set(counts) == {8, 9, 10}


def test_keypoints_beyond_the_first_do_not_enter_a_nested_alignment(tmp_path: Path) -> None:
    """Only the first eight maps get a gradient of L_sim; the weight of a map is a row of the last layer."""
    config = replace(tiny_config(), losses=LossConfig(similarity=1.0))
    training = tiny_trainer(config, tmp_path)
    batch = training.unseen_views(1).pairs(1, [config.near], 1.0)
    objective = Objective(config.losses, config.view)
    for first, reached in ((8, [True] * 8 + [False] * 2), (None, [True] * 10)):
        training._model.zero_grad()
        objective(training._model, batch, 1.0, first)[0].backward()
        rows = training._model.network.head.weight.grad.flatten(1).abs().sum(dim=1)
        assert (rows.unflatten(0, (10, 8)).sum(dim=1) > 0).tolist() == reached


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed training")
def test_two_processes_train_one_model_on_views_of_their_own(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    config = replace(scheduled(steps=4, pretraining=0.5, validate_every=2), pretraining=LossConfig(reference=1.0))
    config = written(tmp_path, config)
    words = ["train", str(config), "--output", str(tmp_path / "run"), "--device", "cpu"]
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "KeypointRegistration"), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [*start, "-m", "KeypointRegistrationLib", *words], env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert [row["step"] for row in read_rows(tmp_path / "run" / LOG)] == ["1", "2", "3", "4"]
    assert [row["step"] for row in read_rows(tmp_path / "run" / VALIDATION)] == ["2", "4"]
    state = read_checkpoint(tmp_path / "run", CPU)
    (other,) = state["random_of_others"]
    assert not torch.equal(state["random"], other)
    assert (tmp_path / "run" / "bundle" / "card.json").is_file()


def test_an_output_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    (tmp_path / "taken").write_text("the user's")
    with pytest.raises(InputError, match=r"Nothing can be written to .*taken.*Choose another --output"):
        run(str(written(tmp_path, tiny_config())), "--output", str(tmp_path / "taken"))
    assert (tmp_path / "taken").read_text() == "the user's"


def test_an_earlier_training_is_not_overwritten(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / CHECKPOINT).write_bytes(b"days of work")
    with pytest.raises(InputError, match="holds an earlier training"):
        run(str(written(tmp_path, tiny_config())), "--output", str(tmp_path / "run"))
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == b"days of work"


@pytest.mark.parametrize("name", ["log.csv", "validation.csv", "bundle"])
def test_what_an_earlier_training_left_without_a_checkpoint_is_not_overwritten(name: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    left = tmp_path / "run" / name
    left.parent.mkdir()
    left.write_text("step,total\n4,0.5\n")
    with pytest.raises(InputError, match=rf"holds {name} of an earlier training, and no checkpoint"):
        run(str(written(tmp_path, tiny_config())), "--output", str(tmp_path / "run"))
    assert left.read_text() == "step,total\n4,0.5\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("--threads", "0"), "--threads must be at least 1"), (("--resume",), "no checkpoint to resume from")],
)
def test_arguments_that_make_no_sense_are_sentences(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    write_folder(tmp_path / "maps", **three())
    with pytest.raises(InputError, match=sentence):
        run(str(written(tmp_path, tiny_config())), "--output", str(tmp_path / "run"), *words)


def test_a_card_without_a_configuration_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps({"name": "old"}))
    with pytest.raises(InputError, match="is not the card of a model: it holds no configuration"):
        run(str(tmp_path / "card.json"))
