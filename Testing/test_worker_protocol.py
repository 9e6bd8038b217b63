"""The language between the panel and the worker: requests and events."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from KeypointRegistrationLib.registration.tracking.plain import motion_from, plain_motion
from KeypointRegistrationLib.worker.protocol import (
    AnyRequest,
    Done,
    Event,
    Failed,
    FailureKind,
    FrameTracked,
    Progress,
    ProtocolError,
    ReferenceFound,
    Request,
    TrackRequest,
    decode,
    encode,
    read_request,
    write_request,
)
from sample_track import sample_motion
from test_archive import assert_same

REQUEST = Request(fixed="fixed.npz", moving="moving.npz", result="result.npz", model="brain-affine", transform="rigid")
TRACK = TrackRequest(frames="frames", times=(0.0, 2.5), name="bold", result="reference.npz", model="foetal-rigid")

texts = st.text()
numbers = st.floats(0, 1)
events = st.one_of(
    st.builds(Progress, numbers, texts),
    st.builds(ReferenceFound, texts, texts),
    st.builds(Done, texts),
    st.builds(Failed, st.sampled_from(FailureKind), texts, texts),
)


@given(events)
def test_an_event_survives_the_way_through_one_line(event: Event) -> None:
    line = encode(event)
    assert "\n" not in line
    assert decode(line) == event


@pytest.mark.parametrize(
    "line",
    ["", "hello", "[]", "{}", '{"event": "dance"}', '{"event": "done"}', '{"event": "failed", "kind": "x", "message": ""}'],
)
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError):
        decode(line)


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, refine=False, heatmaps=True, fixed_mask="mask.npz", initial=((1.0, 0.5), (0.0, 1.0))),
        TRACK,
        replace(TRACK, reference="mean", mask="mask.npz", known="known.jsonl", wanted=(2, 5)),
    ],
)
def test_a_request_survives_its_file(tmp_path: Path, request_: AnyRequest) -> None:
    write_request(tmp_path / "request.json", request_)
    assert read_request(tmp_path / "request.json") == request_


@pytest.mark.parametrize(("change", "words"), [({"version": 1}, "version 3"), ({"task": "dance"}, "nothing that is known")])
def test_a_request_of_another_version_or_for_another_task_is_refused(tmp_path: Path, change: dict, words: str) -> None:
    path = tmp_path / "request.json"
    write_request(path, REQUEST)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ProtocolError, match=words):
        read_request(path)


def test_the_motion_of_a_frame_survives_its_event() -> None:
    event = decode(encode(FrameTracked(plain_motion(sample_motion()))))
    assert isinstance(event, FrameTracked)
    assert_same(motion_from(event.motion), sample_motion())
