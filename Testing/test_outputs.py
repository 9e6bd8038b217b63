"""What ``register`` leaves behind says the same to ITK, to Slicer and to a spreadsheet, and is whole or not there."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from host.mrml import RealScene
from KeypointRegistrationLib.files.markups import markups_text
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.outputs import check_folder, write_outputs
from KeypointRegistrationLib.files.report import keypoints_table, report, summary
from KeypointRegistrationLib.files.resampling import resampled
from KeypointRegistrationLib.files.scans import read_transform, read_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import KeypointStatus, Registration, Trust, TrustLevel
from samples import sample_registration, sample_volume

FILES = {
    "transform.tfm", "moved.nii.gz", "fixed_keypoints.mrk.json", "moving_keypoints.mrk.json", "keypoints.csv", "report.json",
    "overview.png", "before_after.png", "page.html",
}  # fmt: skip
HEATMAPS = {"fixed_heatmaps.seq.nrrd", "moving_heatmaps.seq.nrrd"}


def without_heatmaps() -> Registration:
    return replace(sample_registration(), fixed_heatmaps=None, moving_heatmaps=None)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def pair() -> tuple[Volume, Volume]:
    """A scan, and itself where ``sample_registration`` brings it back from."""
    fixed = sample_volume("fixed")
    moved = fixed.moved(np.linalg.inv(sample_registration().moving_to_fixed))
    return fixed, replace(moved, name="moving")


@pytest.fixture(scope="module")
def written(pair: tuple[Volume, Volume], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    write_outputs(folder, *pair, sample_registration())
    return folder


def test_everything_of_the_contract_is_written_and_nothing_else(pair: tuple[Volume, Volume], tmp_path: Path) -> None:
    write_outputs(tmp_path / "new" / "folder", *pair, without_heatmaps())
    assert names(tmp_path / "new" / "folder") == FILES


def test_a_later_run_replaces_an_earlier_one_completely(pair: tuple[Volume, Volume], written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    (tmp_path / "notes.txt").write_text("mine")
    assert names(tmp_path) == FILES | HEATMAPS | {"notes.txt"}
    write_outputs(tmp_path, *pair, without_heatmaps())
    assert names(tmp_path) == FILES | {"notes.txt"}


def test_the_transform_takes_fixed_to_moving_points_in_lps_for_itk(written: Path) -> None:
    transform = sitk.ReadTransform(str(written / "transform.tfm"))
    flip = np.array([-1, -1, 1])
    for moving in np.array([[0, 0, 0], [30, -40, 50]], dtype=float):
        fixed = (sample_registration().moving_to_fixed @ [*moving, 1])[:3]
        assert np.allclose(np.array(transform.TransformPoint(tuple(fixed * flip))) * flip, moving)
    assert np.allclose(read_transform(written / "transform.tfm"), sample_registration().moving_to_fixed)


def test_the_moved_scan_lies_on_the_fixed_one(pair: tuple[Volume, Volume], written: Path) -> None:
    moved = read_volume(written / "moved.nii.gz")
    assert moved.voxels.dtype == pair[1].voxels.dtype
    assert np.allclose(moved.ijk_to_ras, pair[0].ijk_to_ras, atol=1e-4)
    difference = np.abs(moved.voxels.astype(float) - pair[0].voxels)[1:-1, 1:-1, 1:-1]
    assert difference.max() <= 1


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.uint32, np.int64, np.float16, np.float32, np.float64])
def test_a_moving_scan_of_any_number_type_can_be_written(tmp_path: Path, dtype: type) -> None:
    fixed, moving = sample_volume("fixed"), sample_volume("moving", seed=1)
    shear = np.eye(4)
    shear[0, 1] = 0.2
    moving = replace(moving, voxels=(moving.voxels // 10).astype(dtype))
    moving_to_fixed = sample_registration().moving_to_fixed
    write_nifti(tmp_path / "moved.nii.gz", resampled(fixed.moved(shear), moving, moving_to_fixed))
    moved = read_volume(tmp_path / "moved.nii.gz")
    assert np.allclose(moved.ijk_to_ras, shear @ fixed.ijk_to_ras, atol=1e-4)
    expected = sample(moving, Grid.of(fixed.moved(shear)), moving_to_fixed)
    inner = expected[2:-2, 2:-2, 2:-2] > 0
    assert np.abs(moved.voxels[2:-2, 2:-2, 2:-2][inner] - expected[2:-2, 2:-2, 2:-2][inner]).max() <= 1


def test_slicer_reads_transform_points_and_maps(written: Path) -> None:
    registration = sample_registration()
    with RealScene() as real:
        transform = _read(real.scene.AddNewNodeByClass("vtkMRMLTransformNode"), written / "transform.tfm")
        assert np.allclose(slicer.util.arrayFromTransformMatrix(transform), registration.moving_to_fixed)
        for side in ("fixed", "moving"):
            keypoints = getattr(registration, f"{side}_keypoints")
            points = _read(
                real.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode"), written / f"{side}_keypoints.mrk.json"
            )
            assert np.allclose(slicer.util.arrayFromMarkupsControlPoints(points), keypoints.positions)
            labels = [points.GetNthControlPointLabel(k) for k in range(len(keypoints))]
            assert labels == list(keypoints.labels)
            missing = [points.GetNthControlPointPositionStatus(k) == points.PositionMissing for k in range(len(keypoints))]
            assert missing == [status is KeypointStatus.MISSING for status in registration.status]
            selected = [points.GetNthControlPointSelected(k) for k in range(len(keypoints))]
            assert np.array_equal(selected, registration.used)
            residuals = slicer.util.arrayFromMarkupsControlPointData(points, "residual")
            assert np.allclose(residuals, registration.residuals, equal_nan=True)
            assert points.GetMeasurement("residual").GetUnits() == "mm"
        maps = real.scene.AddNewNodeByClass("vtkMRMLSequenceNode")
        storage = real.scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
        storage.SetFileName(str(written / "fixed_heatmaps.seq.nrrd"))
        assert storage.ReadData(maps)
        labels = [maps.GetNthIndexValue(k) for k in range(maps.GetNumberOfDataNodes())]
        assert labels == list(registration.fixed_keypoints.labels)
        third = maps.GetNthDataNode(3)
        assert np.allclose(slicer.util.arrayFromVolume(third), registration.fixed_heatmaps.values[3])
        position = vtk.vtkMatrix4x4()
        third.GetIJKToRASMatrix(position)
        assert np.allclose(slicer.util.arrayFromVTKMatrix(position), registration.fixed_heatmaps.grid.ijk_to_ras)


def test_a_keypoint_is_missing_only_in_the_scan_that_lacks_it() -> None:
    registration = without_heatmaps()
    presence = registration.moving_keypoints.presence.copy()
    presence[1] = 0.1
    registration = replace(registration, moving_keypoints=replace(registration.moving_keypoints, presence=presence))
    for side, status in (("fixed", "defined"), ("moving", "missing")):
        document = json.loads(markups_text(registration, side))
        assert document["markups"][0]["controlPoints"][1]["positionStatus"] == status


def test_the_table_has_one_line_per_keypoint_in_ras(written: Path) -> None:
    registration = sample_registration()
    with (written / "keypoints.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["label"] for line in lines] == list(registration.fixed_keypoints.labels)
    aligned = registration.moving_keypoints.moved(registration.moving_to_fixed).positions
    for k, line in enumerate(lines):
        assert np.allclose(
            [float(line[f"fixed_{axis}"]) for axis in "ras"], registration.fixed_keypoints.positions[k], atol=1e-3
        )
        assert np.allclose([float(line[f"aligned_{axis}"]) for axis in "ras"], aligned[k], atol=1e-3)
        assert line["status"] == registration.status[k].value
    assert lines[1]["residual_mm"] == ""


def test_the_report_holds_what_the_contract_names(pair: tuple[Volume, Volume], tmp_path: Path) -> None:
    registration = replace(without_heatmaps(), trust=Trust(TrustLevel.DO_NOT_TRUST, ("Too few pairs.",)), fre=float("nan"))
    returned = write_outputs(tmp_path, *pair, registration, load_seconds=1.25)
    content = json.loads(
        (tmp_path / "report.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON")
    )
    assert content == returned
    assert np.allclose(content["moving_to_fixed_ras"], registration.moving_to_fixed)
    assert content["transform_type"] == "rigid"
    assert (content["keypoints_used"], content["keypoints_total"]) == (14, 16)
    assert content["fre_mm"] is None
    assert content["predicted_tre_mm"] == {"centre": 0.5, "median": 0.9, "p95": 1.2}
    assert content["similarity"] == {"before": 1.05, "after": 1.21}
    assert {"load", "prepare", "detect", "align", "refine", "write", "total"} <= set(content["seconds"])
    assert content["seconds"]["load"] == 1.25
    stages = sum(value for stage, value in content["seconds"].items() if stage != "total")
    assert content["seconds"]["total"] == pytest.approx(stages, abs=0.01)
    assert content["model"] == {"name": "brain-affine", "version": "0.0.0", "sha256": "0" * 64}
    assert content["device"] == "cpu" and content["warnings"] == []
    assert content["trust"] == {"level": "do not trust", "reasons": ["Too few pairs."]}


@pytest.mark.parametrize(("level", "words"), [(TrustLevel.GOOD, "0.90 mm typical"), (TrustLevel.DO_NOT_TRUST, "cannot be")])
def test_the_summary_predicts_an_error_only_of_what_can_be_trusted(level: TrustLevel, words: str) -> None:
    scan = sample_volume()
    content = report(scan, scan, replace(without_heatmaps(), trust=Trust(level, ("Why.",))), {"total": 1.0})
    assert words in summary(content)


def test_the_overview_shows_the_aligned_scan_where_the_fixed_one_is(written: Path) -> None:
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(written / "overview.png")))
    assert picture.shape[0] > 900 and picture.shape[2] == 3
    fixed, before, after = (_tile(picture, column).mean(axis=2) for column in range(3))
    assert fixed.std() > 20
    assert np.corrcoef(fixed.ravel(), after.ravel())[0, 1] > 0.97
    assert np.corrcoef(fixed.ravel(), before.ravel())[0, 1] < 0.9
    overlay = _tile(picture, 4)
    assert np.median(np.abs(overlay[..., 0] - overlay[..., 1])) <= 2  # magenta and green make grey


def test_the_overview_is_drawn_by_radiological_convention(tmp_path: Path) -> None:
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[25:30, 20:22, 30:35] = 200  # towards S and R of the middle
    voxels[10:30, 5:10, 18:22] = 100  # towards P
    matrix = np.diag([4.0, 4.0, 4.0, 1.0])
    matrix[:3, 3] = -78
    scan = Volume(voxels, matrix, "marks")
    registration = without_heatmaps()
    everywhere = replace(registration.fixed_keypoints, positions=np.tile([52.0, 4.0, 32.0], (16, 1)))
    write_outputs(tmp_path, scan, scan, replace(registration, fixed_keypoints=everywhere))
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "overview.png"))).astype(int)
    tile = _tile(picture, 0)
    bright = np.argwhere((tile.min(axis=2) > 180)[30:-30, 30:-30]) + 30
    assert bright[:, 1].mean() < tile.shape[1] / 2, "patient's right belongs on the left of an axial slice"


@pytest.mark.parametrize("where", ["file", "below a file"])
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "taken").write_text("mine")
    folder = tmp_path / "taken" if where == "file" else tmp_path / "taken" / "results"
    with pytest.raises(InputError, match="output folder"):
        check_folder(folder)
    assert (tmp_path / "taken").read_text() == "mine"


def test_looking_at_a_folder_does_not_make_it(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "folder")
    assert names(tmp_path) == set()


def without_a_fitted_residual() -> Registration:
    """The fit has not looked at pair 4, as where a person has left it out."""
    registration = without_heatmaps()
    residuals = registration.residuals.copy()
    residuals[4] = np.nan
    return replace(registration, residuals=residuals)


def test_a_pair_that_the_fit_has_not_looked_at_has_the_residual_of_the_panel_s_table() -> None:
    registration = without_a_fitted_residual()
    expected = sample_registration().residuals[4]
    line = list(csv.DictReader(keypoints_table(registration).splitlines()))[4]
    assert float(line["residual_mm"]) == pytest.approx(expected, abs=1e-4)
    *_, residual = json.loads(markups_text(registration, "fixed"))["markups"][0]["measurements"]
    assert residual["name"] == "residual" and residual["controlPointValues"][4] == pytest.approx(expected)


def test_no_label_is_a_formula_to_a_spreadsheet() -> None:
    registration = without_heatmaps()
    labels = ("=HYPERLINK(1)", *registration.fixed_keypoints.labels[1:])
    registration = replace(registration, fixed_keypoints=replace(registration.fixed_keypoints, labels=labels))
    first, *_ = csv.DictReader(keypoints_table(registration).splitlines())
    assert first["label"] == "'=HYPERLINK(1)"
    assert float(first["fixed_r"]) == pytest.approx(registration.fixed_keypoints.positions[0, 0], abs=1e-4)


def _read(node: object, path: Path) -> object:
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName(str(path))
    assert node.GetStorageNode().ReadData(node)
    return node


def _tile(picture: np.ndarray, column: int) -> np.ndarray:
    """The axial tile of a column, without its rim of letters."""
    from KeypointRegistrationLib.files import picture as layout

    top = layout._HEAD + layout._CAPTION
    left = layout._GAP + column * (layout._TILE + layout._GAP)
    return picture[top : top + layout._TILE, left : left + layout._TILE][20:-20, 20:-20].astype(float)


def test_interpolated_whole_numbers_are_rounded_not_cut_off() -> None:
    voxels = np.tile(np.array([3, 4], dtype=np.uint8), (6, 6, 3))
    moving = Volume(voxels, np.eye(4), "moving")
    shift = np.eye(4)
    shift[0, 3] = 0.25
    found = resampled(moving, moving, shift).voxels[2:4, 2:4, 1:5]
    expected = np.rint(0.75 * voxels[2:4, 2:4, 1:5] + 0.25 * voxels[2:4, 2:4, 0:4])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["moved.nii.gz", "transform.tfm"])
def test_results_never_replace_an_input(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("the user's own")
    with pytest.raises(InputError, match="is an input that the results would replace"):
        check_folder(tmp_path, [path])
    assert path.read_text() == "the user's own"


def test_a_folder_in_the_place_of_a_result_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "overview.png").mkdir()
    with pytest.raises(InputError, match="is a folder where a result would be written"):
        check_folder(tmp_path)
