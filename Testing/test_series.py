"""Every kind of time series arrives frame by frame, in RAS and in seconds, unaltered."""

from __future__ import annotations

import gc
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from host.mrml import RealScene
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.series.reading import read_series
from KeypointRegistrationLib.files.series.stored import StoredSeries
from KeypointRegistrationLib.geometry.volume import Volume
from series_files import (
    SECONDS,
    sample_frames,
    write_dicom,
    write_folder,
    write_list_first,
    write_with_itk,
    write_with_slicer,
)

FRAMES = sample_frames()
TIMES = tuple(SECONDS * index for index in range(len(FRAMES)))
STATED = [f"{time:g}" for time in TIMES]


def assert_read(series: StoredSeries, frames: list[Volume], times: tuple[float, ...]) -> None:
    """Frames are asked for out of order, and more than once."""
    assert series.times == pytest.approx(times)
    for index in (len(frames) - 1, *range(len(frames)), 0):
        frame = series.frame(index)
        assert np.array_equal(frame.voxels, frames[index].voxels) and frame.voxels.dtype == np.int16
        assert np.allclose(frame.ijk_to_ras, frames[index].ijk_to_ras, atol=1e-4)
        assert frame.name == f"{series.name}, frame {index}"


def test_slicer_reads_the_same_from_a_file_with_the_frames_axis_first(tmp_path: Path) -> None:
    """The file is made for these tests; this makes sure that it is what it is said to be."""
    path = write_list_first(tmp_path / "series.seq.nrrd", FRAMES)
    with RealScene() as real:
        sequence = real.logics["Sequences"].AddSequence(str(path))
        for index, frame in enumerate(FRAMES):
            node, position = sequence.GetNthDataNode(index), vtk.vtkMatrix4x4()
            node.GetIJKToRASMatrix(position)
            assert np.array_equal(slicer.util.arrayFromVolume(node), frame.voxels)
            assert np.allclose(slicer.util.arrayFromVTKMatrix(position), frame.ijk_to_ras)


def test_big_endian_files_and_nifti_2(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    voxels = np.stack([frame.voxels for frame in FRAMES]).astype(">i2")
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        swapped = kind(voxels.T, FRAMES[0].ijk_to_ras, kind.header_class(endianness=">"))
        swapped.set_data_dtype(np.int16)
        swapped.header.set_zooms((*FRAMES[0].spacing, SECONDS))
        swapped.header["toffset"] = 3.0
        swapped.header.set_xyzt_units("mm", "sec")
        nibabel.save(swapped, tmp_path / "series.nii")
        assert_read(read_series(tmp_path / "series.nii"), FRAMES, tuple(3.0 + time for time in TIMES))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
def test_a_file_of_itk(tmp_path: Path, suffix: str) -> None:
    assert_read(read_series(write_with_itk(tmp_path / f"series{suffix}", FRAMES)), FRAMES, TIMES)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", [".seq.nrrd", ".seq.nhdr"])
def test_a_sequence_of_slicer(tmp_path: Path, suffix: str, compressed: bool) -> None:
    path = write_with_slicer(tmp_path / f"series{suffix}", FRAMES, STATED, compressed=compressed)
    assert_read(read_series(path), FRAMES, TIMES)


def test_a_sequence_with_the_frames_axis_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("KeypointRegistrationLib.files.series.frame_file._CHUNK", 7 * len(FRAMES) * 2)
    assert_read(read_series(write_list_first(tmp_path / "series.seq.nrrd", FRAMES)), FRAMES, TIMES)


def test_a_folder_of_volumes_in_natural_order(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "series", FRAMES)
    (folder / "notes.txt").write_text("not a frame")
    series = read_series(folder)
    assert_read(series, FRAMES, tuple(range(len(FRAMES))))
    assert not series.timed and "does not say when" in series.notes[0]


def test_frames_of_a_folder_may_lie_elsewhere(tmp_path: Path) -> None:
    frames = [frame.moved(np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * index) for index, frame in enumerate(FRAMES)]
    assert_read(read_series(write_folder(tmp_path / "series", frames)), frames, tuple(range(len(frames))))


@pytest.mark.parametrize(
    "tags",
    [
        lambda n: {"TemporalPositionIdentifier": n + 1, "AcquisitionTime": f"2359{50 + SECONDS * n:09.6f}"},
        lambda n: {"AcquisitionNumber": n + 1, "TriggerTime": 100 + 1000 * SECONDS * n},
        lambda n: {"AcquisitionTime": f"1030{SECONDS * n:09.6f}"},
        lambda n: {"InstanceNumber": n + 1, "RepetitionTime": 1000 * SECONDS},
        lambda n: {"TemporalPositionIdentifier": n + 1, "TemporalResolution": 1000 * SECONDS},
    ],
    ids=["temporal position", "acquisition", "clock", "instance", "resolution"],
)
def test_a_dicom_series_is_sorted_by_what_tells_its_times(tmp_path: Path, tags: Callable[[int], dict]) -> None:
    folder = write_dicom(tmp_path / "series", FRAMES, [tags(index) for index in range(len(FRAMES))])
    assert_read(read_series(folder), FRAMES, TIMES)


def test_a_dicom_series_over_midnight_goes_on(tmp_path: Path) -> None:
    clock = ["235958.5", "000000.0", "000001.5", "000003.0", "000004.5"]
    tags = [{"TemporalPositionIdentifier": index, "AcquisitionTime": time} for index, time in enumerate(clock)]
    assert_read(read_series(write_dicom(tmp_path / "series", FRAMES, tags)), FRAMES, TIMES)


def test_a_clock_too_coarse_for_the_frames_is_not_followed(tmp_path: Path) -> None:
    clock = ["100000", "100001", "100001", "100002", "100002"]
    tags = [
        {"TemporalPositionIdentifier": n, "AcquisitionTime": time, "RepetitionTime": 500} for n, time in enumerate(clock)
    ]
    assert_read(read_series(write_dicom(tmp_path / "series", FRAMES, tags)), FRAMES, (0, 0.5, 1, 1.5, 2))


def test_a_dicom_series_without_a_clock_says_where_its_times_are_from(tmp_path: Path) -> None:
    tags = [{"TemporalPositionIdentifier": index, "RepetitionTime": 1500} for index in range(len(FRAMES))]
    (note,) = read_series(write_dicom(tmp_path / "series", FRAMES, tags)).notes
    assert "one repetition time (1.5 s) apart" in note


def test_times_in_milliseconds_become_seconds(tmp_path: Path) -> None:
    stated = [f"{1000 * time:g}" for time in TIMES]
    assert read_series(write_with_slicer(tmp_path / "a.seq.nrrd", FRAMES, stated, unit="ms")).times == pytest.approx(TIMES)
    path = write_with_itk(tmp_path / "a.nii", FRAMES, 1000 * SECONDS)
    content = bytearray(path.read_bytes())
    struct.pack_into("<B", content, 123, 2 | 16)
    path.write_bytes(content)
    assert read_series(path).times == pytest.approx(TIMES)


@pytest.mark.parametrize("step", [0.0, -2.0, float("nan")])
def test_a_nifti_without_times_counts_its_frames_and_says_so(tmp_path: Path, step: float) -> None:
    path = write_with_itk(tmp_path / "a.nii", FRAMES)
    content = bytearray(path.read_bytes())
    struct.pack_into("<f", content, 76 + 4 * 4, step)
    path.write_bytes(content)
    series = read_series(path)
    assert series.times == (0, 1, 2, 3, 4) and not series.timed and len(series.notes) == 1


def test_a_sequence_whose_index_is_no_time_counts_its_frames(tmp_path: Path) -> None:
    path = write_with_slicer(tmp_path / "a.seq.nrrd", FRAMES, ["rest", "hand", "foot", "eyes", "end"], unit="")
    series = read_series(path)
    assert series.times == (0, 1, 2, 3, 4) and not series.timed


def test_scaled_values_are_those_that_the_header_means(tmp_path: Path) -> None:
    path = write_with_itk(tmp_path / "a.nii", FRAMES)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 0.5, -3.0)
    path.write_bytes(content)
    assert np.allclose(read_series(path).frame(2).voxels, FRAMES[2].voxels * 0.5 - 3)


def test_frames_that_are_not_finite_are_read_all_the_same(tmp_path: Path) -> None:
    frames = [Volume(frame.voxels.astype(np.float32), frame.ijk_to_ras) for frame in FRAMES]
    frames[1].voxels[:] = np.nan
    frames[2].voxels[:] = 0
    folder = tmp_path / "series"
    folder.mkdir()
    for index, frame in enumerate(frames):
        write_nifti(folder / f"{index}.nii.gz", frame)
    series = read_series(folder)
    assert np.isnan(series.frame(1).voxels).all() and not series.frame(2).voxels.any()


def test_files_of_different_number_types_become_frames_of_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "series", FRAMES)
    write_nifti(folder / "scan10.nii.gz", Volume(FRAMES[1].voxels.astype(np.uint16), FRAMES[1].ijk_to_ras))
    series = read_series(folder)
    assert {series.frame(index).voxels.dtype for index in range(5)} == {np.dtype(np.int32)}
    assert np.array_equal(series.frame(1).voxels, FRAMES[1].voxels)


def test_an_unpacked_series_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_with_itk(tmp_path / "series.nii.gz", FRAMES)
    files = Path("/proc/self/fd")
    if not files.is_dir():
        pytest.skip("needs a system that tells which files are open")
    gc.collect()
    before = len(list(files.iterdir()))
    series = read_series(path)
    assert len(list(files.iterdir())) == before + 1
    del series
    gc.collect()
    assert len(list(files.iterdir())) == before
    assert list(tmp_path.iterdir()) == [path]
