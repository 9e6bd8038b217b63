"""What the worker does with the request to follow a head through a series."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.files.archive import save_volume
from KeypointRegistrationLib.files.track_archive import (
    ArchivedSeries,
    frame_path,
    load_motions,
    load_reference,
    save_motions,
    save_reference,
)
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.tracking import tracker
from KeypointRegistrationLib.registration.tracking.plain import motion_from
from KeypointRegistrationLib.worker.protocol import (
    Done,
    Event,
    Failed,
    FailureKind,
    FrameTracked,
    Progress,
    ReferenceFound,
    TrackRequest,
    write_request,
)
from KeypointRegistrationLib.worker.service import Service
from sample_track import lost_motion, sample_motion, sample_reference
from samples import sample_volume
from test_archive import assert_same
from test_worker_service import RefusesDetector
from tracker_double import TrackerDouble, tracker_double

FRAMES = 4


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> type[TrackerDouble]:
    double = tracker_double()
    monkeypatch.setattr(tracker, "Tracker", double)
    return double


@pytest.fixture
def request_(tmp_path: Path, models: Path) -> TrackRequest:
    """A series of small frames."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(FRAMES):
        save_volume(frame_path(frames, index), sample_volume(f"frame {index}", size=8, seed=index))
    times = tuple(2.0 * index for index in range(FRAMES))
    return TrackRequest(str(frames), times, "bold", str(tmp_path / "reference.npz"), "tiny")


def served(request: TrackRequest) -> list[Event]:
    """The events of a request to a worker that has just started."""
    path = Path(request.result).with_name("request.json")
    write_request(path, request)
    sent: list[Event] = []
    Service(sent.append).serve(path)
    return sent


def frames_of(events: list[Event]) -> list[int]:
    return [motion_from(event.motion).index for event in events if isinstance(event, FrameTracked)]


def test_the_reference_comes_first_then_every_frame_and_how_far_the_whole_is(
    request_: TrackRequest, double: type[TrackerDouble]
) -> None:
    events = served(request_)
    told = [event for event in events if not isinstance(event, Progress)]
    assert told[0] == ReferenceFound(request_.result, "cpu") and told[-1] == Done(request_.result)
    assert frames_of(told) == [0, 1, 2, 3] and len(told) == FRAMES + 2
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions[-1] == pytest.approx(1.0)
    assert events[-2] == Progress(fractions[-1], "Following the head: frame 4 of 4")
    assert load_reference(request_.result).scan.name == "frame 0"


def test_known_frames_are_not_tracked_again(request_: TrackRequest, double: type[TrackerDouble], tmp_path: Path) -> None:
    save_motions(tmp_path / "known.jsonl", [sample_motion(1), lost_motion(2)])
    assert frames_of(served(replace(request_, known=str(tmp_path / "known.jsonl")))) == [0, 3]


def test_only_wanted_frames_are_tracked_and_the_others_need_not_be_there(
    request_: TrackRequest, double: type[TrackerDouble], tmp_path: Path
) -> None:
    save_motions(tmp_path / "known.jsonl", [sample_motion(index) for index in range(FRAMES)])
    frame_path(request_.frames, 3).unlink()
    assert frames_of(served(replace(request_, known=str(tmp_path / "known.jsonl"), wanted=(2,)))) == [2]
    assert double.followed == [2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": "last"}, "last does not say what the frames are to be aligned to."),
        ({"reference": "-1"}, "-1 does not say"),
        ({"device": "abacus"}, "abacus is not a device."),
        ({"known": "absent.jsonl"}, "absent.jsonl does not hold the motions of frames"),
        ({"mask": "absent.npz"}, "absent.npz cannot be read"),
        ({"frames": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(
    request_: TrackRequest, double: type[TrackerDouble], change: dict, words: str
) -> None:
    failure = served(replace(request_, **change))[-1]
    assert isinstance(failure, Failed) and failure.kind is FailureKind.INPUT
    assert words in failure.message


def test_a_missing_torch_is_told_with_what_to_install(
    request_: TrackRequest, double: type[TrackerDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "KeypointRegistrationLib.detection.detector", raising=False)
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    monkeypatch.setattr(sys, "meta_path", [RefusesDetector(error), *sys.meta_path])
    failure = served(request_)[-1]
    assert isinstance(failure, Failed)
    assert (failure.kind, failure.package) == (FailureKind.TORCH_MISSING, "torch")


def test_frames_told_before_a_failure_stay_told(
    request_: TrackRequest, double: type[TrackerDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_self: TrackerDouble, index: int):
        if index == 2:
            raise InputError("frame 2 is gone.")
        return sample_motion(index)

    monkeypatch.setattr(double, "_motion", breaks)
    events = served(request_)
    assert frames_of(events) == [0, 1]
    assert isinstance(events[-1], Failed) and events[-1].message == "frame 2 is gone."


# -- archives -------------------------------------------------------------------------------------------------------------


def test_a_reference_comes_back_complete(tmp_path: Path) -> None:
    other = replace(sample_reference(), index=None, other_head=np.array([60.0, 0.0, -20.0]))
    for reference in (sample_reference(), other):
        save_reference(tmp_path / "reference.npz", reference)
        assert_same(load_reference(tmp_path / "reference.npz"), reference)


def test_motions_come_back_by_their_frames(tmp_path: Path) -> None:
    save_motions(tmp_path / "motions.jsonl", [sample_motion(3), lost_motion(1)])
    found = load_motions(tmp_path / "motions.jsonl")
    assert_same(found[3], sample_motion(3))
    assert_same(found[1], lost_motion(1))


def test_other_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    save_volume(tmp_path / "volume.npz", sample_volume(size=8))
    (tmp_path / "text.jsonl").write_text("hello\n")
    with pytest.raises(InputError, match=r"volume\.npz is not an archive of the reference"):
        load_reference(tmp_path / "volume.npz")
    with pytest.raises(InputError, match=r"text\.jsonl does not hold the motions"):
        load_motions(tmp_path / "text.jsonl")


def test_an_archived_frame_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    series = ArchivedSeries(tmp_path, (0.0, 1.0), "bold")
    save_volume(frame_path(tmp_path, 1), sample_volume("second", size=8))
    np.testing.assert_array_equal(series.frame(1).voxels, sample_volume(size=8).voxels)
    with pytest.raises(InputError):
        series.frame(0)
