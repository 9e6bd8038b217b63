"""What is no time series, or not a whole one, is refused in a sentence that says what to do."""

from __future__ import annotations

import errno
import gzip
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from conftest import REPOSITORY
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.series import frame_file
from KeypointRegistrationLib.files.series.reading import read_series
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from series_files import sample_frames, write_dicom, write_folder, write_list_first, write_with_itk, write_with_slicer

FRAMES = sample_frames()


def changed(path: Path, offset: int, layout: str, *values: float) -> Path:
    """A file with other numbers at a place."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)
    return path


def shortened(path: Path, count: int = 10) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def edited(path: Path, before: str, after: str) -> Path:
    """A NRRD file with a changed header."""
    content = path.read_bytes()
    assert before.encode() in content
    path.write_bytes(content.replace(before.encode(), after.encode(), 1))
    return path


def single(path: Path, suffix: str) -> Path:
    if suffix == ".nrrd":
        sitk.WriteImage(sitk.GetImageFromArray(FRAMES[0].voxels), str(path / "one.nrrd"))
    else:
        write_nifti(path / "one.nii.gz", FRAMES[0])
    return path / f"one{suffix}"


def unlike(folder: Path, frame: Volume) -> Path:
    write_folder(folder, FRAMES)
    write_nifti(folder / "scan11.nii.gz", frame)
    return folder


def numbered(folder: Path, **more: object) -> Path:
    return write_dicom(folder, FRAMES, [{"TemporalPositionIdentifier": n, **more} for n in range(len(FRAMES))])


def without_a_slice(folder: Path) -> Path:
    numbered(folder)
    next(folder.glob("100-*")).unlink()
    return folder


def backwards(folder: Path) -> Path:
    clock = [0, 2, 4, 3, 8]
    tags = [{"TemporalPositionIdentifier": n, "AcquisitionTime": f"10000{s}.0"} for n, s in enumerate(clock)]
    return write_dicom(folder, FRAMES, tags)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda p: p / "absent.nii", "no file"),
        (lambda p: single(p, ".nii.gz"), "single volume, not a time series"),
        (lambda p: single(p, ".nrrd"), "single volume, not a time series"),
        (lambda p: write_with_itk(p / "a.nii", FRAMES[:1]), "single volume, not a time series"),
        (lambda p: write_with_slicer(p / "a.seq.nrrd", FRAMES[:1], ["0"]), "single volume, not a time series"),
        (lambda p: write_folder(p / "a", FRAMES[:1]), "a single volume, scan9.nii.gz"),
        (lambda p: write_dicom(p / "a", FRAMES[:1], [{}]), "single volume, not a time series"),
        (lambda p: unlike(p / "a", sample_frames(1, 9)[0]), "has 7 × 9 × 8 voxels, but scan9.nii.gz has 6 × 8"),
        (lambda p: unlike(p / "a", FRAMES[0].moved(np.diag([2.0, 2, 2, 1]))), "scan11.nii.gz has voxels of"),
        (lambda p: shortened(write_with_itk(p / "a.nii", FRAMES)), "ends within frame 4"),
        (lambda p: shortened(write_with_itk(p / "a.nii.gz", FRAMES)), "damaged or incomplete"),
        (lambda p: shortened(write_list_first(p / "a.nrrd", FRAMES)), "damaged or incomplete"),
        (lambda p: shortened(write_with_slicer(p / "a.seq.nrrd", FRAMES, list("01234"))), "damaged or incomplete"),
        (lambda p: changed(write_with_itk(p / "a.nii", FRAMES), 76 + 4, "<f", 0.0), "spacing of 0"),
        (lambda p: changed(write_with_itk(p / "a.nii", FRAMES), 108, "<f", np.nan), "places the voxels at byte nan"),
        (lambda p: changed(write_with_itk(p / "a.nii", FRAMES), 108, "<f", 1e12), "ends within frame 0"),
        (lambda p: changed(write_with_itk(p / "a.nii", FRAMES), 40, "<6h", 5, 6, 8, 7, 5, 2), "5 dimensions"),
        (lambda p: write_list_first(p / "a.nrrd", FRAMES, "0 1 3 2 4"), "frame 3 .2 s. does not come after frame 2 .3 s."),
        (lambda p: write_list_first(p / "a.nrrd", FRAMES, "0 1 1 2 4"), "not in the order of time"),
        (lambda p: write_list_first(p / "a.nrrd", FRAMES, "0 1 2 3"), "4 times for 5 frames"),
        (lambda p: write_list_first(p / "a.nrrd", FRAMES, "0 1 ? 3 5"), "no time for frame 2"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), "list domain", "vector domain"), "5 values per voxel"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), ": raw", ": hex"), "stores its numbers as hex"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), ": short", ": block"), "does not fit 'block'"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), "dimension: 4", "data file: a%d.raw 1 5 1"), "several"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), "dimension: 4", "data file: b.raw"), "which is not"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), "none (", "(1,0,0) ("), "cannot be read"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), "space origin: (", "space origin: (nan,"), "not finite"),
        (lambda p: edited(write_list_first(p / "a.nrrd", FRAMES), "none (", "none (0,0,0) ("), "cannot be read"),
        (lambda p: without_a_slice(p / "a"), "lacks slices: 4 images of slice"),
        (lambda p: backwards(p / "a"), "not in the order of time"),
        (lambda p: write_dicom(p / "a", FRAMES, [{}] * 5), "which of its slices belong to which time"),
        (lambda p: numbered(p / "a", ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"]), "mosaics.*dcm2niix"),
        (lambda p: numbered(p / "a", NumberOfFrames=12), "enhanced DICOM.*dcm2niix"),
        (lambda p: p, "without DICOM images"),
        (lambda p: _text(p / "a.nrrd"), "no NRRD header"),
        (lambda p: _text(p / "a.nii"), "no NIfTI header"),
        (lambda p: _text(p / "a.mp4"), "not a time series that can be read"),
    ],
)  # fmt: skip
def test_what_is_no_series_is_refused(tmp_path: Path, write: Callable[[Path], Path], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_series(write(tmp_path))


def test_a_file_shortened_after_it_was_opened_is_told_at_the_frame(tmp_path: Path) -> None:
    path = write_with_itk(tmp_path / "series.nii", FRAMES)
    series = read_series(path)
    shortened(path, 3 * FRAMES[0].voxels.nbytes)
    assert np.array_equal(series.frame(1).voxels, FRAMES[1].voxels)
    with pytest.raises(InputError, match="ends within frame 3"):
        series.frame(3)


def test_a_file_deleted_after_it_was_opened_is_told_at_the_frame(tmp_path: Path) -> None:
    plain, folder = write_with_itk(tmp_path / "series.nii", FRAMES), write_folder(tmp_path / "folder", FRAMES)
    packed = write_with_itk(tmp_path / "series.nii.gz", FRAMES)
    opened = [read_series(path) for path in (plain, folder, packed)]
    plain.unlink()
    packed.unlink()
    shutil.rmtree(folder)
    for series in opened[:2]:
        with pytest.raises(InputError, match=r"Frame 2 of .* cannot be read|There is no file"):
            series.frame(2)
    assert np.array_equal(opened[2].frame(2).voxels, FRAMES[2].voxels)  # it was unpacked


def test_a_disk_too_full_to_unpack_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(frame_file, "_copy", full)
    with pytest.raises(InputError, match=r"not enough space in .* to unpack .* TMPDIR"):
        read_series(write_with_itk(tmp_path / "series.nii.gz", FRAMES))


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    """Frames of 8 MB, 40 of them, in a process that may not take 160 MB more than it has."""
    frame = np.zeros((32, 256, 512), np.int16)
    header = bytearray(write_with_itk(tmp_path / "small.nii", FRAMES).read_bytes()[:352])
    struct.pack_into("<8h", header, 40, 4, 512, 256, 32, 40, 1, 1, 1)
    path = tmp_path / "large.nii.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header)
        for index in range(40):
            frame[0, 0, 0] = index
            file.write(frame.data)
    script = (
        "import resource, sys; sys.path.insert(0, sys.argv[2])\n"
        "from KeypointRegistrationLib.files.series.reading import read_series\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 160_000_000,) * 2)\n"
        "series = read_series(sys.argv[1])\n"
        "print([int(series.frame(index).voxels[0, 0, 0]) for index in range(40)] == list(range(40)))\n"
    )
    command = [sys.executable, "-c", script, str(path), str(REPOSITORY / "KeypointRegistration")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr


def _text(path: Path) -> Path:
    path.write_bytes(b"hello " * 100)
    return path
