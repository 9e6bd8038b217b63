"""What is measured of keypoints: repeatability under a known motion, structures under them, distances between them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.evaluation import inspect_model, keypoint_quality
from KeypointRegistrationLib.evaluation.keypoint_quality import Finding, judge, nearest_distances, structures_at
from KeypointRegistrationLib.evaluation.keypoint_scans import LabelledScan, scans_of
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.training.anatomy import names, reference_points
from samples import sample_heatmaps, sample_keypoints, sample_matrix, sample_volume


def test_a_moved_scan_shows_the_same_values_at_the_moved_places() -> None:
    volume = sample_volume()
    pose = sample_matrix(20.0, (8.0, -4.0, 0.0))
    moved = keypoint_quality.resampled(volume, pose)
    np.testing.assert_array_equal(moved.ijk_to_ras, volume.ijk_to_ras)
    brightest = np.array(np.unravel_index(volume.voxels.argmax(), volume.shape))[::-1]
    place = (pose @ volume.ijk_to_ras @ [*brightest, 1])[:3]
    i, j, k = np.round((moved.ras_to_ijk @ [*place, 1])[:3]).astype(int)
    assert moved.voxels[k, j, i] > 0.9 * volume.voxels.max()


def test_the_structure_under_a_point_is_that_of_its_voxel_and_none_outside() -> None:
    voxels = np.zeros((2, 3, 4), np.int16)
    voxels[1, 2, 3] = 17
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    labels = Volume(voxels, matrix, "labels")
    assert structures_at(labels, [[6.4, 4.4, 1.6], [0, 0, 0], [60, 4, 2], [-3, 4, 2]]).tolist() == [17, 0, 0, 0]


def test_the_nearest_other_keypoint_is_found() -> None:
    assert nearest_distances(np.array([[0.0, 0, 0], [3, 4, 0], [3, 4, 1]])).tolist() == [5.0, 1.0, 1.0]


class Follower:
    """A detector whose keypoints follow the scan's brightest voxel, each off by a fixed offset in the moved scan."""

    def __init__(self, off: float) -> None:
        self._off = off
        self.seen = 0

    def detect(self, volume: Volume) -> Detection:
        self.seen += 1
        keypoints = sample_keypoints(6)
        if self.seen == 2:
            keypoints = keypoints.moved(self.pose)
            keypoints = replace(keypoints, positions=keypoints.positions + np.array([self._off, 0, 0]))
        return Detection(keypoints, sample_heatmaps(keypoints, size=8, spacing=20.0))


def test_repeatability_is_the_distance_from_where_the_known_motion_takes_a_keypoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = Follower(off=2.5)
    detector.pose = sample_matrix(25.0)
    monkeypatch.setattr(keypoint_quality, "random_pose", lambda *_: (detector.pose, 25.0))
    finding = judge(detector, LabelledScan("one", sample_volume, sample_volume), np.random.default_rng(0))
    np.testing.assert_allclose(finding.repeatability, 2.5, atol=1e-3)
    assert len(finding.structures) == 6
    assert finding.inside == np.mean(np.array(finding.structures) > 0)


def test_keypoints_are_compared_with_the_anatomical_points_they_are_named_after(shared_data: Path) -> None:
    item = scans_of("painted", shared_data, 1)[0]
    points = reference_points(item.labels())

    class Knowing:
        def detect(self, _volume: Volume) -> Detection:
            off = np.where(np.arange(len(points)) == 5, 60.0, 2.0)
            positions = points + off[:, None] * [1, 0, 0]
            few = sample_keypoints(len(points))
            keypoints = replace(few, labels=names(), positions=positions, presence=np.ones(len(points)))
            return Detection(keypoints, sample_heatmaps(sample_keypoints(6), size=8, spacing=20.0))

    finding = judge(Knowing(), item, np.random.default_rng(0))  # type: ignore[arg-type]
    assert np.flatnonzero(~np.array(finding.own)).tolist() == [5]
    assert finding.errors is not None and np.median(finding.errors) == pytest.approx(2.0, abs=1e-3)


def a_finding(**changes: object) -> Finding:
    finding = Finding("a", "", [[0.0, 0, 0], [0, 0, 9]], [True, True], [5.0, 7], [0.1, 0.3], [1.0, 3], [4, 0])
    return replace(finding, **changes)


def test_the_table_sums_up_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "model 1" / "ixi"
    folder.mkdir(parents=True)
    for name, finding in (("a", a_finding()), ("b", a_finding(scan="b", structures=[4, 2], spreads=[5.0, 9]))):
        (folder / f"{name}.json").write_text(json.dumps(asdict(finding)), encoding="utf-8")
    table = inspect_model.quality_table(tmp_path)
    assert "| model 1 | whole heads, T1 (IXI) | 2 | 6.0 | 0.20 | 9.0 | 2.0 / 3.0 | 75 % | 0.75 | 0.35 | – | – | – |" in table


def test_contrasts_of_one_person_are_compared_with_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "model 1" / "contrasts"
    folder.mkdir(parents=True)
    shifted = a_finding(scan="p T2", person="p", positions=[[3.0, 4, 0], [0, 0, 9]], named=False)
    other = a_finding(scan="q T1", person="q", positions=[[90.0, 0, 0], [0, 0, 99]], named=False)
    for finding in (a_finding(person="p", named=False), shifted, other):
        (folder / f"{finding.scan}.json").write_text(json.dumps(asdict(finding)), encoding="utf-8")
    assert "| – | – | 2.5 / 4.5 |" in inspect_model.quality_table(tmp_path)


def test_a_file_that_is_no_finding_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "model 1" / "ixi"
    folder.mkdir(parents=True)
    (folder / "odd.json").write_text('{"scan": 1}', encoding="utf-8")
    with pytest.raises(InputError, match=r"odd\.json is no finding of this command"):
        inspect_model.quality_table(tmp_path)


def test_scans_are_spread_over_a_long_set_and_a_missing_set_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "ixi_t1_2mm"
    folder.mkdir()
    for number in range(10):
        (folder / f"IXI{number}_T1.nii.gz").touch()
    names = [item.name for item in scans_of("ixi", tmp_path, 4)]
    assert names == ["IXI0_T1", "IXI3_T1", "IXI6_T1", "IXI9_T1"]
    with pytest.raises(InputError, match="no scans of the set omega"):
        scans_of("omega", tmp_path, None)


def test_painted_scans_of_one_person_lie_in_one_space_and_know_their_structures(shared_data: Path) -> None:
    first, other, *_ = scans_of("painted", shared_data, None)
    scans, labels = [item.scan() for item in (first, other)], first.labels()
    assert first.person == other.person and first.named
    np.testing.assert_array_equal(scans[0].ijk_to_ras, scans[1].ijk_to_ras)
    assert not np.allclose(scans[0].voxels, scans[1].voxels)
    assert labels.shape == scans[0].shape and len(np.unique(labels.voxels)) > 20
