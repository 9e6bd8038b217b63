"""What a training tells while it runs: tables without gaps or repetitions, TensorBoard where wished, curves."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training import plot
from KeypointRegistrationLib.training.log import LOG, VALIDATION, TrainingLog, read_rows
from KeypointRegistrationLib.training.validation import Validation

VALUES = Validation(*(float(number) for number, _ in enumerate(fields(Validation), start=1)))


def steps(path: Path) -> list[int]:
    return [int(row["step"]) for row in read_rows(path)]


def test_rows_of_a_run_that_was_lost_are_written_anew_not_twice(tmp_path: Path) -> None:
    """Killed after the report of step 6, with a checkpoint of step 4."""
    log = TrainingLog(tmp_path)
    log.begin(0)
    for step in range(1, 7):
        log.report(step, {"loss": 1 / step})
    log.validated(4, VALUES)
    whole = (tmp_path / LOG).read_text()
    (tmp_path / LOG).write_text(whole[:-3])  # in the middle of its last row, even
    resumed = TrainingLog(tmp_path)
    resumed.begin(4)
    assert steps(tmp_path / LOG) == [1, 2, 3, 4]
    assert steps(tmp_path / VALIDATION) == [4]
    resumed.report(5, {"loss": 1 / 5})
    resumed.report(6, {"loss": 1 / 6})
    assert (tmp_path / LOG).read_text() == whole


def test_a_table_from_before_a_term_existed_gets_its_column(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("step,loss,reference\n1,3.5,3.0\n")
    log = TrainingLog(tmp_path)
    log.begin(1)
    log.report(2, {"loss": 2.0, "pose": 1.5})
    first, second = read_rows(tmp_path / LOG)
    assert (first["loss"], first["reference"], first["pose"]) == ("3.5", "3.0", "")
    assert (second["loss"], second["reference"], second["pose"]) == ("2.0", "", "1.5")


def test_what_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with pytest.raises(InputError, match=r"log\.csv cannot be written: .*directory.*--resume"):
        TrainingLog(tmp_path).report(1, {"loss": 1.0})


def test_tensorboard_shows_the_same_values(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TrainingLog(tmp_path, tensorboard=True)
    log.report(25, {"loss": 1.25, "pose": 0.5})
    log.validated(50, VALUES)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("log/pose")] == [(25, 0.5)]
    assert [(event.step, event.value) for event in events.Scalars("validation/near_error")] == [(50, 1.0)]


def test_missing_tensorboard_is_a_sentence_and_the_table_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"TensorBoard is not installed.*leave out --tensorboard: log\.csv"):
        TrainingLog(tmp_path, tensorboard=True)
    TrainingLog(tmp_path).report(1, {"loss": 1.0})


def drawn(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    plot.add_arguments(parser)
    return plot.run(parser.parse_args(list(arguments)))


def test_the_curves_of_a_training_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    log = TrainingLog(tmp_path)
    log.report(25, {"loss": 2.0, "pose": 0.5})
    assert drawn(str(tmp_path)) == 0  # under way, before the first validation
    early = (tmp_path / "training.png").read_bytes()
    log.report(50, {"loss": 1.0, "pose": 0.3})
    log.validated(50, VALUES)
    assert drawn(str(tmp_path)) == 0
    picture = (tmp_path / "training.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert picture != early


def test_a_folder_without_a_training_is_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    with pytest.raises(InputError, match=r"holds no log\.csv"):
        drawn(str(tmp_path))


def test_missing_matplotlib_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="matplotlib is not installed"):
        drawn(str(tmp_path))
