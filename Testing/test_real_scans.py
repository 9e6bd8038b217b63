"""The bundled model on real scans of people it has never seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import bundle_names
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.registration.pipeline import register
from KeypointRegistrationLib.registration.result import Registration, TrustLevel
from scipy.spatial.transform import Rotation

FIXED, MOVING = "IXI565-HH-2534", "IXI577-HH-2661"
LARGER_REGION = 400  # voxels of 8 mm³


@pytest.fixture(scope="module")
def detector() -> Detector:
    if "brain-affine" not in bundle_names():
        pytest.skip("needs the bundled model brain-affine")
    return Detector("brain-affine", "cpu")


@pytest.fixture(scope="module")
def people(shared_data: Path) -> dict[str, tuple[Volume, Volume]]:
    """Scan and label map of two people."""
    folder = shared_data / "ixi_t1_2mm"
    return {
        name: (read_volume(folder / f"{name}_T1.nii.gz"), read_volume(folder / f"{name}_dlmuse.nii.gz"))
        for name in (FIXED, MOVING)
    }


def turned(degrees: float, seed: int, centre: np.ndarray) -> np.ndarray:
    """A turn about a random axis through ``centre``, and a shift of up to 20 mm."""
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    rotation = Rotation.from_rotvec(np.deg2rad(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    return affine(rotation, centre - rotation @ centre + rng.uniform(-20, 20, size=3))


def dice(fixed: Volume, moving: Volume, moving_to_fixed: np.ndarray) -> float:
    """Mean Dice over the larger regions."""
    moved = sample(moving, Grid.of(fixed), moving_to_fixed, order=0).astype(int)
    regions = [
        label for label, count in zip(*np.unique(fixed.voxels, return_counts=True), strict=True) if count > LARGER_REGION
    ]
    overlaps = [
        2 * np.count_nonzero((fixed.voxels == label) & (moved == label))
        / (np.count_nonzero(fixed.voxels == label) + np.count_nonzero(moved == label))
        for label in regions
        if label > 0
    ]  # fmt: skip
    return float(np.mean(overlaps))


def without_the_lowest(scan: Volume, labels: Volume, share: float) -> Volume:
    """The scan cut off below the lowest ``share`` of the brain's height."""
    axis = int(np.argmax(np.abs(scan.ijk_to_ras[2, :3])))  # of I, J, K: the one that runs along the head
    brain = np.flatnonzero(labels.voxels.any(axis=tuple(a for a in range(3) if a != 2 - axis)))
    upward = scan.ijk_to_ras[2, axis] > 0
    cut = round(np.quantile(brain, share if upward else 1 - share))
    kept, shift = [slice(None)] * 3, np.zeros(3)
    kept[2 - axis] = slice(cut, None) if upward else slice(None, cut)
    shift[axis] = cut if upward else 0
    return Volume(scan.voxels[tuple(kept)], scan.ijk_to_ras @ affine(np.eye(3), shift), f"{scan.name}, cropped")


def run(detector: Detector, fixed: Volume, moving: Volume, **options: object) -> Registration:
    return register(fixed, moving, RegistrationOptions(**options), detector)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 60.0, 85.0])
def test_two_people_are_aligned_from_any_pose_up_to_90_degrees(detector: Detector, people, degrees: float) -> None:
    (fixed, fixed_labels), (moving, moving_labels) = people[FIXED], people[MOVING]
    pose = turned(degrees, seed=int(degrees), centre=moving.centre)
    result = run(detector, fixed, moving.moved(pose))
    assert result.trust.level is TrustLevel.GOOD, result.trust.reasons
    assert result.refined
    assert dice(fixed_labels, moving_labels.moved(pose), result.moving_to_fixed) > 0.48


def test_what_a_cropped_scan_does_not_show_is_missing_and_the_rest_still_aligns(detector: Detector, people) -> None:
    (fixed, fixed_labels), (moving, moving_labels) = people[FIXED], people[MOVING]
    upper = without_the_lowest(moving, moving_labels, share=0.25)
    result = run(detector, fixed, upper)
    found = dict(zip(result.moving_keypoints.labels, result.moving_keypoints.presence > 0.5, strict=True))
    assert not found["brain stem, low"]
    assert found["left cerebral cortex, front, high"]
    assert result.used.sum() < len(found)
    assert dice(fixed_labels, moving_labels, result.moving_to_fixed) > 0.4


def test_without_refinement_swapping_the_scans_gives_exactly_the_inverse(detector: Detector, people) -> None:
    (one, _), (other, _) = people[FIXED], people[MOVING]
    there, back = run(detector, one, other, refine=False), run(detector, other, one, refine=False)
    both = there.moving_to_fixed @ back.moving_to_fixed
    np.testing.assert_allclose(apply(both, one.corners), one.corners, atol=0.2)


def test_one_person_is_aligned_across_contrasts(detector: Detector, shared_data: Path) -> None:
    fixed = read_volume(shared_data / "ms_mni" / "cs07_T1.nii.gz")
    moving = read_volume(shared_data / "ms_mni" / "cs07_FLAIR.nii.gz")
    pose = turned(50.0, seed=1, centre=moving.centre)
    result = run(detector, fixed, moving.moved(pose), transform_type=TransformType.RIGID)
    half = 0.5 * (fixed.corners - fixed.centre) + fixed.centre
    error = np.linalg.norm(apply(result.moving_to_fixed @ pose, half) - half, axis=1).mean()
    assert result.refined
    assert error < 1.5
    assert result.trust.level is not TrustLevel.DO_NOT_TRUST


def test_scans_that_are_aligned_already_stay_so_and_are_trusted(detector: Detector, shared_data: Path) -> None:
    fixed = read_volume(shared_data / "ms_long" / "patient01_study1_T1W.nii.gz")
    moving = read_volume(shared_data / "ms_long" / "patient01_study1_FLAIR.nii.gz")
    result = run(detector, fixed, moving, transform_type=TransformType.RIGID)
    assert result.trust.level is TrustLevel.GOOD, result.trust.reasons
    half = 0.5 * (fixed.corners - fixed.centre) + fixed.centre
    assert np.linalg.norm(apply(result.moving_to_fixed, half) - half, axis=1).mean() < 1.0


def test_a_distorted_scan_is_aligned_but_to_be_checked(detector: Detector, shared_data: Path) -> None:
    folder = shared_data / "s1_t1_epi"
    fixed, moving = read_volume(folder / "S1_T1.nii.gz"), read_volume(folder / "S1_epi_fullhead.nii.gz")
    result = run(detector, fixed, moving, transform_type=TransformType.RIGID)
    assert result.trust.level is TrustLevel.CHECK
    # pycortex's own alignment takes T1 positions (RAS mm) to EPI voxels.
    coord = np.array(json.loads((folder / "S1_epi_fullhead.xfm.json").read_text())["coord"]).reshape(4, 4)
    points = result.fixed_keypoints.positions
    apart = apply(moving.ijk_to_ras @ coord, points) - apply(invert(result.moving_to_fixed), points)
    assert np.linalg.norm(apart, axis=1).mean() < 8.0


def test_keypoints_lie_in_the_brain_and_repeat_under_motion(detector: Detector, people) -> None:
    scan, labels = people[FIXED]
    pose = turned(40.0, seed=3, centre=scan.centre)
    still, moved = detector.detect(scan).keypoints, detector.detect(scan.moved(pose)).keypoints
    back = apply(invert(pose), moved.positions)
    assert np.median(np.linalg.norm(back - still.positions, axis=1)) < 4.0
    kji = np.round(apply(scan.ras_to_ijk, still.positions)).astype(int)[:, ::-1]
    near_brain = [labels.voxels[tuple(slice(max(0, n - 2), n + 3) for n in index)].any() for index in kji]
    assert np.mean(near_brain) > 0.95


def test_a_scan_without_a_head_is_not_trusted(detector: Detector, people) -> None:
    fixed, _ = people[FIXED]
    rng = np.random.default_rng(0)
    noise = Volume(rng.normal(100, 20, size=(60, 60, 60)).astype(np.float32), np.diag([3.0, 3, 3, 1]), "noise")
    result = run(detector, fixed, noise)
    assert result.trust.level is not TrustLevel.GOOD
