"""The panel with the real worker and the real model, on real scans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from host.application import Application
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.volumes import volume_from_node
from panel_session import Session
from samples import sample_matrix, sample_volume

MODELS_FOLDER = bundle.models_folder  # before a test puts its own in place


def brain_overlap(fixed: Any, moving: Any, brains: dict[str, Volume]) -> float:
    """Dice overlap of two brains where the scene shows their scans now."""
    fixed_brain, moving_brain = (
        Volume(brains[node.GetName()].voxels > 0, volume_from_node(node).ijk_to_ras) for node in (fixed, moving)
    )
    grid = Grid.of(fixed_brain)
    moved = sample(moving_brain, grid, order=0) > 0.5
    return 2 * (moved & fixed_brain.voxels).sum() / (moved.sum() + fixed_brain.voxels.sum())


def test_two_real_heads_at_foreign_poses_are_aligned_by_the_real_worker(
    application: Application, made_up_result: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "models_folder", MODELS_FOLDER)
    if not bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    session = Session(application, made_up_result)
    nodes, brains = [], {}
    for name in ("IXI565-HH-2534", "IXI577-HH-2661"):
        nodes.append(session.add(replace(read_volume(shared_data / "ixi_t1_2mm" / f"{name}_T1.nii.gz"), name=name)))
        brains[name] = read_volume(shared_data / "ixi_t1_2mm" / f"{name}_dlmuse.nii.gz")
    fixed, moving = nodes
    parent = session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "foreign pose")
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(60.0, (40, -30, 25))))
    moving.SetAndObserveTransformNodeID(parent.GetID())
    assert brain_overlap(fixed, moving, brains) < 0.6

    session.person.choose("fixedVolumeSelector", fixed.GetName())
    session.person.choose("movingVolumeSelector", moving.GetName())
    session.person.open_section("advancedCollapsibleButton")
    session.person.click("refineCheckBox")
    session.person.click("applyButton")
    application.wait_until(lambda: session.person.widget("progressBar").value() > 0, "the first progress")
    session.wait_until_idle()

    assert session.person.sees("trustLabel"), session.person.reads("messageLabel")
    assert brain_overlap(fixed, moving, brains) > 0.85
    session.person.click("alignedCheckBox")
    assert brain_overlap(fixed, moving, brains) < 0.6


def test_a_constant_volume_is_refused_by_the_real_worker_in_a_sentence(
    application: Application, made_up_result: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "models_folder", MODELS_FOLDER)
    if not bundle.bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    session = Session(application, made_up_result)
    session.add(sample_volume("first head"))
    session.add(Volume(np.zeros((20, 20, 20), np.int16), np.eye(4), "nothing"))
    session.person.choose("fixedVolumeSelector", "first head")
    session.person.choose("movingVolumeSelector", "nothing")
    session.register()
    assert session.person.reads("messageLabel").startswith("nothing is empty: every voxel has the value 0.")
