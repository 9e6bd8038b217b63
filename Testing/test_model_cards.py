"""The page of model cards is what the cards say."""

from __future__ import annotations

import pytest
from conftest import REPOSITORY
from KeypointRegistrationLib.__main__ import main
from KeypointRegistrationLib.detection.bundle import bundle_names, load_card


def test_the_page_in_the_documents_is_that_of_the_bundles(capsys: pytest.CaptureFixture) -> None:
    assert main(["models", "cards"]) == 0
    assert capsys.readouterr().out == (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", bundle_names())
def test_every_card_says_what_a_reader_must_know(name: str) -> None:
    card = load_card(name)
    assert any("Not for clinical use" in limit for limit in card.limits)
    assert {"licence", "training", "accuracy", "calibration"} <= set(card.details)
    assert {"data", "subjects", "steps", "configuration"} <= set(card.details["training"])
    assert card.details["licence"]
