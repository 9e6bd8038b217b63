"""Panel, script and command line are three doors to one room: the same scans and options give the same matrix."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from host.application import Application
from KeypointRegistrationLib.__main__ import main
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import averaged
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.scene.results.handle import find_registrations
from panel_session import Session

NAMES = {"fixed": "IXI565-HH-2534", "moving": "IXI577-HH-2661"}


@pytest.fixture
def files(shared_data: Path, tmp_path: Path) -> dict[str, Path]:
    """Two real heads, small enough to be quick, and a mask on the fixed one, as files."""
    if not bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    folder, paths = shared_data / "ixi_t1_2mm", {}
    for role, name in NAMES.items():
        paths[role] = tmp_path / f"{role}.nii.gz"
        write_nifti(paths[role], averaged(read_volume(folder / f"{name}_T1.nii.gz"), (2, 2, 2)))
    brain = averaged(read_volume(folder / f"{NAMES['fixed']}_dlmuse.nii.gz"), (2, 2, 2))
    paths["mask"] = tmp_path / "mask.nii.gz"
    write_nifti(paths["mask"], Volume((brain.voxels > 0).astype(np.uint8), brain.ijk_to_ras))
    return paths


def test_panel_script_and_command_line_give_the_same_matrix(
    application: Application, made_up_result: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    session = Session(application, made_up_result)
    fixed, moving, mask = (session.add(replace(read_volume(files[role]), name=role)) for role in ("fixed", "moving", "mask"))
    person = session.person
    for widget, entry in {"fixedVolumeSelector": "fixed", "movingVolumeSelector": "moving"}.items():
        person.choose(widget, entry)
    person.choose("transformTypeComboBox", "Similarity (one scale)")
    person.open_section("advancedCollapsibleButton")
    person.choose("fixedMaskSelector", "mask")
    person.choose("deviceComboBox", "Processor (CPU)")
    session.register()
    (by_panel,) = find_registrations(session.scene)
    by_panel.applied = False

    options = RegistrationOptions.from_words(transform="similarity", device="cpu")
    by_script = session.panel.logic.register(fixed, moving, options, fixedMask=mask)

    words = ["register", str(files["fixed"]), str(files["moving"]), "--output", str(tmp_path / "out")]
    assert main([*words, "--transform", "similarity", "--device", "cpu", "--fixed-mask", str(files["mask"])]) == 0
    by_command = json.loads((tmp_path / "out" / "report.json").read_text())["moving_to_fixed_ras"]

    assert by_panel.registration.refined
    np.testing.assert_allclose(by_script.registration.moving_to_fixed, by_panel.registration.moving_to_fixed, atol=1e-6)
    np.testing.assert_allclose(by_command, by_panel.registration.moving_to_fixed, atol=1e-6)
