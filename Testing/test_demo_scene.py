"""The demo leaves a scene that opens as the extension made it, and a picture of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from demo_scene import build_demo_scene
from host.mrml import RealScene, load_scene
from KeypointRegistrationLib.registration.result import KeypointStatus
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.viewing.slices import slice_layers
from samples import sample_registration, sample_volume
from test_scene_volumes import SHEARED
from vtk.util.numpy_support import vtk_to_numpy


def read_png(path: Path) -> np.ndarray:
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    registration = sample_registration()
    fixed = sample_volume("Atlas")
    moving = replace(fixed.moved(np.linalg.inv(registration.moving_to_fixed)), name="Brain T1")
    folder = tmp_path_factory.mktemp("demo")
    build_demo_scene(fixed, moving, registration, folder)
    return folder


def test_the_scene_opens_with_the_registration_in_its_views(folder: Path) -> None:
    with RealScene() as host:
        load_scene(host.scene, folder / "demo.mrb")
        (found,) = find_registrations(host.scene)
        assert found.applied
        assert found.moving_heatmap is not None
        views = slice_layers(host.scene)
        assert len(views) == 3
        for view in views:
            assert view.GetBackgroundVolumeID() == found.fixed_volume.GetID()
            assert view.GetForegroundVolumeID() == found.moving_volume.GetID()
        orientations = {node.GetLayoutName(): node.GetOrientation() for node in planes(host.scene)}
        assert orientations == {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}


def test_the_picture_shows_the_aligned_scan_like_the_fixed_one(folder: Path) -> None:
    picture = read_png(folder / "slices.png").astype(float)
    tile, gap, top = 380, 6, 58 + 26
    fixed, before, after = (
        picture[top : top + tile, gap + n * (tile + gap) : gap + n * (tile + gap) + tile] for n in range(3)
    )
    middle = np.s_[40:-40, 40:-40]  # without the letters at the edges
    assert np.abs(fixed[middle] - before[middle]).mean() > 8
    assert np.abs(fixed[middle] - after[middle]).mean() < 1


def test_it_works_for_what_is_not_like_the_demo_itself(tmp_path: Path) -> None:
    """Sheared 64-bit scans, no heatmaps, and no keypoint that carries the fit."""
    registration = sample_registration()
    registration = replace(
        registration,
        status=(KeypointStatus.EXCLUDED,) * len(registration.status),
        fixed_heatmaps=None,
        moving_heatmaps=None,
    )
    fixed, moving = (sample_volume(name, size=12, spacing=12.0).moved(SHEARED) for name in ("A", "B"))
    fixed = replace(fixed, voxels=fixed.voxels.astype(np.int64))
    build_demo_scene(fixed, moving, registration, tmp_path)
    with RealScene() as host:
        load_scene(host.scene, tmp_path / "demo.mrb")
        (found,) = find_registrations(host.scene)
        assert found.moving_heatmap is None
        matrix = vtk.vtkMatrix4x4()
        found.fixed_volume.GetIJKToRASMatrix(matrix)
        np.testing.assert_allclose(
            np.abs(np.linalg.det(slicer.util.arrayFromVTKMatrix(matrix))), np.abs(np.linalg.det(fixed.ijk_to_ras)), rtol=1e-4
        )


def planes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceNode]:
    return slicer.util.getNodesByClass("vtkMRMLSliceNode", scene)
