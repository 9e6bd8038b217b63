"""Configurations of trainings: typed, strict, and helpful about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import REPOSITORY
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training.config import load_config

BUNDLED = REPOSITORY / "KeypointRegistration" / "Resources" / "Training" / "brain-affine.toml"


def changed(folder: Path, old: str, new: str) -> Path:
    text = BUNDLED.read_text(encoding="utf-8")
    assert old in text
    path = folder / "changed.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(BUNDLED.parent.glob("*.toml")), ids=lambda path: path.stem)
def test_every_configuration_in_the_repository_is_valid(path: Path) -> None:
    assert load_config(path).name == path.stem.split(".")[0]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("sharpness =", "sharpnes =", "losses.sharpnes is not a setting. Did you mean losses.sharpness?"),
        ("steps = ", "steps = -0.5 #", "schedule.steps must be of kind int"),
        ("[near]", "[neer]", "neer is not a setting. Did you mean near?"),
        ("seed = ", "# seed = ", "lacks seed"),
        ("widths = [32,", 'widths = ["a",', "network.widths must be a list of int"),
        ("[data]", "[data", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(InputError, match="(?s)" + sentence.replace(".", r"\.").replace("?", r"\?")):
        load_config(changed(tmp_path, old, new))


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_config(tmp_path / "none.toml")
