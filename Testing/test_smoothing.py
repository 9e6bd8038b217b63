"""Smoothing takes noise away, bridges gaps, and leaves what was measured well, the raw motion, and sudden turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from KeypointRegistrationLib.geometry.motion import displacement
from KeypointRegistrationLib.geometry.smoothing import smoothed_motions
from KeypointRegistrationLib.geometry.transforms import invert, rotation_angle
from KeypointRegistrationLib.registration.result import Trust, TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import Track
from KeypointRegistrationLib.registration.tracking.smoothing import smoothed
from numpy.typing import NDArray
from sample_track import sample_motion, sample_reference
from scipy.spatial.transform import Rotation

CENTRE, RADIUS = np.array([10.0, -20.0, 30.0]), 40.0
COVARIANCE = np.diag([np.deg2rad(1.0) ** 2] * 3 + [0.8**2] * 3)


def motion(degrees: float, shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """4×4 moving → fixed of a head turned by ``degrees`` about an oblique axis through its middle, and shifted (mm)."""
    rotation = Rotation.from_rotvec(degrees * np.array([2.0, -1.0, 2.0]) / 3, degrees=True).as_matrix()
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, CENTRE + shift - rotation @ CENTRE
    return invert(pose)


def drift(frames: int = 60) -> list[NDArray[np.float64]]:
    """A head that turns and moves slowly, back and forth."""
    phases = np.sin(np.linspace(0, 2 * np.pi, frames))
    return [motion(30 * phase, phase * np.array([8.0, -5.0, 3.0])) for phase in phases]


def noisy(motions: list[NDArray[np.float64]], seed: int = 0) -> list[NDArray[np.float64]]:
    """The motions with errors as ``COVARIANCE`` says: a turn from the left about the RAS origin, then a shift."""
    rng = np.random.default_rng(seed)
    changed = []
    for matrix in motions:
        error = rng.multivariate_normal(np.zeros(6), COVARIANCE)
        matrix = matrix.copy()
        matrix[:3, :3] = Rotation.from_rotvec(error[:3]).as_matrix() @ matrix[:3, :3]
        matrix[:3, 3] += error[3:]
        changed.append(matrix)
    return changed


def smooth(motions: list, covariance: NDArray[np.float64] = COVARIANCE) -> tuple:
    times = [1.5 * index for index in range(len(motions))]
    return smoothed_motions(times, motions, [covariance] * len(motions), CENTRE, RADIUS)


def errors(found: list | tuple, truth: list) -> NDArray[np.float64]:
    return np.array([displacement(one, other, CENTRE, RADIUS) for one, other in zip(found, truth, strict=True)])


def test_noise_is_halved_where_the_head_moves_slowly() -> None:
    truth = drift()
    measured = noisy(truth)
    before = errors(measured, truth).mean()
    assert errors(smooth(measured), truth).mean() < 0.55 * before


def test_covariances_that_are_all_too_large_do_not_smooth_away_the_motion() -> None:
    truth = drift()
    measured = noisy(truth)
    found = smooth(measured, 50 * COVARIANCE)
    assert errors(found, truth).mean() < 0.7 * errors(measured, truth).mean()
    assert errors(found, smooth(measured)).mean() < 0.3


def test_gaps_are_bridged_and_nothing_is_made_up_before_the_first_and_after_the_last_pose() -> None:
    truth = drift()
    gaps = [None if index in (0, 20, 21, 22, 40, 59) else matrix for index, matrix in enumerate(noisy(truth))]
    found = smooth(gaps)
    assert found[0] is None and found[59] is None
    assert all(matrix is not None for matrix in found[1:59])
    assert errors(found[1:59], truth[1:59]).max() < 2.0


def test_a_turn_that_was_measured_well_stays_as_sudden_as_it_was() -> None:
    truth = [motion(0.0 if index < 20 else 85.0, np.zeros(3)) for index in range(40)]
    found = smooth(noisy(truth))
    assert errors(found, truth).max() < 4.0
    assert rotation_angle(found[20] @ invert(found[19])) > 75.0


def test_certain_poses_are_not_changed() -> None:
    measured = noisy(drift())
    assert errors(smooth(measured, 1e-10 * np.eye(6)), measured).max() < 1e-3


def test_an_uncertain_pose_is_pulled_to_the_certain_ones_around_it() -> None:
    truth = drift()
    measured = list(truth)
    measured[30] = truth[30] @ motion(10.0, np.array([5.0, 0.0, 0.0]))
    covariances = [1e-4 * COVARIANCE] * len(truth)
    covariances[30] = 1e4 * COVARIANCE
    times = [1.5 * index for index in range(len(truth))]
    found = smoothed_motions(times, measured, covariances, CENTRE, RADIUS)
    assert displacement(found[30], truth[30], CENTRE, RADIUS) < 0.1
    assert displacement(measured[30], truth[30], CENTRE, RADIUS) > 5.0


def test_the_result_does_not_depend_on_where_the_origin_is() -> None:
    measured = noisy(drift(20))
    here = smooth(measured)
    shift = np.array([300.0, -200.0, 100.0])
    away = np.eye(4)
    away[:3, 3] = shift
    moved, spreads = [], []
    for matrix in measured:
        moved.append(away @ matrix @ invert(away))
        x, y, z = matrix[:3, :3] @ shift
        change = np.eye(6)  # an error that turns shifts what is far from the new origin
        change[3:, :3] = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        spreads.append(change @ COVARIANCE @ change.T)
    there = smoothed_motions([1.5 * index for index in range(20)], moved, spreads, CENTRE + shift, RADIUS)
    assert errors([invert(away) @ matrix @ away for matrix in there], list(here)).max() < 1e-6


def test_what_was_measured_is_left_as_it_is() -> None:
    measured = noisy(drift(10))
    copies = [matrix.copy() for matrix in measured]
    smooth(measured)
    np.testing.assert_array_equal(measured, copies)


def test_too_few_poses_come_back_as_they_were() -> None:
    measured = [None, *noisy(drift(2)), None]
    found = smooth(measured)
    assert found[0] is None and found[3] is None
    np.testing.assert_array_equal(found[1:3], measured[1:3])


def test_a_frame_that_is_not_to_be_trusted_does_not_pull_unless_a_person_has_corrected_it() -> None:
    quiet = [replace(sample_motion(index), trust=Trust(TrustLevel.GOOD)) for index in range(9)]
    wrong = replace(
        sample_motion(4),
        moving_to_fixed=sample_motion(4, degrees=60.0).moving_to_fixed,
        trust=Trust(TrustLevel.DO_NOT_TRUST),
    )
    for corrected, reached in ((False, False), (True, True)):
        frames = (*quiet[:4], replace(wrong, corrected=corrected), *quiet[5:])
        found = smoothed(Track("series", sample_reference(), frames))[4]
        assert found is not None
        assert (rotation_angle(found @ invert(quiet[0].moving_to_fixed)) > 40.0) is reached
