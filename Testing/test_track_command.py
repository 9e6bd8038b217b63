"""``track`` from the command line: a series in, its motion out; resumed, refused and told in sentences."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from KeypointRegistrationLib.__main__ import main
from KeypointRegistrationLib.commands import engines, track
from KeypointRegistrationLib.commands.cohort import Engine, Run
from KeypointRegistrationLib.commands.engines import local_processes
from KeypointRegistrationLib.detection.bundle import load_card
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion
from KeypointRegistrationLib.registration.tracking.tracker import HeadNotFound
from KeypointRegistrationLib.registration.tracking.verdict import unusable
from samples import sample_volume
from series_files import sample_frames, write_folder, write_with_itk
from tracker_double import TrackerDouble, tracker_double

FRAMES = 5


@pytest.fixture
def double(models: Path, monkeypatch: pytest.MonkeyPatch) -> type[TrackerDouble]:
    """The stand-in for the tracker; the model is the tiny one, and its network is not loaded."""
    double = tracker_double()
    monkeypatch.setattr(track, "Tracker", double)
    detector = SimpleNamespace(card=load_card("tiny"), device="cpu", warnings=["A note on the device."])
    monkeypatch.setattr(track, "_detector", lambda _model, _device: detector)
    return double


@pytest.fixture
def series(tmp_path: Path) -> Path:
    return write_with_itk(tmp_path / "bold.nii.gz", sample_frames(FRAMES))


def run(series: Path, output: Path, *options: str) -> int:
    """``track`` with the tiny model."""
    return main(["track", str(series), "--output", str(output), "--model", "tiny", *options])


def rows_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "motion.csv").open()))


def test_a_series_is_tracked_written_and_told(
    double: type[TrackerDouble], series: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run(series, tmp_path / "out") == 0
    rows = rows_of(tmp_path / "out")
    assert [row["status"] for row in rows] == ["reference", "tracked", "tracked", "tracked", "tracked"]
    assert [float(row["rotation_angle_deg"]) for row in rows] == pytest.approx([0, 2, 4, 6, 8], abs=1e-3)
    assert [float(row["time_s"]) for row in rows] == pytest.approx([0.0, 1.5, 3.0, 4.5, 6.0])
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["model"]["name"] == "tiny" and report["seconds"]["follow"] > 0
    said = capsys.readouterr()
    assert "5 of 5 aligned" in said.out and str(tmp_path / "out") in said.out
    assert "Note: A note on the device." in said.err
    assert "Following the head: 4 of 5 frames, about" in said.err


def test_smoothing_stands_beside_the_raw_motion_and_only_where_it_is_asked_for(
    double: type[TrackerDouble], series: Path, tmp_path: Path
) -> None:
    assert run(series, tmp_path / "raw") == 0
    assert run(series, tmp_path / "smooth", "--smooth") == 0
    raw, smooth = rows_of(tmp_path / "raw"), rows_of(tmp_path / "smooth")
    assert "smoothed_rotation_r_deg" not in raw[0] and smooth[2]["smoothed_rotation_r_deg"]
    assert [{name: row[name] for name in raw[0]} for row in smooth] == raw


def test_a_run_that_was_stopped_goes_on_with_the_frames_that_are_missing(
    double: type[TrackerDouble],
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    motion = TrackerDouble._motion

    def stops(self: TrackerDouble, index: int) -> object:
        if index == 3:
            raise KeyboardInterrupt
        return motion(self, index)

    with monkeypatch.context() as stopped:
        stopped.setattr(double, "_motion", stops)
        assert run(series, tmp_path / "out") == 130
    assert not (tmp_path / "out" / "report.json").exists()
    double.followed.clear()
    assert run(series, tmp_path / "out") == 0
    assert double.followed == [3, 4]
    assert len(rows_of(tmp_path / "out")) == FRAMES
    assert "3 of 5 frames are known from an earlier run" in capsys.readouterr().err
    double.followed.clear()
    assert run(series, tmp_path / "out") == 0
    assert double.followed == []


@pytest.mark.parametrize("options", [("--reference", "1"), ("--no-refine",)])
def test_frames_of_another_run_are_not_taken_over(
    double: type[TrackerDouble], series: Path, tmp_path: Path, capsys: pytest.CaptureFixture, options: tuple[str, ...]
) -> None:
    assert run(series, tmp_path / "out") == 0
    assert run(series, tmp_path / "out", *options) == 2
    assert "holds frames of another series, or tracked with another mask" in capsys.readouterr().err


@pytest.mark.parametrize(("lost", "status"), [({1, 2}, 0), ({1, 2, 3}, 3)])
def test_a_series_in_which_most_frames_are_lost_is_written_and_told(
    double: type[TrackerDouble],
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    lost: set[int],
    status: int,
) -> None:
    monkeypatch.setattr(double, "lost", frozenset(lost))
    assert run(series, tmp_path / "out") == status
    assert [row["status"] for row in rows_of(tmp_path / "out")].count("lost") == len(lost)
    assert ("In 3 of 5 frames the head was not found" in capsys.readouterr().err) is (status == 3)


def test_a_reference_without_a_head_is_status_3(
    double: type[TrackerDouble],
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def prepare(*_: object) -> None:
        raise HeadNotFound("No head was found in bold, frame 0.")

    monkeypatch.setattr(double, "prepare", prepare)
    assert run(series, tmp_path / "out") == 3
    assert capsys.readouterr().err.endswith("No head was found in bold, frame 0.\n")


def test_finished_frames_are_kept_where_a_frame_cannot_be_read(
    double: type[TrackerDouble], series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = TrackerDouble._motion

    def breaks(self: TrackerDouble, index: int) -> object:
        if index == 4:
            raise InputError("frame 4 cannot be read.")
        return motion(self, index)

    with monkeypatch.context() as broken:
        broken.setattr(double, "_motion", breaks)
        assert run(series, tmp_path / "out") == 2
    double.followed.clear()
    assert run(series, tmp_path / "out") == 0
    assert double.followed == [4]


def test_frames_that_could_not_be_read_are_told_and_tried_again(
    double: type[TrackerDouble],
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    motion = TrackerDouble._motion

    def dropped(self: TrackerDouble, index: int) -> FrameMotion:
        return unusable(index, 0.0, "It cannot be read.", True, 0.1) if index in (0, 3) else motion(self, index)

    with monkeypatch.context() as broken:
        broken.setattr(double, "_motion", dropped)
        assert run(series, tmp_path / "out") == 0
    rows = rows_of(tmp_path / "out")
    assert [row["status"] for row in rows] == ["unusable", "tracked", "tracked", "unusable", "tracked"]
    assert rows[3]["reasons"] == "It cannot be read."
    assert "Note: 2 of 5 frames could not be read: 0, 3. Start again to track them" in capsys.readouterr().err
    double.followed.clear()
    assert run(series, tmp_path / "out") == 0
    assert double.followed == [0, 3]
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["reference", *4 * ["tracked"]]


def test_the_mask_reaches_the_tracker(
    double: type[TrackerDouble], series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks: list[Volume | None] = []

    def prepare(self: TrackerDouble, *_: object) -> object:
        masks.append(self._mask)
        return TrackerDouble.prepare(self)

    monkeypatch.setattr(double, "prepare", prepare)
    frame = sample_frames(1)[0]
    write_nifti(tmp_path / "mask.nii.gz", replace(frame, voxels=(frame.voxels > 100).astype(np.uint8)))
    assert run(series, tmp_path / "out", "--mask", str(tmp_path / "mask.nii.gz")) == 0
    assert [mask is not None and mask.voxels.any() for mask in masks] == [True]


def test_a_box_is_a_mask(double: type[TrackerDouble], series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[Volume] = []

    def prepare(self: TrackerDouble, *_: object) -> object:
        assert self._mask is not None
        masks.append(self._mask)
        return TrackerDouble.prepare(self)

    monkeypatch.setattr(double, "prepare", prepare)
    assert run(series, tmp_path / "out", "--box", "20", "-30", "5", "-10", "30", "45") == 0
    (box,) = masks
    assert box.corners.min(axis=0).tolist() == [-10, -30, 5] and box.corners.max(axis=0).tolist() == [20, 30, 45]


def test_another_head_is_noted(
    double: type[TrackerDouble],
    series: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def prepare(self: TrackerDouble, *_: object) -> object:
        return replace(TrackerDouble.prepare(self), other_head=np.array([60.0, 0.0, -20.0]))

    monkeypatch.setattr(double, "prepare", prepare)
    assert run(series, tmp_path / "out") == 0
    assert "around R 60, A 0, S -20 mm, which is not followed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "unknown"), "no model called unknown"),
        (("--box", "0", "0", "0", "50", "0", "50"), "The box from --box is 50.0 × 0.0 × 50.0 mm: nothing fits into it"),
        (("--box", "0", "0", "0", "9", "9", "9", "--mask", "absent.nii.gz"), "--mask and --box both say where the head is"),
        (("--reference", "last"), "last does not say what the frames are to be aligned to"),
        (("--mask", "absent.nii.gz"), "no file absent.nii.gz"),
    ],
)
def test_bad_options_end_in_one_sentence_and_no_file(
    double: type[TrackerDouble],
    series: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    options: tuple[str, ...],
    words: str,
) -> None:
    assert run(series, tmp_path / "out", *options) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_single_volume_and_results_among_the_frames_are_refused(
    double: type[TrackerDouble], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_nifti(tmp_path / "scan.nii.gz", sample_volume(size=8))
    assert run(tmp_path / "scan.nii.gz", tmp_path / "out") == 2
    folder = write_folder(tmp_path / "frames", sample_frames(FRAMES))
    assert run(folder, folder) == 2
    said = capsys.readouterr().err
    assert "single volume, not a time series" in said and "is the folder of the series itself" in said


# -- lists ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, double: type[TrackerDouble]) -> list[Run]:
    """The runs that a list asks for; each is done in this process, by the command itself."""
    asked: list[Run] = []

    def engine_of(_jobs: int) -> Engine:
        def engine(runs: list[Run]) -> Iterator:
            asked.extend(runs)
            for run in runs:
                assert run.problem or main(list(run.words)) == 0
            return local_processes(1, (sys.executable, "-c", ""))(runs)

        return engine

    monkeypatch.setattr(engines, "local_processes", engine_of)
    return asked


def test_every_series_of_a_list_has_its_folder_and_its_row(series: Path, tmp_path: Path, asked: list[Run]) -> None:
    write_folder(tmp_path / "frames", sample_frames(FRAMES))
    (tmp_path / "list.csv").write_text("id,series,reference\none,bold.nii.gz,1\n,frames,\nnone,,\n")
    assert run(tmp_path / "list.csv", tmp_path / "out", "--smooth", "--jobs", "2") == 3
    assert [run.name for run in asked] == ["one", "frames", "none"]
    rows = list(csv.DictReader((tmp_path / "out" / "track.csv").open()))
    assert [row["status"] for row in rows] == ["done", "done", "failed"]
    assert rows[0]["frames"] == "5" and float(rows[0]["rotation_max_deg"]) == pytest.approx(8.0, abs=1e-3)
    assert rows[2]["sentence"] == "The series is missing."
    report = json.loads((tmp_path / "out" / "one" / "report.json").read_text())
    assert report["reference"]["asked_for"] == 1 and report["smoothed"]


def test_one_mask_for_a_whole_list_is_refused(tmp_path: Path, asked: list[Run], capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "list.csv").write_text("series\nbold.nii.gz\n")
    assert run(tmp_path / "list.csv", tmp_path / "out", "--mask", "mask.nii.gz") == 2
    assert "--mask is for one series" in capsys.readouterr().err
    assert run(tmp_path / "list.csv", tmp_path / "out", "--box", "0", "0", "0", "9", "9", "9") == 2
    assert "--box is for one series" in capsys.readouterr().err
    assert asked == []
