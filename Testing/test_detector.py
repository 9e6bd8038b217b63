"""From volumes to keypoints in RAS, with networks whose answer is known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from KeypointRegistrationLib.detection.detector import Detector, _Look, _View
from KeypointRegistrationLib.detection.heatmaps import Detection, Heatmaps
from KeypointRegistrationLib.detection.localisation import head_centre, otsu_threshold
from KeypointRegistrationLib.detection.network import Reading
from KeypointRegistrationLib.detection.orientations import TURNED_HEADS
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.robust import RobustFit
from KeypointRegistrationLib.geometry.sampling import Grid, Sampler, sample
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, rotation_angle
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix, sample_volume
from scipy.spatial.transform import Rotation
from tiny_model import KEYPOINTS, write_tiny_bundle

SHEARED = np.array([[-3.0, 0.4, 0.2, 60.0], [0.3, 3.5, -0.3, -70.0], [0.5, 0.2, 4.0, -80.0], [0, 0, 0, 1.0]])


class Brightest(torch.nn.Module):
    """Stands in for a network: every keypoint is where the view is brightest."""

    def forward(self, image: torch.Tensor, valid: torch.Tensor) -> Reading:
        coarse = torch.nn.functional.avg_pool3d(image, 2).flatten(2)
        covered = torch.nn.functional.max_pool3d(valid[:, None].float(), 2) > 0
        logits = (3 * torch.log(coarse + 1e-4)).masked_fill(~covered.flatten(2), -1e4)
        return Reading(torch.log_softmax(logits, dim=-1).expand(1, KEYPOINTS, -1), torch.full((1, KEYPOINTS), 5.0), image)


@pytest.fixture
def detector(tmp_path: Path) -> Detector:
    write_tiny_bundle(tmp_path)
    return Detector("tiny", folder=tmp_path)


def blob_at(position: np.ndarray, ijk_to_ras: np.ndarray) -> Volume:
    """A scan of one round bright blob, 20 mm wide, at a RAS position."""
    grid = Grid((48, 44, 46), ijk_to_ras)
    squares = ((grid.positions() - position) ** 2).sum(axis=1)
    return Volume(np.exp(-squares / (2 * 20.0**2)).reshape(grid.shape), ijk_to_ras, "blob")


@pytest.mark.parametrize("axes", [np.eye(3), 0.9 * sample_matrix(70.0)[:3, :3]], ids=["upright", "turned and scaled"])
@pytest.mark.parametrize("ijk_to_ras", [np.diag([4.0, 4, 4, 1]), SHEARED], ids=["straight", "sheared left-handed"])
def test_keypoints_are_told_in_ras_whatever_the_axes_of_scan_and_view(
    detector: Detector, ijk_to_ras: np.ndarray, axes: np.ndarray
) -> None:
    middle = Grid((48, 44, 46), ijk_to_ras).positions().mean(axis=0)
    position = middle + np.array([13.0, -8.0, 5.0])
    detector._model = Brightest()
    found = detector._look([_View(Sampler(blob_at(position, ijk_to_ras)), None, axes, middle)])[0].detection
    np.testing.assert_allclose(found.keypoints.positions, np.tile(position, (KEYPOINTS, 1)), atol=1.5)
    mass = found.heatmaps.values.reshape(KEYPOINTS, -1)
    np.testing.assert_allclose(mass.sum(axis=1), 1.0, rtol=1e-4)
    np.testing.assert_allclose(mass @ found.heatmaps.grid.positions(), found.keypoints.positions, atol=0.05)


def test_the_view_follows_the_head(detector: Detector) -> None:
    pose = sample_matrix(50.0, (20.0, -15.0, 8.0)) @ np.diag([1.1, 1.1, 1.1, 1.0])
    axes, centre = detector._upright(pose)
    np.testing.assert_allclose(axes, pose[:3, :3], atol=1e-9)
    np.testing.assert_allclose(centre, pose[:3, 3])


class Onlooker:
    """Takes the looks of a detector at a head whose pose is known: recognised where it is not turned too far in the view."""

    SURE, UNSURE = 9.0, 18.0  # mm

    def __init__(self, detector: Detector, head: np.ndarray, recognised: float) -> None:
        self._template = detector.card.template
        self._head, self._recognised = head, recognised
        self.looks = 0

    def __call__(self, views: Sequence[_View]) -> list[_Look]:
        self.looks += len(views)
        return [self._looked(view) for view in views]

    def _looked(self, view: _View) -> _Look:
        axes, centre = view.axes, view.centre
        turn = rotation_angle(affine(axes.T @ self._head, np.zeros(3)))
        known = turn < self._recognised
        pose = affine(self._head if known else axes, centre)
        spread = self.SURE if turn < 5 else self.UNSURE
        keypoints = Keypoints(
            tuple(f"{k}" for k in range(KEYPOINTS)),
            apply(pose, self._template),
            np.tile(spread**2 / 3 * np.eye(3), (KEYPOINTS, 1, 1)),
            np.ones(KEYPOINTS),
            np.zeros(KEYPOINTS),
        )
        weights, residuals = np.full(KEYPOINTS, 1 / KEYPOINTS), np.full(KEYPOINTS, turn / 10)
        fit = RobustFit(pose, TransformType.SIMILARITY, weights, weights > 0, residuals)
        grid = Grid.cubic(2, 1.0, centre, axes)
        return _Look(view, Detection(keypoints, Heatmaps(np.zeros((KEYPOINTS, 2, 2, 2), np.float32), grid)), fit)


def looks_at(detector: Detector, head: np.ndarray, recognised: float = 90.0) -> tuple[Detection, int]:
    """What is found of a head in the pose ``head`` (3×3), and after how many looks."""
    onlooker = Onlooker(detector, head, recognised)
    detector.card = replace(detector.card, familiar_spread=12.0)
    detector._look = onlooker
    return detector.detect(sample_volume()), onlooker.looks


def test_a_head_is_found_in_any_pose_if_a_quarter_turn_from_upright_is_recognised(detector: Detector) -> None:
    for head in Rotation.random(60, np.random.default_rng(4)).as_matrix():
        found, looks = looks_at(detector, head)
        assert found.doubt == pytest.approx(Onlooker.SURE)
        assert looks <= 24


def test_a_recognised_head_is_looked_at_no_further(detector: Detector) -> None:
    assert looks_at(detector, np.eye(3))[1] == 1
    assert looks_at(detector, sample_matrix(80.0)[:3, :3])[1] == 2


def test_a_head_that_is_nowhere_recognised_is_looked_at_from_all_sides_and_told_to_be_doubtful(detector: Detector) -> None:
    found, looks = looks_at(detector, sample_matrix(80.0)[:3, :3], recognised=0.0)
    assert looks == 1 + sum(map(len, TURNED_HEADS))
    assert found.doubt == pytest.approx(Onlooker.UNSURE)


@pytest.mark.parametrize(("sets", "degrees"), [(1, 120.0), (2, 90.0)])
def test_no_head_is_turned_further_from_all_views_than_promised(sets: int, degrees: float) -> None:
    views = Rotation.from_matrix([np.eye(3), *itertools.chain(*TURNED_HEADS[:sets])])
    heads = Rotation.random(2000, np.random.default_rng(1))
    nearest = np.rad2deg(np.min([(view.inv() * heads).magnitude() for view in views], axis=0))
    assert degrees - 12 < nearest.max() <= degrees + 1e-6


def test_covariances_are_those_of_the_maps_in_ras(detector: Detector) -> None:
    found = detector.detect(sample_volume())
    positions = found.heatmaps.grid.positions()
    spacing = found.heatmaps.grid.spacing
    for k in range(KEYPOINTS):
        weights = found.heatmaps.values[k].ravel().astype(float)
        offsets = positions - found.keypoints.positions[k]
        direct = (weights[:, None] * offsets).T @ offsets + np.diag(spacing**2) / 12
        trace = np.trace(found.keypoints.covariances[k])
        assert trace == pytest.approx(np.trace(direct), rel=0.02)


def test_detection_is_the_same_again_and_leaves_the_scan_alone(detector: Detector) -> None:
    volume = sample_volume()
    before = volume.voxels.copy()
    first, second = detector.detect(volume), detector.detect(volume)
    np.testing.assert_array_equal(first.keypoints.positions, second.keypoints.positions)
    np.testing.assert_array_equal(volume.voxels, before)


def test_moving_a_scan_in_space_moves_its_first_view_along(detector: Detector) -> None:
    volume, shift = sample_volume(), np.eye(4)
    shift[:3, 3] = (250.0, -130.0, 75.0)
    found, moved = detector.detect(volume), detector.detect(volume.moved(shift))
    np.testing.assert_allclose(moved.keypoints.positions, found.keypoints.positions + shift[:3, 3], atol=0.05)


def test_no_probability_lies_outside_the_mask(detector: Detector) -> None:
    volume = sample_volume()
    left = (volume.voxels > 0) & (np.arange(volume.shape[2]) < volume.shape[2] // 2)
    found = detector.detect(volume, Volume(left.astype(np.uint8), volume.ijk_to_ras, "mask"))
    ijk = apply(volume.ras_to_ijk, found.keypoints.positions)
    assert (ijk[:, 0] < volume.shape[2] // 2 + 6).all()


def test_a_mask_that_misses_the_scan_is_a_sentence(detector: Detector) -> None:
    volume, away = sample_volume(), np.eye(4)
    away[:3, 3] = 1000
    mask = Volume((volume.voxels > 0).astype(np.uint8), away @ volume.ijk_to_ras, "mask")
    with pytest.raises(InputError, match="mask does not cover any of head"):
        detector.detect(volume, mask)


@pytest.mark.parametrize(("value", "sentence"), [(0.0, "mask is empty"), (np.nan, "not numbers")])
def test_a_mask_without_contents_is_a_sentence(detector: Detector, value: float, sentence: str) -> None:
    volume = sample_volume()
    with pytest.raises(InputError, match=sentence):
        detector.detect(volume, Volume(np.full(volume.shape, value), volume.ijk_to_ras, "mask"))


@pytest.mark.parametrize(("value", "sentence"), [(np.nan, "not numbers"), (0.0, "is empty")])
def test_scans_without_contents_are_a_sentence(detector: Detector, value: float, sentence: str) -> None:
    volume = sample_volume()
    with pytest.raises(InputError, match=sentence):
        detector.detect(Volume(np.full(volume.shape, value), volume.ijk_to_ras, "scan"))


def test_an_unavailable_device_falls_back_to_the_cpu_and_says_so(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this computer has a GPU")
    write_tiny_bundle(tmp_path)
    detector = Detector("tiny", "cuda", tmp_path)
    assert detector.device == "cpu"
    assert "cuda is not available" in detector.warnings[0]
    with pytest.raises(InputError, match="not a device"):
        Detector("tiny", "abacus", tmp_path)


def test_a_full_gpu_makes_room_for_the_cpu(detector: Detector) -> None:
    expected = detector.detect(sample_volume()).keypoints.positions
    whole = detector._model

    class FullOnce(torch.nn.Module):
        def forward(self, *_inputs: torch.Tensor) -> None:
            detector._model = whole
            raise torch.OutOfMemoryError("no memory left on the device")

    detector._model = FullOnce()
    np.testing.assert_array_equal(detector.detect(sample_volume()).keypoints.positions, expected)
    assert detector.warnings == ["The GPU ran out of memory, so the keypoints were found on the CPU."]


def test_the_head_is_found_beside_a_smaller_bright_object() -> None:
    values = np.zeros((60, 60, 60), dtype=np.uint8)
    values[10:40, 12:42, 14:44] = 100
    values[50:55, 50:55, 50:55] = 250
    volume = Volume(values, np.diag([3.0, 3.0, 3.0, 1.0]), "scan")
    np.testing.assert_allclose(head_centre(volume), [85.5, 79.5, 73.5], atol=4)


def test_otsu_splits_two_populations() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(10, 2, 5000), rng.normal(50, 5, 3000)])
    assert 16 < otsu_threshold(values) < 35


def test_a_hot_corner_does_not_move_the_head() -> None:
    volume = sample_volume()
    voxels = volume.voxels.astype(np.float32)
    voxels[:2, :2, :2] = 1e6
    moved = np.linalg.norm(head_centre(Volume(voxels, volume.ijk_to_ras, "hot")) - head_centre(volume))
    assert moved < 3.0


def test_scans_looked_at_together_are_seen_as_if_alone(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    detector = Detector(
        "tiny", folder=tmp_path, looks=1
    )  # a random network's further looks hang on the last bit of the first
    scans = [sample_volume("one"), sample_volume("other", seed=1)]
    start = sample_matrix(20.0, (3.0, 0.0, 0.0))
    together = detector.detect_together(scans, start)
    for found, scan in zip(together, scans, strict=True):
        (alone,) = detector.detect_together([scan], start)
        np.testing.assert_allclose(found.keypoints.positions, alone.keypoints.positions, atol=1e-3)
        assert found.doubt == pytest.approx(alone.doubt, rel=1e-4)


def test_every_label_of_a_label_map_counts_as_inside_the_mask() -> None:
    volume = sample_volume()
    inside = (volume.voxels > 0).astype(np.uint8)
    labels = inside * (1 + 200 * (np.arange(volume.shape[2]) % 2 == 0)).astype(np.uint8)
    binary, many = (Volume(voxels, volume.ijk_to_ras, "mask") for voxels in (inside, labels))
    np.testing.assert_array_equal(head_centre(volume, many), head_centre(volume, binary))


def test_a_large_head_is_no_reason_to_try_other_orientations(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its maps are wider in mm, and its head as much larger than the template."""
    seen, pose = [], np.diag([1.25, 1.25, 1.25, 1.0])
    look = detector._look

    def of_a_large_head(views: Sequence[_View]) -> list[_Look]:
        (found,) = look(views)
        covariances = np.tile(np.eye(3) * (1.25 * 11.0) ** 2 / 3, (KEYPOINTS, 1, 1))
        keypoints = replace(found.detection.keypoints, covariances=covariances)
        fit = replace(found.pose, matrix=pose @ found.pose.matrix / np.cbrt(np.linalg.det(found.pose.matrix[:3, :3])))
        fit.matrix[3, 3] = 1.0
        seen.append(replace(found, detection=replace(found.detection, keypoints=keypoints), pose=fit))
        return seen[-1:]

    monkeypatch.setattr(detector, "_look", of_a_large_head)
    detector.card = replace(detector.card, familiar_spread=11.9)
    detector.detect(sample_volume())
    assert seen[0].doubt == pytest.approx(11.0)
    assert len(seen) <= 5


@pytest.mark.parametrize("degrees", [0.0, 35.0])
def test_sampling_a_scan_again_gives_the_same_values_and_averages_it_once(
    degrees: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KeypointRegistrationLib.geometry import sampling

    counted, averaged = [], sampling.averaged
    monkeypatch.setattr(sampling, "averaged", lambda volume, blocks: counted.append(blocks) or averaged(volume, blocks))
    volume = sample_volume(spacing=2.0)
    scan = Sampler(volume)
    for shift in (0.0, 1.3):
        grid = Grid.cubic(12, 5.0, np.full(3, shift), sample_matrix(degrees)[:3, :3])
        np.testing.assert_array_equal(scan(grid), sample(volume, grid))
    assert len(counted) == 1 + 2  # once by the sampler, and once each by the plain function
