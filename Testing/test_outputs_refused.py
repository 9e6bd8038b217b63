"""Where a disk refuses results: those of an earlier run stay as they are, and it is told in a sentence."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import REPOSITORY
from KeypointRegistrationLib.files.outputs import write_outputs
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_registration, sample_volume
from test_outputs import names, without_heatmaps


@pytest.fixture(scope="module")
def pair() -> tuple[Volume, Volume]:
    return sample_volume("fixed"), sample_volume("moving", seed=1)


@pytest.fixture(scope="module")
def written(pair: tuple[Volume, Volume], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an earlier run."""
    folder = tmp_path_factory.mktemp("outputs")
    write_outputs(folder, *pair, sample_registration())
    return folder


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


class StubbornDisk:
    """Refuses to move some files: by the number of the move, or by name into a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refuses: Callable[[int, Path, Path], bool]) -> None:
        self.moves = 0
        really_replace = Path.replace

        def replace_or_refuse(source: Path, target: Path) -> Path:
            self.moves += 1
            if refuses(self.moves, source, target):
                raise PermissionError(13, "Permission denied")
            return really_replace(source, target)

        monkeypatch.setattr(Path, "replace", replace_or_refuse)


@pytest.mark.parametrize("step", ["outputs.write_nifti", "outputs.write_heatmaps", "placing.ResultSet._put_in_place"])
def test_a_run_that_fails_leaves_the_earlier_results_alone(
    pair: tuple[Volume, Volume], written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(f"KeypointRegistrationLib.files.{step}", full_disk)
    with pytest.raises(InputError, match="not enough space"):
        write_outputs(tmp_path, *pair, sample_registration())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("number", [1, 2, 11, 12, 13, 20])
def test_a_run_that_fails_between_two_files_leaves_the_earlier_results_alone(
    pair: tuple[Volume, Volume], written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 11
    disk = StubbornDisk(monkeypatch, lambda move, *_: move == number)
    changed = replace(without_heatmaps(), fre=9.0)
    with pytest.raises(InputError, match="Permission denied"):
        write_outputs(tmp_path, *pair, changed)
    assert disk.moves >= number
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_first_run_that_fails_between_two_files_leaves_nothing(
    pair: tuple[Volume, Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StubbornDisk(monkeypatch, lambda _move, source, _target: source.name == "page.html")
    with pytest.raises(InputError, match="cannot be written"):
        write_outputs(tmp_path, *pair, without_heatmaps())
    assert names(tmp_path) == set()


def test_earlier_results_that_cannot_be_put_back_are_kept_and_it_is_said_where(
    pair: tuple[Volume, Volume], written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    before = (tmp_path / "page.html").read_bytes()
    StubbornDisk(monkeypatch, lambda _move, source, target: source.name == "page.html" and target.parent == tmp_path)
    with pytest.raises(InputError, match="could not be put back either: it is in") as refusal:
        write_outputs(tmp_path, *pair, without_heatmaps())
    (kept,) = tmp_path.glob(".earlier-*")
    assert str(kept) in str(refusal.value)
    assert (kept / "page.html").read_bytes() == before


def test_afull_disk_is_told_in_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from samples import sample_registration, sample_volume\n"
        "from KeypointRegistrationLib.files.outputs import write_outputs\n"
        "from KeypointRegistrationLib.geometry.errors import InputError\n"
        "try:\n    write_outputs(sys.argv[1], sample_volume(), sample_volume('b', seed=1), sample_registration())\n"
        "except InputError as error:\n    print(error)\n"
    )
    paths = [str(REPOSITORY / "KeypointRegistration"), str(REPOSITORY / "Testing")]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "results"), *paths],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert "not enough space" in done.stdout
    assert names(tmp_path / "results") == set()
