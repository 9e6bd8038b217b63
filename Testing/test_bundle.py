"""Model bundles: listed, read, and refused when they are not what their card says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import (
    CARD_FILE,
    WEIGHTS_FILE,
    bundle_names,
    load_card,
    models_folder,
    verified_weights,
    verify,
)
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.geometry.errors import InputError
from safetensors.torch import load_file
from tiny_model import KEYPOINTS, write_tiny_bundle


@pytest.mark.parametrize("name", bundle_names())
def test_every_bundle_in_the_repository_is_whole_small_and_says_what_it_is(name: str) -> None:
    verify(name)
    card = load_card(name)
    assert card.name == name
    assert len(card.labels) == len(set(card.labels)) == len(card.template) == len(card.variation)
    assert "Not for clinical use." in card.limits
    assert {"data", "subjects", "steps", "configuration"} <= set(card.details["training"])
    assert verified_weights(name).stat().st_size < 20e6
    assert sum(f.stat().st_size for f in models_folder().rglob("*") if f.is_file()) < 60e6


def test_a_bundle_is_found_and_its_card_read(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    assert bundle_names(tmp_path) == ("tiny",)
    card = load_card("tiny", tmp_path)
    assert card.template.shape == (KEYPOINTS, 3)
    np.testing.assert_allclose(card.localisation_error(np.array([0.0, 8.0])), [2.0, np.hypot(4, 2)])


def test_an_unknown_model_is_named_with_those_there_are(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    with pytest.raises(InputError, match=r"no model called brian.*Available: tiny"):
        Detector("brian", folder=tmp_path)


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    path = write_tiny_bundle(tmp_path) / WEIGHTS_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or were exchanged"):
        Detector("tiny", folder=tmp_path)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path)
    other = write_tiny_bundle(tmp_path, "other")
    tensors = (other / WEIGHTS_FILE).read_bytes() + b" "
    (bundle / WEIGHTS_FILE).write_bytes(tensors)
    with pytest.raises(InputError, match="SHA-256 is not the one on its card"):
        verify("tiny", tmp_path)


@pytest.mark.parametrize("damage", ["not json", "{}"])
def test_a_damaged_card_is_a_sentence(tmp_path: Path, damage: str) -> None:
    (write_tiny_bundle(tmp_path) / CARD_FILE).write_text(damage, encoding="utf-8")
    with pytest.raises(InputError, match="card of the model tiny is damaged"):
        load_card("tiny", tmp_path)


def test_missing_weights_are_a_sentence(tmp_path: Path) -> None:
    (write_tiny_bundle(tmp_path) / WEIGHTS_FILE).unlink()
    with pytest.raises(InputError, match=r"weights of the model tiny cannot be read"):
        verify("tiny", tmp_path)


def test_the_card_holds_the_hash_of_what_is_loaded(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path)
    recorded = json.loads((bundle / CARD_FILE).read_text())["weights"]["sha256"]
    assert recorded == hashlib.sha256((bundle / WEIGHTS_FILE).read_bytes()).hexdigest()
    detector = Detector("tiny", folder=tmp_path)
    expected = load_file(bundle / WEIGHTS_FILE)["network.head.bias"].float().numpy()
    np.testing.assert_array_equal(detector._model.network.head.bias.detach().numpy(), expected)
