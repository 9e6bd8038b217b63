"""The table of a track tells, frame by frame, how the head lies and how far that can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.motion import displacement
from KeypointRegistrationLib.geometry.transforms import affine, apply
from KeypointRegistrationLib.registration.result import TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameStatus
from KeypointRegistrationLib.registration.tracking.motion_table import MotionRow, motion_columns, motion_rows
from sample_track import sample_motion, sample_reference, sample_track
from scipy.spatial.transform import Rotation


def row_of(matrix: np.ndarray) -> MotionRow:
    """The row of a frame after the reference with this motion."""
    track = sample_track()
    frames = (track.frames[0], replace(sample_motion(1), moving_to_fixed=matrix))
    return motion_rows(replace(track, frames=frames))[1]


def test_the_rotation_is_told_in_degrees_about_the_axes_of_the_reference() -> None:
    turned = affine(Rotation.from_rotvec([0, 0, 30.0], degrees=True).as_matrix(), (0, 0, 0))
    assert row_of(turned).rotation == pytest.approx((0, 0, 30.0))
    assert row_of(turned).rotation_angle == pytest.approx(30.0)


def test_the_translation_is_that_of_the_middle_of_the_head() -> None:
    centre = sample_reference().centre
    about_the_middle = affine(Rotation.from_rotvec([40.0, 0, 0], degrees=True).as_matrix(), (0, 0, 0))
    about_the_middle[:3, 3] = centre - apply(about_the_middle, centre[None])[0]
    assert row_of(about_the_middle).translation == pytest.approx((0, 0, 0), abs=1e-9)
    shifted = affine(np.eye(3), (1, -2, 2)) @ about_the_middle
    assert row_of(affine(np.eye(3), (1, -2, 2))).translation == pytest.approx((1, -2, 2))
    assert row_of(shifted).translation_length == pytest.approx(3.0)


def test_framewise_displacement_bridges_a_lost_frame() -> None:
    track = sample_track()
    rows = motion_rows(track)
    steps = [row.framewise_displacement for row in rows]
    matrices = [motion.moving_to_fixed for motion in track.frames]
    assert np.isnan(steps[0]) and np.isnan(steps[2])
    assert steps[3] == pytest.approx(displacement(matrices[3], matrices[1], track.reference.centre, track.reference.radius))


def test_a_lost_frame_has_reasons_and_no_numbers() -> None:
    row = motion_rows(sample_track())[2]
    assert row.status is FrameStatus.LOST and row.trust is None and row.reasons == "The head was not found."
    assert np.isnan([*row.rotation, *row.translation, row.fre, row.predicted_tre]).all() and row.keypoints_used == 0


def test_a_tracked_frame_says_what_carries_it() -> None:
    row = motion_rows(sample_track())[1]
    assert (row.frame, row.time, row.status, row.trust) == (1, 2.0, FrameStatus.TRACKED, TrustLevel.CHECK)
    assert (row.predicted_tre, row.predicted_tre_p95, row.keypoints_used, row.refound) == (0.9, 1.2, 15, True)


def test_smoothed_motion_stands_beside_the_raw_one() -> None:
    track = sample_track()
    smoothed = [affine(np.eye(3), (index, 0, 0)) for index in range(4)]
    raw, beside = motion_rows(track), motion_rows(track, smoothed)
    assert [row.smoothed_translation[0] for row in beside] == pytest.approx([0, 1, 2, 3])
    assert [row.rotation for row in beside][1] == raw[1].rotation
    assert np.isnan(raw[1].smoothed_rotation).all()
    plain_names, names = ([column.name for column in motion_columns(with_smoothed)] for with_smoothed in (False, True))
    assert [name for name in names if not name.startswith("smoothed")] == plain_names
    assert len(names) == len(plain_names) + 6


def test_every_column_takes_its_value_from_a_row() -> None:
    rows = motion_rows(sample_track())
    values = {column.name: [column.value(row) for row in rows] for column in motion_columns()}
    assert values["status"] == ["reference", "tracked", "lost", "tracked"]
    assert values["rotation_angle_deg"] == pytest.approx([0, 10, np.nan, 25], nan_ok=True)
    letters = np.transpose([values[f"translation_{letter}_mm"] for letter in "ras"])
    assert np.allclose(letters, [row.translation for row in rows], equal_nan=True)
    assert all(isinstance(value, int | float | str) for column in values.values() for value in column)
