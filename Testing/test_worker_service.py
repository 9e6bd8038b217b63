"""What the worker does with a request, and what it keeps for the next one."""

from __future__ import annotations

import errno
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.files.archive import load_registration, save_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.worker.__main__ import serve_all
from KeypointRegistrationLib.worker.inbox import Inbox
from KeypointRegistrationLib.worker.protocol import (
    IDLE_EXIT,
    Done,
    Event,
    Failed,
    FailureKind,
    Progress,
    Request,
    write_request,
)
from KeypointRegistrationLib.worker.service import Service, failure_of
from samples import sample_matrix, sample_volume
from tiny_model import write_tiny_bundle

REQUEST = Request(fixed="fixed.npz", moving="moving.npz", result="result.npz", model="tiny", transform="rigid", refine=False)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (InputError("head is a single slice."), FailureKind.INPUT, "head is a single slice."),
        (ModuleNotFoundError("No module named 'scipy'", name="scipy"), FailureKind.UNEXPECTED, "scipy"),
        (MemoryError(), FailureKind.UNEXPECTED, "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device"), FailureKind.UNEXPECTED, "disk with the temporary files is full"),
        (KeyError("k"), FailureKind.UNEXPECTED, "unexpected error"),
        (RuntimeError(), FailureKind.UNEXPECTED, "RuntimeError"),
    ],
)
def test_every_error_becomes_a_sentence(error: Exception, kind: FailureKind, words: str) -> None:
    failure = failure_of(error)
    assert failure.kind is kind
    assert words in failure.message
    assert "\n" not in failure.message


class RefusesDetector:
    """An import system in which loading the network's code fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_spec(self, name: str, *_: object) -> None:
        if name == "KeypointRegistrationLib.detection.detector":
            raise self.error


@pytest.mark.parametrize(
    ("error", "package", "words"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "torch", "PyTorch"),
        (ImportError("DLL load failed while importing _C"), "torch", "PyTorch"),
        (OSError(127, "The specified procedure could not be found"), "torch", "PyTorch"),
        (ModuleNotFoundError("No module named 'sympy'", name="sympy"), "torch", "PyTorch"),
        (ModuleNotFoundError("No module named 'safetensors'", name="safetensors.torch"), "safetensors", "safetensors"),
    ],
)
def test_a_missing_or_broken_torch_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, package: str, words: str
) -> None:
    monkeypatch.delitem(sys.modules, "KeypointRegistrationLib.detection.detector", raising=False)
    monkeypatch.setattr(sys, "meta_path", [RefusesDetector(error), *sys.meta_path])
    for name in ("fixed", "moving"):
        save_volume(tmp_path / f"{name}.npz", sample_volume(name))
    paths = {name: str(tmp_path / f"{name}.npz") for name in ("fixed", "moving", "result")}
    write_request(tmp_path / "request.json", replace(REQUEST, **paths))
    sent: list[Event] = []
    assert not Service(sent.append).serve(tmp_path / "request.json")
    failure = sent[-1]
    assert (failure.kind, failure.package) == (FailureKind.TORCH_MISSING, package)
    assert words in failure.message


def test_an_unreadable_request_is_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text("not a request")
    sent: list[Event] = []
    assert not Service(sent.append).serve(path)
    assert [type(event) for event in sent] == [Failed]


# -- what is kept ---------------------------------------------------------------------------------------------------------


class Desk:
    """Puts requests before one service."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sent = folder, []
        self.service = Service(self.sent.append)

    def ask(self, fixed: Volume, moving: Volume, **changes: object) -> list[Event]:
        """The events of a registration."""
        paths = {name: str(self.folder / f"{name}.npz") for name in ("fixed", "moving", "result")}
        save_volume(paths["fixed"], fixed)
        save_volume(paths["moving"], moving)
        write_request(self.folder / "request.json", replace(REQUEST, **{**paths, **changes}))
        self.sent.clear()
        self.service.serve(self.folder / "request.json")
        return list(self.sent)

    @property
    def result(self):
        return load_registration(self.folder / "result.npz")


def stages(events: list[Event]) -> str:
    return " ".join(event.stage for event in events if isinstance(event, Progress))


@pytest.fixture
def desk(models: Path, tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_network_is_loaded_once_and_again_for_another_model_or_device(desk: Desk, models: Path) -> None:
    fixed, moving = sample_volume("fixed"), sample_volume("moving", seed=1)
    assert "Loading the network" in stages(desk.ask(fixed, moving))
    assert "Loading the network" not in stages(desk.ask(moving, fixed))
    assert "Loading the network" in stages(desk.ask(fixed, moving, device="cpu"))
    write_tiny_bundle(models, "other")
    assert "Loading the network" in stages(desk.ask(fixed, moving, device="cpu", model="other"))


def test_a_second_run_reuses_the_keypoints_of_the_same_fixed_scan_and_says_so(desk: Desk) -> None:
    fixed = sample_volume("fixed")
    assert "known from before" not in stages(desk.ask(fixed, sample_volume("moving", seed=1)))
    first = desk.result.fixed_keypoints.positions
    again = replace(fixed, name="fixed again")
    assert "(fixed again: known from before)" in stages(desk.ask(again, sample_volume("third", seed=2)))
    np.testing.assert_array_equal(desk.result.fixed_keypoints.positions, first)


def test_the_result_does_not_depend_on_what_is_remembered(desk: Desk, tmp_path: Path) -> None:
    fixed, moving = sample_volume("fixed"), sample_volume("moving", seed=1)
    desk.ask(fixed, moving)
    fresh = desk.result
    assert isinstance(desk.ask(fixed, moving)[-1], Done)
    np.testing.assert_array_equal(desk.result.moving_to_fixed, fresh.moving_to_fixed)
    assert desk.result.seconds["detect"] < fresh.seconds["detect"]


def test_a_moved_scan_is_another_scan(desk: Desk) -> None:
    fixed, moving = sample_volume("fixed"), sample_volume("moving", seed=1)
    desk.ask(fixed, moving)
    assert "known from before" not in stages(desk.ask(fixed.moved(sample_matrix()), moving))


def test_an_initial_transform_reaches_the_registration(desk: Desk) -> None:
    fixed, moving = sample_volume("fixed"), sample_volume("moving", seed=1)
    desk.ask(fixed, moving.moved(sample_matrix()))
    initial = tuple(map(tuple, np.linalg.inv(sample_matrix()).tolist()))
    desk.ask(fixed, moving.moved(sample_matrix()), initial=initial)
    with_pose = desk.result
    desk.ask(fixed, moving)
    expected = desk.result.moving_keypoints.moved(sample_matrix()).positions
    np.testing.assert_allclose(with_pose.moving_keypoints.positions, expected, atol=0.05)


def test_an_unknown_word_in_a_request_is_a_sentence(desk: Desk) -> None:
    failure = desk.ask(sample_volume("fixed"), sample_volume("moving", seed=1), transform="elastic")[-1]
    assert failure.kind is FailureKind.INPUT
    assert failure.message.startswith("elastic is not a type of transform.")


def test_requests_are_served_in_order_until_nobody_asks_any_more(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for transform in ("elastic", "plastic"):
        inbox.put(replace(REQUEST, transform=transform, fixed=f"{transform}.npz"))
    sent: list[Event] = []
    assert serve_all(inbox, sent.append, patience=0.01) == IDLE_EXIT
    failures = [event.message for event in sent if isinstance(event, Failed)]
    assert ["elastic.npz" in failure for failure in failures] == [True, False]
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_is_still_being_written_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "000001.part").touch()
    assert Inbox(tmp_path).take() is None
