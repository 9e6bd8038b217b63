"""Every block of docs/scripting.md, run as it stands there, by the real worker and model."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import slicer
from conftest import REPOSITORY
from host.application import Application
from KeypointRegistrationLib.__main__ import main
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import averaged
from KeypointRegistrationLib.geometry.volume import Volume
from panel_session import MODULE

PAGE = (REPOSITORY / "docs" / "scripting.md").read_text(encoding="utf-8")
HEADS = {
    "fixed": "IXI565-HH-2534",
    "moving": "IXI577-HH-2661",
    "followup1": "IXI603-HH-2701",
    "followup2": "IXI577-HH-2661",
}


def blocks(language: str) -> list[str]:
    """The code blocks of the page in one language, each with as many empty lines before it as the page has lines."""
    found = re.finditer(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return ["\n" * PAGE.count("\n", 0, block.start(1)) + block.group(1) for block in found]


@pytest.fixture
def folder(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with the scans that the page speaks of, made small."""
    if "brain-affine" not in bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    for role, name in HEADS.items():
        head = read_volume(shared_data / "ixi_t1_2mm" / f"{name}_T1.nii.gz")
        write_nifti(tmp_path / f"{role}.nii.gz", averaged(head, (2, 2, 2)))
    brain = averaged(read_volume(shared_data / "ixi_t1_2mm" / f"{HEADS['fixed']}_dlmuse.nii.gz"), (2, 2, 2))
    write_nifti(tmp_path / "mask.nii.gz", Volume((brain.voxels > 0).astype(np.uint8), brain.ijk_to_ras))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_blocks_run_one_after_the_other(
    application: Application, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    application.leave(application.open_panel(MODULE))
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(compile(block, "docs/scripting.md", "exec"), names)
        application.process_events()
    said = capsys.readouterr().out
    assert "Choose two different volumes" in said
    assert (folder / "results" / "report.json").exists() and Path(names["page"]).exists()
    assert all(result.registration.fixed_keypoints.labels for result in names["others"].values())
    assert slicer.mrmlScene.GetFirstNodeByName("drawn on the moving scan").GetParentTransformNode() is not None
    assert names["logic"].worker.process is None  # closed


def test_the_commands_run(folder: Path, capsys: pytest.CaptureFixture) -> None:
    lines = [line for block in blocks("sh") for line in block.split("\n") if line]
    assert len(lines) == 3
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "keypoint-registration"
        assert main(words) in (0, 3), capsys.readouterr().err
    assert (folder / "out" / "report.json").exists() and (folder / "masked" / "report.json").exists()


def test_no_other_kind_of_block_escapes_the_tests() -> None:
    assert set(re.findall(r"^```(\w*)$", PAGE, re.MULTILINE)) == {"python", "sh", ""}
