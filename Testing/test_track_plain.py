"""The motion of a frame goes through text and comes back as it was."""

from __future__ import annotations

import json

import pytest
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion
from KeypointRegistrationLib.registration.tracking.plain import motion_from, plain_motion
from sample_track import lost_motion, sample_motion
from test_archive import assert_same


@pytest.mark.parametrize("motion", [sample_motion(), lost_motion()], ids=["tracked", "lost"])
def test_a_motion_comes_back_complete_from_strict_json(motion: FrameMotion) -> None:
    assert_same(motion_from(json.loads(json.dumps(plain_motion(motion), allow_nan=False))), motion)


@pytest.mark.parametrize("entry", [{}, {"index": None}, plain_motion(lost_motion()) | {"trust": "good"}])
def test_what_is_no_motion_is_refused(entry: dict) -> None:
    with pytest.raises(ValueError, match="not the motion of a frame"):
        motion_from(entry)
