"""Whether heads are found, told apart by whether the finder has seen the scan before."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from KeypointRegistrationLib.evaluation.inspect_finder import Finding, add_arguments, finder_table, run
from KeypointRegistrationLib.geometry.errors import InputError
from tiny_model import write_tiny_bundle


def test_the_table_counts_found_heads_apart() -> None:
    table = finder_table(
        [
            Finding("one", True, 12.0, 4.0, 20.0),
            Finding("two", True, 80.0, 70.0, 30.0),
            Finding("three", False, 25.0, 20.0, 21.0),
        ]
    )
    assert "1 of 2 scans trained on, 1 of 1 scans not trained on" in table
    assert "| two | yes | 80 | 70 | 30.0 |" in table


def test_a_model_without_a_finder_is_refused(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["--model", "tiny", "--models-folder", str(tmp_path), "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    with pytest.raises(InputError, match="The card of tiny names no finder"):
        run(parser.parse_args(words))
