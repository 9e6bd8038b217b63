"""``register`` and ``models`` from the command line: files in, files out, sentences and exit statuses."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from conftest import REPOSITORY
from dicom_files import write_series
from KeypointRegistrationLib.__main__ import main
from KeypointRegistrationLib.commands import register
from KeypointRegistrationLib.commands.progress import ProgressLine
from KeypointRegistrationLib.detection.bundle import bundle_names, load_card
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.outputs import transform_text
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.transforms import apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_heatmaps, sample_keypoints, sample_matrix, sample_volume
from test_outputs import FILES, HEATMAPS

TRUTH = sample_matrix(40.0)
MODEL = "tiny"


class StandIn:
    """A detector that knows its answers: the keypoints of the fixed scan, then those of the moving one."""

    def __init__(self, sure: bool = True) -> None:
        keypoints = sample_keypoints(24)
        card = load_card(MODEL)
        self.card = replace(card, labels=keypoints.labels, variation=np.full(24, 3.0))
        self.warnings = ["A note on the device."]
        self.device = "cpu"
        moving = keypoints.moved(invert(TRUTH)) if sure else sample_keypoints(24, seed=1)
        self._answers: list[Keypoints] = [keypoints, moving]
        self.masks: list[Volume | None] = []

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        """The next answer."""
        self.masks.append(mask)
        keypoints = self._answers.pop(0)
        return Detection(keypoints, sample_heatmaps(keypoints))


@pytest.fixture
def detector(models: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The stand-in, in the place of the network."""
    detector = StandIn()
    monkeypatch.setattr(register, "_detector", lambda _model, _device: detector)
    return detector


@pytest.fixture
def scans(tmp_path: Path) -> tuple[Path, Path]:
    """The files of a scan, and of the same anatomy turned by 40° and a little brighter."""
    folder = tmp_path / "scans"
    folder.mkdir()
    fixed = sample_volume("fixed")
    write_nifti(folder / "fixed.nii.gz", fixed)
    write_nifti(folder / "moving.nii.gz", Volume(fixed.voxels + 1, invert(TRUTH) @ fixed.ijk_to_ras))
    return folder / "fixed.nii.gz", folder / "moving.nii.gz"


def run(fixed: Path, moving: Path, output: Path, *options: str) -> int:
    """``register`` with the tiny model."""
    words = [
        "register",
        str(fixed),
        str(moving),
        "--output",
        str(output),
        "--model",
        MODEL,
        "--transform",
        "rigid",
        *options,
    ]
    return main(words)


def report_of(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


@pytest.mark.usefixtures("detector")
def test_register_writes_all_files_and_says_how_good_it_is(
    scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run(*scans, tmp_path / "results", "--no-refine") == 0
    assert {path.name for path in (tmp_path / "results").iterdir()} == FILES
    report = report_of(tmp_path / "results")
    corners = read_volume(scans[0]).corners
    found = apply(np.array(report["moving_to_fixed_ras"]) @ invert(TRUTH), corners)
    assert np.linalg.norm(found - corners, axis=1).max() < 1.0
    assert report["seconds"]["total"] > report["seconds"]["detect"]
    said = capsys.readouterr()
    assert "Trust        good" in said.out and str(tmp_path / "results") in said.out
    assert "A note on the device." in said.err


@pytest.mark.usefixtures("detector")
def test_refinement_is_on_unless_it_is_switched_off(scans: tuple[Path, Path], tmp_path: Path) -> None:
    assert run(*scans, tmp_path / "results") == 0
    assert report_of(tmp_path / "results")["seconds"]["refine"] > 0.01


@pytest.mark.usefixtures("detector")
def test_heatmaps_are_written_when_asked_for(scans: tuple[Path, Path], tmp_path: Path) -> None:
    assert run(*scans, tmp_path / "results", "--no-refine", "--heatmaps") == 0
    assert {path.name for path in (tmp_path / "results").iterdir()} == FILES | HEATMAPS
    header = (tmp_path / "results" / "fixed_heatmaps.seq.nrrd").read_bytes()[:300]
    assert b"dimension: 4" in header


@pytest.mark.parametrize("kind", [".nii", ".nrrd", ".mha", ".mhd", "DICOM"])
@pytest.mark.usefixtures("detector")
def test_every_kind_of_scan_gives_the_same_alignment(scans: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    moving = read_volume(scans[1])
    if kind == "DICOM":
        other = write_series(tmp_path / "series", moving)
    else:
        other = tmp_path / f"moving{kind}"
        sitk.WriteImage(sitk.ReadImage(str(scans[1])), str(other))
    assert run(scans[0], other, tmp_path / "results", "--no-refine") == 0
    assert np.allclose(report_of(tmp_path / "results")["moving_to_fixed_ras"], TRUTH, atol=1e-3)
    moved = read_volume(tmp_path / "results" / "moved.nii.gz").voxels[2:-2, 2:-2, 2:-2]
    assert np.abs(moved - read_volume(scans[0]).voxels[2:-2, 2:-2, 2:-2] - 1.0).max() <= 1


def test_masks_and_a_starting_pose_are_used(detector: StandIn, scans: tuple[Path, Path], tmp_path: Path) -> None:
    fixed = read_volume(scans[0])
    write_nifti(tmp_path / "mask.nii.gz", Volume((fixed.voxels > 100).astype(np.uint8), fixed.ijk_to_ras))
    (tmp_path / "pose.tfm").write_text(transform_text(TRUTH))
    # Seen in the starting pose, the moving scan's keypoints lie where the fixed ones do.
    detector._answers = [sample_keypoints(24), sample_keypoints(24)]
    options = ("--no-refine", "--fixed-mask", str(tmp_path / "mask.nii.gz"), "--initial", str(tmp_path / "pose.tfm"))
    assert run(*scans, tmp_path / "results", *options) == 0
    assert [mask is not None for mask in detector.masks] == [True, False]
    assert np.allclose(report_of(tmp_path / "results")["moving_to_fixed_ras"], TRUTH, atol=1e-6)


def test_a_mask_that_misses_its_scan_is_refused(
    models: Path, scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert models.is_dir()
    fixed = read_volume(scans[0])
    far = fixed.ijk_to_ras.copy()
    far[:3, 3] += 5000
    write_nifti(tmp_path / "far.nii.gz", Volume((fixed.voxels > 100).astype(np.uint8), far))
    write_nifti(tmp_path / "empty.nii.gz", Volume(np.zeros(fixed.shape, np.uint8), fixed.ijk_to_ras))
    for name, words in {"far.nii.gz": "does not cover any", "empty.nii.gz": "is empty"}.items():
        assert_refused(scans, ("--fixed-mask", str(tmp_path / name)), tmp_path, capsys, f"mask {name} {words}")


def test_an_alignment_not_to_be_trusted_is_written_marked_and_told(
    models: Path, scans: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert models.is_dir()
    monkeypatch.setattr(register, "_detector", lambda _model, _device: StandIn(sure=False))
    assert run(*scans, tmp_path / "results", "--no-refine") == 3
    assert {path.name for path in (tmp_path / "results").iterdir()} == FILES
    assert report_of(tmp_path / "results")["trust"]["level"] == "do not trust"
    assert "No trustworthy alignment was found" in capsys.readouterr().err


def _changed(change: Callable[[Volume], Volume]) -> Callable[[Path], Path]:
    """A bad scan: the good one after a change."""

    def write(folder: Path) -> Path:
        write_nifti(folder / "bad.nii.gz", change(sample_volume("bad")))
        return folder / "bad.nii.gz"

    return write


def _text(folder: Path) -> Path:
    (folder / "bad.nii.gz").write_text("hello")
    return folder / "bad.nii.gz"


def _image(shape: tuple[int, ...], vector: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        sitk.WriteImage(sitk.GetImageFromArray(np.ones(shape, np.uint8), isVector=vector), str(folder / "bad.nrrd"))
        return folder / "bad.nrrd"

    return write


def _with(volume: Volume, value: float) -> Volume:
    voxels = volume.voxels.astype(np.float32)
    voxels[5, 6, 7] = value
    return replace(volume, voxels=voxels)


BAD_SCANS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "absent": (lambda folder: folder / "absent.nii.gz", "no file"),
    "not an image": (_text, "not an image"),
    "an empty folder": (lambda folder: folder, "without DICOM"),
    "2-D": (_image((30, 30)), "2-D"),
    "a single slice": (_image((1, 30, 30)), "single slice"),
    "colours": (_image((9, 30, 30, 3), vector=True), "3 values per voxel"),
    "a time series": (_image((4, 9, 30, 30)), "4 volumes"),
    "constant": (
        _changed(lambda volume: replace(volume, voxels=np.full_like(volume.voxels, 7))),
        "every voxel has the value 7",
    ),
    "NaN": (_changed(lambda volume: _with(volume, np.nan)), "not numbers"),
    "infinite": (_changed(lambda volume: _with(volume, np.inf)), "not numbers"),
}


@pytest.mark.parametrize("place", ["fixed", "moving"])
@pytest.mark.parametrize("kind", BAD_SCANS)
@pytest.mark.usefixtures("detector")
def test_a_bad_scan_ends_in_one_sentence_and_no_file(
    scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture, kind: str, place: str
) -> None:
    write, words = BAD_SCANS[kind]
    (tmp_path / "input").mkdir()
    bad = write(tmp_path / "input")
    pair = (bad, scans[1]) if place == "fixed" else (scans[0], bad)
    assert_refused(pair, (), tmp_path, capsys, words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "unknown"), "no model called unknown"),
        (("--fixed-mask", "absent.nii.gz"), "no file absent.nii.gz"),
        (("--moving-mask", "absent.nii.gz"), "no file absent.nii.gz"),
        (("--initial", "absent.tfm"), "no transform file absent.tfm"),
        (("--output", str(REPOSITORY / "pyproject.toml")), "not a folder"),
        (("--output", str(REPOSITORY / "pyproject.toml" / "below")), "cannot be written"),
    ],
)
@pytest.mark.usefixtures("detector")
def test_bad_options_end_in_one_sentence_and_no_file(
    scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture, options: tuple[str, ...], words: str
) -> None:
    assert_refused(scans, options, tmp_path, capsys, words)


@pytest.mark.usefixtures("detector")
def test_the_same_scan_twice_is_refused(scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    copy = tmp_path / "copy.nii.gz"
    copy.write_bytes(scans[0].read_bytes())
    assert_refused((scans[0], scans[0]), (), tmp_path, capsys, "same scan")
    assert_refused((scans[0], copy), (), tmp_path, capsys, "same scan")


def test_weights_that_are_not_those_of_their_card_are_refused(
    models: Path, scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    weights = models / MODEL / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert_refused(scans, (), tmp_path, capsys, "damaged or were exchanged")
    assert main(["models", "verify"]) == 2


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("detector")
def test_a_folder_without_permission_is_refused(
    scans: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_refused(scans, ("--output", str(tmp_path / "locked")), tmp_path, capsys, "cannot be written")


@pytest.mark.usefixtures("detector")
def test_a_fault_of_the_program_is_a_sentence_too(
    scans: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(register, "register", fail)
    assert run(*scans, tmp_path / "results") == 1
    said = capsys.readouterr().err
    assert "This should not have happened: first line second line." in said and "Traceback" not in said


@pytest.mark.usefixtures("detector")
def test_an_interrupted_run_leaves_nothing(
    scans: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(register, "register", interrupt)
    assert run(*scans, tmp_path / "results") == 130
    assert not (tmp_path / "results").exists()
    assert capsys.readouterr().err.endswith("Stopped.\n")


def test_a_run_ended_from_outside_while_it_writes_leaves_nothing(
    detector: StandIn, scans: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    output = tmp_path / "out"

    def end_us(path: Path, _volume: Volume) -> None:
        assert path.parent.name.startswith(".unfinished-")
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("KeypointRegistrationLib.files.outputs.write_nifti", end_us)
    assert run(*scans, output, "--no-refine") == 128 + signal.SIGTERM
    assert list(output.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_process_itself_ends_with_the_status_and_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "KeypointRegistrationLib"]
    words = ["register", "absent.nii.gz", "other.nii.gz", "--output", str(tmp_path / "results")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "KeypointRegistration")}
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "There is no file absent.nii.gz. Check its name."
    assert "Traceback" not in done.stderr and done.stdout == ""
    done = subprocess.run([*command, "regster"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2 and "invalid choice: 'regster'" in done.stderr


def test_models_are_listed_shown_and_verified(models: Path, capsys: pytest.CaptureFixture) -> None:
    assert models.is_dir()
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out == "tiny 0.0.1: A tiny model\n"
    assert main(["models", "show", MODEL]) == 0
    shown = capsys.readouterr().out
    assert "Not for anything." in shown and "rigid, affine" in shown and re.search(r"\b[0-9a-f]{64}\b", shown)
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out == "tiny 0.0.1: intact\n"
    assert main(["models", "show", "unknown"]) == 2
    assert "Available: tiny" in capsys.readouterr().err


def test_progress_is_a_bar_for_a_person_and_lines_for_a_log() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        with ProgressLine(stream) as progress:
            progress(0.0, "Reading")
            part = progress.part(0.5, 1.0)
            part(0.0, "Thinking")
            part(0.5, "Thinking")
    assert log.getvalue() == "Reading\nThinking\n"
    assert "75%" in terminal.getvalue() and "█" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K"), "the bar is taken away at the end"


@pytest.mark.skipif("brain-affine" not in bundle_names(), reason="needs the bundled model brain-affine")
def test_two_real_heads_are_registered_from_any_pose(shared_data: Path, tmp_path: Path) -> None:
    fixed = shared_data / "ixi_t1_2mm" / "IXI565-IOP-2396_T1.nii.gz"
    fixed = fixed if fixed.exists() else sorted((shared_data / "ixi_t1_2mm").glob("IXI565*_T1.nii.gz"))[0]
    moving = read_volume(sorted((shared_data / "ixi_t1_2mm").glob("IXI577*_T1.nii.gz"))[0])
    write_nifti(tmp_path / "turned.nii.gz", moving.moved(sample_matrix(60.0)))
    words = ["register", str(fixed), str(tmp_path / "turned.nii.gz"), "--output", str(tmp_path / "results")]
    assert main(words) == 0
    report = report_of(tmp_path / "results")
    assert report["similarity"]["after"] > report["similarity"]["before"]
    assert report["trust"]["level"] in ("good", "check")


def assert_refused(
    pair: tuple[Path, Path], options: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture, words: str
) -> None:
    """Exit status 2, one sentence after the stages, nothing written and nothing changed."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(*pair, folder / "results", *options) == 2
    said = capsys.readouterr()
    sentence = said.err.splitlines()[-1]
    assert re.search(words, sentence), sentence
    assert sentence.endswith(".") and "Traceback" not in said.err and said.out == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not (folder / "results").exists()
