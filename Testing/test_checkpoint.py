"""Checkpoints: never lost, never half-written, never taken for another training's."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training.checkpoint import CHECKPOINT, differences, read_checkpoint, write_checkpoint
from KeypointRegistrationLib.training.landmarks import SpreadLandmarks
from KeypointRegistrationLib.training.subjects import subject_from
from KeypointRegistrationLib.training.trainer import Trainer
from tiny_training import LABELS, scheduled, tiny_config, tiny_labels, tiny_trainer

CPU = torch.device("cpu")
STATE = {key: torch.zeros(1000) for key in ("network", "model", "average", "optimizer", "random")}


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that is full: no file of this process may become larger than ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are a matter of Unix")
def test_a_full_disk_leaves_the_previous_checkpoint_and_no_part_of_the_new_one(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, STATE | {"step": 250})
    before = (tmp_path / CHECKPOINT).read_bytes()
    with files_of_at_most(4096), pytest.raises(InputError, match=r"checkpoint of step 500 cannot be written.*Make room"):
        write_checkpoint(tmp_path, STATE | {"step": 500})
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert read_checkpoint(tmp_path, CPU)["step"] == 250


def test_a_checkpoint_cut_short_is_a_sentence_and_is_left_alone(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, STATE | {"step": 1})
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
        read_checkpoint(tmp_path, CPU)
    assert path.stat().st_size == 3000


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_another_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        read_checkpoint(tmp_path, CPU)


def test_weights_of_something_else_are_a_sentence(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / CHECKPOINT)
    with pytest.raises(InputError, match="is not the checkpoint of a training"):
        read_checkpoint(tmp_path, CPU)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"step": Path("x")}, tmp_path / CHECKPOINT)  # an object that only unpickling could make
    with pytest.raises(InputError, match="is damaged"):
        read_checkpoint(tmp_path, CPU)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    tiny_trainer(tiny_config(), tmp_path).save()
    config = tiny_config()
    other = tiny_trainer(replace(config, network=replace(config.network, widths=(8, 12))), tmp_path)
    with pytest.raises(InputError, match=r"another network: widths \(8, 8\).*asks for widths \(8, 12\)"):
        other.resume()


def test_a_checkpoint_with_another_number_of_keypoints_is_refused(tmp_path: Path) -> None:
    tiny_trainer(tiny_config(), tmp_path).save()
    landmarks = SpreadLandmarks(12, brain_below=10)
    people = [subject_from(tiny_labels(), LABELS, landmarks)]
    other = Trainer(tiny_config(), LABELS, landmarks, people, people, tmp_path, CPU)
    with pytest.raises(InputError, match=r"it finds 10 keypoints, and the configuration asks for 12"):
        other.resume()


def test_resuming_with_another_configuration_says_what_differs_and_goes_on(tmp_path: Path) -> None:
    tiny_trainer(tiny_config(), tmp_path).save()
    config = replace(scheduled(steps=9, report_every=3), seed=5, version="0.2.0")
    (sentence,) = tiny_trainer(config, tmp_path).resume()
    assert sentence.startswith("The training goes on with another configuration than it began with (")
    assert "seed: 20261122, then 5" in sentence
    assert "schedule.steps: 8, then 9" in sentence
    assert "report_every" not in sentence
    assert "version" not in sentence


def test_resuming_with_the_same_configuration_says_nothing(tmp_path: Path) -> None:
    tiny_trainer(tiny_config(), tmp_path).save()
    assert tiny_trainer(tiny_config(), tmp_path).resume() == []


def test_checkpoints_from_before_configurations_were_kept_in_them_can_be_resumed(tmp_path: Path) -> None:
    tiny_trainer(tiny_config(), tmp_path).save()
    state = read_checkpoint(tmp_path, CPU)
    write_checkpoint(tmp_path, {key: state[key] for key in ("step", "network", "model", "average", "optimizer", "random")})
    assert tiny_trainer(tiny_config(), tmp_path).resume() == []


def test_differences_compare_lists_as_values_and_name_what_is_new() -> None:
    before = {"data": {"white": (1, 2)}, "schedule": {"steps": 5}}
    after = {"data": {"white": [1, 2]}, "schedule": {"steps": 5, "nested": True}}
    assert differences(before, after) == ["schedule.nested: unset, then True"]
