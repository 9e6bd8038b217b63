"""The worker process: its language, its life and its death."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from KeypointRegistrationLib.files.archive import save_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.worker.__main__ import failure_of, serve
from KeypointRegistrationLib.worker.client import WorkerClient, WorkerState, python_executable, worker_command
from KeypointRegistrationLib.worker.lifetime import is_running
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
from samples import sample_volume

REQUEST = Request(fixed="fixed.npz", moving="moving.npz", result="result.npz", model="brain-affine", transform="rigid")
PATIENCE_S = 60.0


def script(text: str) -> list[str]:
    """A worker double: a Python process that runs ``text`` with the request file as its argument."""
    return [sys.executable, "-c", text]


@pytest.fixture
def clients() -> Iterator[list[WorkerClient]]:
    """Clients to be closed after the test."""
    made: list[WorkerClient] = []
    yield made
    for client in made:
        client.close()


def started(clients: list[WorkerClient], command: list[str]) -> WorkerClient:
    client = WorkerClient(command)
    clients.append(client)
    client.start(REQUEST)
    return client


def listen(client: WorkerClient, until: type = object) -> list[Event]:
    """All events until the first of kind ``until``, or until the worker is no longer at work."""
    events: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while client.is_active and not any(type(event) is until for event in events):
        assert time.monotonic() < deadline, f"nothing more came after {events}"
        events += client.poll()
    return events


def is_alive(pid: int) -> bool:
    """Whether a process still runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


SAYS_ALL = """
print('{"event": "progress", "fraction": 0.5, "stage": "Half"}', flush=True)
print('{"event": "done", "result": "result.npz"}', flush=True)
"""
HANGS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print('{"event": "progress", "fraction": 0.1, "stage": "%d"}' % child.pid, flush=True)
child.wait()
"""
STAMMERS = """
import sys
print('{"event": "do', end="", flush=True)
sys.stdin.read(1)
print('ne", "result": "r"}', flush=True)
"""


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
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(ProtocolError, match="version 1"):
        Request.read(path)


def test_the_client_tells_the_events_in_order_and_follows_them(clients: list[WorkerClient]) -> None:
    client = started(clients, script(SAYS_ALL))
    assert client.state is WorkerState.STARTING
    assert listen(client) == [Progress(0.5, "Half"), Done("result.npz")]
    assert client.state is WorkerState.DONE
    assert client.poll() == []


def test_a_line_written_in_two_pieces_is_one_event(clients: list[WorkerClient]) -> None:
    client = started(clients, script(STAMMERS))
    events_file = client.folder / "events.jsonl"
    while not events_file.stat().st_size:
        assert client.poll() == []
    assert client.poll() == []
    client._process.stdin.write(b"x")
    client._process.stdin.flush()
    assert listen(client) == [Done("r")]


def test_a_worker_that_dies_is_a_failure_with_its_exit_code_and_its_log(clients: list[WorkerClient]) -> None:
    client = started(clients, script("import sys; print('last words', file=sys.stderr); sys.exit(7)"))
    (failure,) = listen(client)
    assert failure.kind is FailureKind.UNEXPECTED
    assert failure.message == "The registration process ended unexpectedly (exit code 7)."
    assert "last words" in failure.details
    assert client.state is WorkerState.FAILED


def test_a_worker_killed_from_outside_is_a_failure_that_mentions_memory(clients: list[WorkerClient]) -> None:
    client = started(clients, script(HANGS))
    listen(client, Progress)
    os.kill(client._process.pid, 9)
    failure = listen(client)[-1]
    assert failure.message.startswith("The registration process ended unexpectedly (exit code -9).")
    assert "memory" in failure.message


def test_cancelling_ends_the_whole_tree_and_removes_the_folder(clients: list[WorkerClient]) -> None:
    client = started(clients, script(HANGS))
    worker = client._process.pid
    child = int(listen(client, Progress)[0].stage)
    assert is_alive(worker) and is_alive(child)
    client.cancel()
    assert client.state is WorkerState.CANCELLED
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(worker) or is_alive(child):
        assert time.monotonic() < deadline, "the worker outlived its cancellation"
    assert not client.folder.exists()
    assert client.poll() == []


def test_closing_twice_or_before_the_start_is_harmless() -> None:
    client = WorkerClient(script(SAYS_ALL))
    client.close()
    client.close()
    assert not client.folder.exists()


def test_a_client_serves_one_request(clients: list[WorkerClient]) -> None:
    client = started(clients, script(SAYS_ALL))
    with pytest.raises(RuntimeError, match="one request"):
        client.start(REQUEST)


def test_a_command_that_does_not_exist_raises_and_leaves_the_client_idle(clients: list[WorkerClient]) -> None:
    client = WorkerClient(["/no/such/python"])
    clients.append(client)
    with pytest.raises(OSError):
        client.start(REQUEST)
    assert client.state is WorkerState.IDLE


def test_the_real_worker_turns_a_missing_file_into_one_failure_with_a_sentence(clients: list[WorkerClient]) -> None:
    client = started(clients, worker_command())
    *_, failure = listen(client)
    assert isinstance(failure, Failed)
    assert "Traceback" not in failure.message and "Traceback" in failure.details


def test_the_real_worker_ends_when_its_parent_is_gone(clients: list[WorkerClient]) -> None:
    waits = "import KeypointRegistrationLib.worker.__main__ as w, time; w._end_with_parent(); time.sleep(600)"
    client = started(clients, script(waits))
    client._process.stdin.close()
    assert client._process.wait(timeout=PATIENCE_S) == 1


def test_the_worker_ends_when_the_process_that_asked_is_gone_though_its_input_stays_open(
    clients: list[WorkerClient],
) -> None:
    asker = subprocess.Popen(script("import sys; sys.stdin.read()"), stdin=subprocess.PIPE)
    assert is_running(asker.pid)
    waits = f"import KeypointRegistrationLib.worker.lifetime as l, time; l.end_with({asker.pid}); print(flush=True); "
    client = started(clients, script(waits + "time.sleep(600)"))
    asker.communicate()
    assert not is_running(asker.pid)
    assert client._process.wait(timeout=PATIENCE_S) == 1


def test_the_request_names_the_process_that_asks(clients: list[WorkerClient]) -> None:
    client = started(clients, script(SAYS_ALL))
    assert Request.read(client.folder / "request.json") == replace(REQUEST, parent=os.getpid())


def test_the_worker_watches_the_process_that_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[int] = []
    monkeypatch.setattr("KeypointRegistrationLib.worker.__main__.end_with", watched.append)
    replace(REQUEST, parent=4711).write(tmp_path / "request.json")
    serve(tmp_path / "request.json", lambda _event: None)
    assert watched == [4711]


def test_a_process_that_cannot_be_ended_does_not_hold_up_the_application(clients: list[WorkerClient]) -> None:
    class Immortal(subprocess.Popen):
        def wait(self, timeout: float | None = None) -> int:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)

    client = started(clients, script(SAYS_ALL))
    listen(client, Done)
    client._process.__class__ = Immortal
    client.close()
    assert not client.folder.exists()


def test_prints_of_libraries_do_not_disturb_the_events(clients: list[WorkerClient]) -> None:
    prints = (
        "import os, KeypointRegistrationLib.worker.__main__ as w\n"
        "send = w._claim_standard_output(); print('noise'); os.write(1, b'more noise\\n'); send(w.Done('r'))"
    )
    client = started(clients, script(prints))
    assert listen(client) == [Done("r")]
    assert "more noise" in (client.folder / "log.txt").read_text()


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
    replace(REQUEST, **paths).write(tmp_path / "request.json")
    sent: list[Event] = []
    assert serve(tmp_path / "request.json", sent.append) == 1
    failure = sent[-1]
    assert (failure.kind, failure.package) == (FailureKind.TORCH_MISSING, package)
    assert words in failure.message


def test_slicers_interpreter_is_preferred_and_the_application_itself_never_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert python_executable() == sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "SlicerApp-real"))
    with pytest.raises(InputError, match="PythonSlicer"):
        python_executable()
    launcher = tmp_path / "PythonSlicer"
    launcher.touch(0o755)
    assert python_executable() == str(launcher)


def test_an_unreadable_request_is_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text("not a request")
    sent: list[Event] = []
    assert serve(path, sent.append) == 1
    assert [type(event) for event in sent] == [Failed]
