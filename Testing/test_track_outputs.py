"""What ``track`` leaves behind says the same to ITK, to Slicer and to a spreadsheet, and is whole or not there."""

from __future__ import annotations

import csv
import json
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from conftest import REPOSITORY
from host.mrml import RealScene
from KeypointRegistrationLib.files.scans import read_transform, read_volume
from KeypointRegistrationLib.files.series import outputs
from KeypointRegistrationLib.files.series.outputs import check_track_folder, write_track
from KeypointRegistrationLib.files.series.reading import read_series
from KeypointRegistrationLib.files.series.track_report import track_summary
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import affine, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.tracking.frames import FrameStatus, Track
from sample_track import MemorySeries, sample_run, sample_track

FILES = {
    "transforms", "transforms.seq.mrb", "stabilised.seq.nrrd", "reference.nii.gz", "motion.csv", "motion.png", "report.json",
}  # fmt: skip
SMOOTHED = {"smoothed_transforms", "smoothed_transforms.seq.mrb"}
RUN = sample_run()


@pytest.fixture(scope="module")
def track() -> Track:
    return sample_track()


@pytest.fixture(scope="module")
def series(track: Track) -> MemorySeries:
    """The reference where the head of each frame is; the lost frame shows it somewhere."""
    scan = track.reference.scan
    motions = [np.eye(4) if motion.moving_to_fixed is None else motion.moving_to_fixed for motion in track.frames]
    moved = [scan.moved(invert(matrix)) for matrix in motions]
    return MemorySeries(tuple(moved), tuple(motion.time for motion in track.frames))


@pytest.fixture(scope="module")
def written(series: MemorySeries, track: Track, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("track")
    write_track(folder, series, track, RUN)
    return folder


def smoothed_matrices() -> list[np.ndarray]:
    return [affine(np.eye(3), (index, 0, 0)) for index in range(4)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_everything_of_the_contract_is_written_and_nothing_else(written: Path) -> None:
    assert names(written) == FILES
    assert names(written / "transforms") == {"frame_0000.tfm", "frame_0001.tfm", "frame_0003.tfm"}


def test_each_frames_transform_is_the_motion_of_that_frame(written: Path, track: Track) -> None:
    for index in (0, 1, 3):
        matrix = read_transform(written / "transforms" / f"frame_{index:04}.tfm")
        assert np.allclose(matrix, track.frames[index].moving_to_fixed)


def test_the_head_of_the_stabilised_series_is_at_rest(written: Path, track: Track) -> None:
    scan = track.reference.scan
    stabilised = read_series(written / "stabilised.seq.nrrd")
    assert stabilised.times == (0, 2, 4, 6)
    for index in (0, 1, 3):
        frame = stabilised.frame(index)
        assert frame.voxels.dtype == scan.voxels.dtype and np.allclose(frame.ijk_to_ras, scan.ijk_to_ras)
        assert np.abs(frame.voxels.astype(float) - scan.voxels)[1:-1, 1:-1, 1:-1].max() <= 1


def test_a_frame_without_an_alignment_is_left_black(written: Path) -> None:
    assert not read_series(written / "stabilised.seq.nrrd").frame(2).voxels.any()


def test_slicer_opens_the_stabilised_series_by_drag_and_drop(written: Path, track: Track) -> None:
    scan = track.reference.scan
    with RealScene() as real:
        sequence = real.logics["Sequences"].AddSequence(str(written / "stabilised.seq.nrrd"))
        assert sequence.GetIndexName() == "time" and sequence.GetIndexUnit() == "s"
        assert [float(sequence.GetNthIndexValue(n)) for n in range(4)] == [0, 2, 4, 6]
        frame = sequence.GetNthDataNode(3)
        difference = slicer.util.arrayFromVolume(frame).astype(float) - scan.voxels
        assert np.abs(difference)[1:-1, 1:-1, 1:-1].max() <= 1
        position = vtk.vtkMatrix4x4()
        frame.GetIJKToRASMatrix(position)
        assert np.allclose(slicer.util.arrayFromVTKMatrix(position), scan.ijk_to_ras)


def test_slicer_opens_the_transforms_by_drag_and_drop_at_the_frames_that_have_one(written: Path, track: Track) -> None:
    with RealScene() as real:
        sequence = real.logics["Sequences"].AddSequence(str(written / "transforms.seq.mrb"))
        assert sequence.GetIndexUnit() == "s" and sequence.GetIndexName() == "time"
        assert [float(sequence.GetNthIndexValue(n)) for n in range(sequence.GetNumberOfDataNodes())] == [0, 2, 6]
        for number, index in enumerate((0, 1, 3)):
            matrix = slicer.util.arrayFromTransformMatrix(sequence.GetNthDataNode(number))
            assert np.allclose(matrix, track.frames[index].moving_to_fixed)


def test_the_transforms_follow_the_browser_of_the_series_in_slicer(written: Path, track: Track) -> None:
    with RealScene() as real:
        logic, scene = real.logics["Sequences"], real.scene
        volumes = logic.AddSequence(str(written / "stabilised.seq.nrrd"))
        transforms = logic.AddSequence(str(written / "transforms.seq.mrb"))
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
        browser.SetAndObserveMasterSequenceNodeID(volumes.GetID())
        browser.AddSynchronizedSequenceNodeID(transforms.GetID())
        for selected, shown in ((1, 1), (2, 1), (3, 3)):  # a lost frame keeps the transform before it
            browser.SetSelectedItemNumber(selected)
            logic.UpdateProxyNodesFromSequences(browser)
            matrix = slicer.util.arrayFromTransformMatrix(browser.GetProxyNode(transforms))
            assert np.allclose(matrix, track.frames[shown].moving_to_fixed)


def test_the_table_has_a_line_per_frame(written: Path) -> None:
    with (written / "motion.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["status"] for line in lines] == ["reference", "tracked", "lost", "tracked"]
    assert [line["rotation_angle_deg"] for line in lines] == ["0.0", "10.0", "", "25.0"]
    assert lines[1]["trust"] == "check" and lines[1]["refound"] == "yes" and lines[1]["keypoints_used"] == "15"
    assert lines[2]["trust"] == "" and lines[2]["reasons"] == "The head was not found."
    assert not any(name.startswith("smoothed") for name in lines[0])


def test_the_report_counts_what_became_of_the_frames(written: Path, track: Track) -> None:
    content = json.loads((written / "report.json").read_text(encoding="utf-8"))
    assert content["frames_by_status"] == {"reference": 1, "tracked": 2, "lost": 1, "unusable": 0}
    assert content["frames_by_trust"] == {"good": 1, "check": 2, "do not trust": 0}
    assert content["frames"][2]["moving_to_fixed_ras"] is None
    assert np.allclose(content["frames"][3]["moving_to_fixed_ras"], track.frames[3].moving_to_fixed)
    assert content["reference"] == {"asked_for": "first", "frame": 0, "centre_ras_mm": [1, 2, 3], "radius_mm": 50}
    assert content["warnings"] == ["A note."] and content["model"]["name"] == "foetal-rigid"
    assert content["seconds"]["track"] == 1.5 and content["seconds"]["write"] > 0
    summary = track_summary(content)
    assert "3 of 4 aligned, 1 lost, 0 unusable" in summary and "at most 25.00°" in summary


def test_smoothed_motion_has_files_and_columns_of_its_own(series: MemorySeries, track: Track, tmp_path: Path) -> None:
    write_track(tmp_path, series, track, RUN, smoothed=smoothed_matrices())
    assert names(tmp_path) == FILES | SMOOTHED
    assert names(tmp_path / "smoothed_transforms") == {f"frame_{index:04}.tfm" for index in range(4)}
    assert np.allclose(read_transform(tmp_path / "smoothed_transforms" / "frame_0003.tfm"), smoothed_matrices()[3])
    assert np.allclose(read_transform(tmp_path / "transforms" / "frame_0003.tfm"), track.frames[3].moving_to_fixed)
    with (tmp_path / "motion.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["smoothed_translation_r_mm"] for line in lines] == ["0.0", "1.0", "2.0", "3.0"]


def test_a_series_without_times_is_told_by_frame_numbers(series: MemorySeries, track: Track, tmp_path: Path) -> None:
    untimed = replace(track, frames=tuple(replace(motion, time=float(motion.index)) for motion in track.frames))
    write_track(tmp_path, series, untimed, replace(RUN, timed=False))
    assert not read_series(tmp_path / "stabilised.seq.nrrd").timed
    with RealScene() as real:
        for name in ("stabilised.seq.nrrd", "transforms.seq.mrb"):
            sequence = real.logics["Sequences"].AddSequence(str(tmp_path / name))
            assert sequence.GetIndexName() == "frame" and not sequence.GetIndexUnit()


def test_a_frame_without_an_alignment_need_not_be_readable(track: Track, tmp_path: Path) -> None:
    class Dropped(MemorySeries):
        def frame(self, index: int) -> Volume:
            if index == 0:
                raise InputError("Frame 0 cannot be read.")
            return super().frame(index)

    scan = track.reference.scan
    series = Dropped(len(track.frames) * (scan,), tuple(frame.time for frame in track.frames))
    unread = replace(track.frames[0], status=FrameStatus.UNUSABLE, moving_to_fixed=None, unread=True)
    write_track(tmp_path, series, replace(track, frames=(unread, *track.frames[1:])), RUN)
    stabilised = read_series(tmp_path / "stabilised.seq.nrrd")
    assert not stabilised.frame(0).voxels.any() and stabilised.frame(1).voxels.any()


@pytest.mark.parametrize("dtype", [np.bool_, np.float16, np.int64, np.float64])
def test_frames_of_any_number_type_can_be_written(track: Track, tmp_path: Path, dtype: type) -> None:
    scan = track.reference.scan
    still = replace(track, frames=tuple(replace(motion, moving_to_fixed=np.eye(4)) for motion in track.frames[:2]))
    frame = Volume((scan.voxels // 100).astype(dtype), scan.ijk_to_ras)
    write_track(tmp_path, MemorySeries((frame, frame), (0.0, 2.0)), still, RUN)
    again = read_series(tmp_path / "stabilised.seq.nrrd").frame(1)
    assert np.allclose(again.voxels, frame.voxels.astype(float), atol=1)
    assert np.array_equal(read_volume(tmp_path / "reference.nii.gz").voxels, scan.voxels)


def test_a_later_run_replaces_an_earlier_one_completely(series: MemorySeries, track: Track, tmp_path: Path) -> None:
    write_track(tmp_path, series, track, RUN, smoothed=smoothed_matrices())
    (tmp_path / "frames.jsonl").write_text("kept")
    write_track(tmp_path, series, replace(track, frames=track.frames[:2]), RUN)
    assert names(tmp_path) == FILES | {"frames.jsonl"}
    assert names(tmp_path / "transforms") == {"frame_0000.tfm", "frame_0001.tfm"}


def test_what_a_killed_run_has_left_unfinished_is_taken_away_and_nothing_else(
    series: MemorySeries, track: Track, tmp_path: Path
) -> None:
    killed, other = tmp_path / ".unfinished-killed", tmp_path / ".unfinished-notes"
    (killed / "transforms").mkdir(parents=True)
    (killed / "transforms" / "frame_0000.tfm").write_text("half")
    (killed / "stabilised.seq.nrrd").write_text("half of it")
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    write_track(tmp_path, series, track, RUN)
    assert not killed.exists()
    assert (other / "notes.txt").read_text() == "mine"
    assert names(tmp_path) == FILES | {other.name}


@pytest.mark.parametrize("step", ["write_nifti", "motion_picture", "report_text"])
def test_a_run_that_fails_leaves_the_earlier_results_alone(
    series: MemorySeries, track: Track, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(outputs, step, full_disk)
    with pytest.raises(InputError, match="not enough space"):
        write_track(tmp_path, series, replace(track, frames=track.frames[:2]), RUN)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("number", [1, 7, 8, 12, 14])
def test_a_run_that_fails_between_two_results_leaves_the_earlier_ones_alone(
    series: MemorySeries, track: Track, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    really_replace, moves = Path.replace, []

    def replace_or_refuse(source: Path, target: Path) -> Path:
        moves.append(source.name)
        if len(moves) == number:
            raise PermissionError(13, "Permission denied")
        return really_replace(source, target)

    monkeypatch.setattr(Path, "replace", replace_or_refuse)
    with pytest.raises(InputError, match="Permission denied"):
        write_track(tmp_path, series, replace(track, frames=track.frames[:2]), RUN)
    assert len(moves) >= number
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_frame_that_cannot_be_read_any_more_leaves_nothing(series: MemorySeries, track: Track, tmp_path: Path) -> None:
    class Deleted(MemorySeries):
        def frame(self, index: int) -> Volume:
            if index == 3:
                raise InputError("There is no file frame3.nii. Check its name.")
            return super().frame(index)

    with pytest.raises(InputError, match=r"frame3\.nii"):
        write_track(tmp_path, Deleted(series.volumes, series.times), track, RUN)
    assert names(tmp_path) == set()


def in_a_process(script: str, *arguments: object, **options: Any) -> str:
    """What a script prints that has the sample track, and a series of its reference, at hand."""
    begin = (
        "import resource, sys; sys.path[:0] = sys.argv[1:3]\n"
        "from dataclasses import replace\n"
        "from KeypointRegistrationLib.files.series.outputs import write_track\n"
        "from KeypointRegistrationLib.geometry.errors import InputError\n"
        "from sample_track import MemorySeries, sample_run, sample_track\n"
        "track = sample_track()\n"
        "series = MemorySeries((track.reference.scan,) * 60, tuple(range(60)))\n"
        "frames = [replace(track.frames[1], index=index, time=2.0 * index) for index in range(60)]\n"
    )
    paths = [str(REPOSITORY / "KeypointRegistration"), str(REPOSITORY / "Testing")]
    command = [sys.executable, "-c", begin + script, *paths, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def test_a_disk_full_at_a_later_frame_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "try:\n    write_track(sys.argv[3], series, replace(track, frames=tuple(frames)), sample_run())\n"
        "except InputError as error:\n    print(error)\n"
    )
    limit = 200_000
    said = in_a_process(
        script, tmp_path / "results", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert "not enough space" in said
    assert names(tmp_path / "results") == set()


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    """Frames of 2 MB: the most memory used after four of them, and after forty."""
    script = (
        "import numpy as np\n"
        "scan = replace(track.reference.scan, voxels=np.zeros((16, 256, 256), np.int16))\n"
        "class Large(MemorySeries):\n"
        "    def frame(self, index):\n        return replace(scan, voxels=scan.voxels + np.int16(index))\n"
        "reference = replace(track.reference, scan=scan)\n"
        "for count in (4, 40):\n"
        "    some = replace(track, reference=reference, frames=tuple(frames[:count]))\n"
        "    write_track(sys.argv[3], Large((), ()), some, sample_run())\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    few, many = map(int, in_a_process(script, tmp_path).split())
    assert many - few < 36 * 2_000 / 4  # kB: a quarter of what the other frames would take


def test_a_folder_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "transforms").mkdir()
    (tmp_path / "transforms" / "frame_0001.tfm").write_text("of an earlier run")
    check_track_folder(tmp_path)
    (tmp_path / "transforms" / "mine.tfm").write_text("mine")
    with pytest.raises(InputError, match="transforms holds other files too"):
        check_track_folder(tmp_path)


def test_an_input_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "transforms").mkdir()
    for name in ("stabilised.seq.nrrd", "transforms/frame_0001.tfm"):
        (tmp_path / name).write_text("input")
        with pytest.raises(InputError, match="is an input that the results would replace"):
            check_track_folder(tmp_path, [tmp_path / name])
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match="is the folder of the series itself"):
        check_track_folder(tmp_path, [tmp_path])


def test_the_picture_shows_where_the_head_was_lost(series: MemorySeries, track: Track) -> None:
    def redness(frames: Track) -> int:
        picture = outputs.motion_picture("series", outputs.motion_rows(frames)).astype(int)
        middle = picture[100:250, 300:1000]
        return int(((middle[..., 0] - middle[..., 2]) > 20).all(axis=0).sum())

    found = replace(track.frames[2], status=FrameStatus.TRACKED, moving_to_fixed=np.eye(4))
    assert redness(track) > 100
    assert redness(replace(track, frames=(*track.frames[:2], found, track.frames[3]))) == 0
