"""The examples of docs/training.md are configurations that train."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import REPOSITORY
from KeypointRegistrationLib.training.checks import check_config
from KeypointRegistrationLib.training.config import TrainingConfig, load_config
from KeypointRegistrationLib.training.sources import subjects_of
from tiny_training import CONFIGURATIONS, three, tiny_labels, tiny_scan, write_folder

PAGE = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8")
LABELS, SCANS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def example(folder: Path, text: str) -> TrainingConfig:
    path = folder / "example.toml"
    path.write_text(text, encoding="utf-8")
    config = load_config(path)
    check_config(config)
    return replace(config, data=replace(config.data, held_out=("head_2",)))


@pytest.mark.parametrize("kind", ["labels", "scans"])
def test_the_examples_take_a_folder_of_subjects(tmp_path: Path, kind: str) -> None:
    source = tiny_scan if kind == "scans" else tiny_labels
    write_folder(tmp_path / f"my-{kind}", **three(source))
    text = LABELS if kind == "labels" else re.sub(r"\[data\]\n.*?\n\n", SCANS + "\n", LABELS, flags=re.DOTALL)
    config = example(tmp_path, text)
    found = subjects_of(config, tmp_path)
    assert (len(found.training), len(found.held_out)) == (2, 1)
    assert found.training[0].points.shape == (32, 3)


def test_every_configuration_is_on_the_page_and_no_other() -> None:
    named = set(re.findall(r"`([a-z-]+\.toml)`", PAGE))
    assert named == {path.name for path in CONFIGURATIONS.glob("*.toml")}
