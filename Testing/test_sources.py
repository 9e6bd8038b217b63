"""The folder that a training learns from: what is taken from it, and what is refused by a sentence."""

from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.training.config import TrainingConfig
from KeypointRegistrationLib.training.sources import Material, subjects_of
from tiny_training import scheduled, three, tiny_config, tiny_labels, tiny_scan, write_folder


def of_folder(folder: Path, config: TrainingConfig | None = None, **data: object) -> Material:
    """The subjects in ``folder``/maps, or ``folder``/scans where ``data`` says so; nobody held out unless it says so."""
    config = config or tiny_config()
    settings = {"labels": "maps", "held_out": (), "white": (), "fluid": ()} | data
    config = replace(config, data=replace(config.data, **settings))
    return subjects_of(config, folder)


def with_labels(volume: Volume, **numbers: int) -> Volume:
    """The map with other numbers, ``_2=5`` for 2 → 5."""
    voxels = volume.voxels.copy()
    for old, new in numbers.items():
        voxels[volume.voxels == int(old[1:])] = new
    return Volume(voxels, volume.ijk_to_ras, volume.name)


def test_label_maps_of_any_numbering_become_subjects(tmp_path: Path) -> None:
    maps = {name: with_labels(volume, _1=1007, _3=14000) for name, volume in three().items()}
    write_folder(tmp_path / "maps", **maps)
    found = of_folder(tmp_path, brain_below=20000, held_out=("head_1",))
    assert found.labels == [0, 2, 20, 1007, 14000]
    assert [subject.name for subject in found.training] == ["head_0", "head_2"]
    assert [subject.name for subject in found.held_out] == ["head_1"]
    assert found.training[0].classes.unique().tolist() == [0, 1, 2, 3, 4]


def test_scans_without_labels_become_subjects_of_grey_levels(tmp_path: Path) -> None:
    write_folder(tmp_path / "scans", **three(tiny_scan))
    found = of_folder(tmp_path, labels="", scans="scans")
    assert found.labels == list(range(256))
    levels = found.training[1].classes.float()
    assert levels.min() == 0
    assert levels.max() > 240
    points = found.training[1].points
    radius = 70  # of the head, which is all that is bright
    assert points.mean(dim=0).norm() < 15
    assert radius < np.ptp(points.numpy(), axis=0).max() < 2 * radius
    centre = (-found.training[1].origin).round().long()
    assert levels[centre[2], centre[1], centre[0]].item() == pytest.approx(255 * 500 / 800, abs=25)


def test_one_subject_is_enough_for_pairs_of_views_of_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", head=tiny_labels())
    assert len(of_folder(tmp_path, scheduled(same_subject=1.0)).training) == 1
    with pytest.raises(InputError, match=r"Only one subject is left.*schedule\.same_subject = 1\.0"):
        of_folder(tmp_path, scheduled(same_subject=0.5))


def test_all_held_out_leaves_nothing_to_train_on(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    with pytest.raises(InputError, match=r"Everything is in data\.held_out"):
        of_folder(tmp_path, held_out=("head_0", "head_1", "head_2"))


def test_folders_and_names_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder .*maps\. Paths in a configuration are relative"):
        of_folder(tmp_path)
    write_folder(tmp_path / "maps", **three())
    with pytest.raises(InputError, match=r"no file that fits data\.pattern = seg_\*"):
        of_folder(tmp_path, pattern="seg_*")
    with pytest.raises(InputError, match=r"head_7 in data\.held_out is not among the files: head_0, head_1, head_2"):
        of_folder(tmp_path, held_out=("head_7",))


def test_a_map_in_another_numbering_is_named(tmp_path: Path) -> None:
    odd = with_labels(tiny_labels(), _1=101, _2=102, _3=103)
    write_folder(tmp_path / "maps", **three(), odd=odd)
    with pytest.raises(InputError, match=r"odd holds the labels 20, 101, 102, 103 where most .* hold 1, 2, 3, 20\."):
        of_folder(tmp_path)


def test_two_maps_that_share_no_label_are_refused(tmp_path: Path) -> None:
    odd = with_labels(tiny_labels(), _1=101, _2=102, _3=103, _20=120)
    write_folder(tmp_path / "maps", first=tiny_labels(), odd=odd)
    with pytest.raises(InputError, match=r"All must be numbered alike"):
        of_folder(tmp_path)


def test_a_map_that_lacks_a_named_structure_is_refused_by_both_names(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    config = tiny_config()
    config = replace(config, data=replace(config.data, labels="maps", landmarks="named"))
    with pytest.raises(InputError, match=r"head_0 has no right cerebral cortex \(label 42\)"):
        subjects_of(config, tmp_path)


def test_labels_that_no_map_holds_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    with pytest.raises(InputError, match=r"any of the labels in data\.white; they hold 0, 1, 2, 3, 20"):
        of_folder(tmp_path, white=(41, 42))


def test_an_empty_map_is_named(tmp_path: Path) -> None:
    still = tiny_labels()
    write_folder(tmp_path / "maps", **three(), none=Volume(np.zeros_like(still.voxels), still.ijk_to_ras, "none"))
    with pytest.raises(InputError, match="none is empty: all its voxels are 0"):
        of_folder(tmp_path)


@pytest.mark.parametrize(("value", "told"), [(0.37, "0.37"), (-3.0, "-3"), (np.nan, "nan")])
def test_a_scan_among_label_maps_is_named(tmp_path: Path, value: float, told: str) -> None:
    still = tiny_labels()
    voxels = still.voxels.astype(np.float32)
    voxels[3, 3, 3] = value
    write_folder(tmp_path / "maps", **three(), scan=Volume(voxels, still.ijk_to_ras, "scan"))
    with pytest.raises(InputError, match=rf"scan is not a label map: it holds the value {told}.*data\.scans"):
        of_folder(tmp_path)


def test_more_labels_than_can_be_told_apart_are_a_sentence(tmp_path: Path) -> None:
    still = tiny_labels()
    voxels = still.voxels.copy()
    voxels.flat[:300] = np.arange(300)
    write_folder(tmp_path / "maps", many=Volume(voxels, still.ijk_to_ras, "many"))
    with pytest.raises(InputError, match=r"hold 300 different labels\. At most 256"):
        of_folder(tmp_path, scheduled(same_subject=1.0))


@pytest.mark.parametrize("voxel", [1000.0, 0.01])
def test_an_impossible_spacing_is_a_sentence(tmp_path: Path, voxel: float) -> None:
    still = tiny_labels()
    scaled = np.diag([voxel / 8, voxel / 8, voxel / 8, 1.0]) @ still.ijk_to_ras
    write_folder(tmp_path / "maps", **three(), odd=Volume(still.voxels, scaled, "odd"))
    with pytest.raises(InputError, match=rf"odd shows something .* mm long with voxels of {voxel:g} × {voxel:g}.*check the"):
        of_folder(tmp_path)


@pytest.mark.parametrize("spacing", [0.0, float("nan")])
def test_a_spacing_that_is_no_length_is_a_sentence(tmp_path: Path, spacing: float) -> None:
    folder = write_folder(tmp_path / "maps", **three())
    path = folder / "head_1.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[80:84] = struct.pack("<f", spacing)
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(InputError, match=r"head_1\.nii\.gz states a voxel spacing of .*which must be above zero"):
        of_folder(tmp_path)


def test_a_view_too_narrow_or_too_coarse_for_the_heads_is_a_sentence(tmp_path: Path) -> None:
    write_folder(tmp_path / "maps", **three())
    config = tiny_config()
    with pytest.raises(InputError, match=r"view of 8 × 5 mm is narrower than head_0.*larger view\.spacing"):
        of_folder(tmp_path, replace(config, view=replace(config.view, spacing=5.0)))
    with pytest.raises(InputError, match=r"points of head_0 span .*voxels of 60 mm.*smaller view\.spacing"):
        of_folder(tmp_path, replace(config, view=replace(config.view, spacing=60.0)))


def test_a_constant_scan_is_a_sentence(tmp_path: Path) -> None:
    still = tiny_scan()
    write_folder(tmp_path / "scans", **three(tiny_scan), flat=Volume(np.ones_like(still.voxels), still.ijk_to_ras, "flat"))
    with pytest.raises(InputError, match="flat is empty: every voxel has the value 1"):
        of_folder(tmp_path, labels="", scans="scans")


def test_the_same_subject_in_two_files_is_a_sentence(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "maps", **three())
    (folder / "head_1.nii").write_bytes(gzip.decompress((folder / "head_1.nii.gz").read_bytes()))
    with pytest.raises(InputError, match=r"both head_1\.nii and head_1\.nii\.gz"):
        of_folder(tmp_path)
