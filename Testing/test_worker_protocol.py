"""The language between the panel and the worker: requests and events."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from KeypointRegistrationLib.worker.protocol import (
    Done,
    Event,
    Failed,
    FailureKind,
    Progress,
    ProtocolError,
    Request,
    decode,
    encode,
)

REQUEST = Request(fixed="fixed.npz", moving="moving.npz", result="result.npz", model="brain-affine", transform="rigid")

texts = st.text()
numbers = st.floats(0, 1)
events = st.one_of(
    st.builds(Progress, numbers, texts),
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


def test_a_request_survives_its_file(tmp_path: Path) -> None:
    request = replace(REQUEST, refine=False, heatmaps=True, fixed_mask="mask.npz", initial=((1.0, 0.5), (0.0, 1.0)))
    request.write(tmp_path / "request.json")
    assert Request.read(tmp_path / "request.json") == request


def test_a_request_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    REQUEST.write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 1}))
    with pytest.raises(ProtocolError, match="version 2"):
        Request.read(path)
