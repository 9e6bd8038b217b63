"""The worker process as the panel sees it: requests one after the other, its life and its death."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest
from KeypointRegistrationLib.worker.client import WorkerClient, WorkerState
from KeypointRegistrationLib.worker.protocol import Done, Failed, FailureKind, Progress
from worker_scripts import FAILS, HANGS, REQUEST, SERVES, STAMMERS, TIRES, ask, is_alive, listen, script, wait_until


def test_the_client_tells_the_events_in_order_and_follows_them(client_of: Callable) -> None:
    client = client_of(script(SERVES))
    assert client.state is WorkerState.IDLE
    ask(client)
    assert client.state is WorkerState.STARTING
    assert listen(client) == [Progress(0.5, str(client.process.pid)), Done("result.npz")]
    assert client.state is WorkerState.DONE
    assert client.poll() == []


def test_the_process_is_kept_for_the_next_request_and_the_files_of_the_last_are_not(client_of: Callable) -> None:
    client = client_of(script(SERVES))
    first = ask(client)
    served = listen(client)
    client.finish()
    second = ask(client)
    assert listen(client) == served
    assert second != first and not first.exists()


def test_a_request_waits_for_the_end_of_the_one_before(client_of: Callable) -> None:
    client = client_of(script(HANGS))
    ask(client)
    with pytest.raises(RuntimeError, match="one request at a time"):
        client.prepare()


def test_a_line_written_in_two_pieces_is_one_event(client_of: Callable) -> None:
    client = client_of(script(STAMMERS))
    ask(client)
    events_file = client.process.folder / "events.jsonl"
    wait_until(lambda: events_file.stat().st_size > 0, "the first piece")
    assert client.poll() == []
    client.process._process.stdin.write(b"x")
    client.process._process.stdin.flush()
    assert listen(client) == [Done("r")]


def test_a_worker_that_dies_is_a_failure_with_its_exit_code_and_its_log(client_of: Callable) -> None:
    client = client_of(script("import sys; print('last words', file=sys.stderr); sys.exit(7)"))
    ask(client)
    (failure,) = listen(client)
    assert failure.kind is FailureKind.UNEXPECTED
    assert failure.message.startswith("The registration process ended unexpectedly (exit code 7). Try again")
    assert "last words" in failure.details
    assert client.state is WorkerState.FAILED


def test_a_worker_killed_from_outside_is_a_failure_that_mentions_memory_and_is_replaced(client_of: Callable) -> None:
    client = client_of(script(HANGS))
    ask(client)
    listen(client, Progress)
    pid = client.process.pid
    os.kill(pid, 9)
    failure = listen(client)[-1]
    assert failure.message.startswith("The registration process ended unexpectedly (exit code -9).")
    assert "memory" in failure.message
    ask(client)
    assert client.process.pid != pid and client.process.exit_code is None


@pytest.mark.parametrize("what", ["the process", "its files"])
def test_a_worker_lost_between_two_requests_is_replaced_without_a_word(client_of: Callable, what: str) -> None:
    client = client_of(script(SERVES))
    ask(client)
    listen(client)
    pid = client.process.pid
    if what == "its files":
        shutil.rmtree(client.process.folder)
    else:
        os.kill(pid, 9)
        wait_until(lambda: client.process.exit_code is not None, "its death")
    ask(client)
    assert listen(client)[-1] == Done("result.npz")
    assert client.process.pid != pid


def idle_as_it_is_asked(client: WorkerClient) -> None:
    """Ask a process that ends after it was looked at, and before it takes the request."""
    ask(client)
    listen(client)
    process = client.process
    client.prepare()
    process._process.stdin.write(b"x")
    process._process.stdin.flush()
    wait_until(lambda: process.exit_code is not None, "its end")
    client._ensure_process = lambda: process
    client.start(REQUEST)
    del client._ensure_process


def test_a_worker_that_became_idle_as_it_was_asked_is_replaced_without_a_word(client_of: Callable) -> None:
    client = client_of(script(TIRES))
    idle_as_it_is_asked(client)
    process = client.process
    assert listen(client)[-1] == Done("result.npz")
    assert client.process is not process


def test_an_idle_worker_that_cannot_be_replaced_is_a_failure(client_of: Callable) -> None:
    client = client_of(script(TIRES))
    idle_as_it_is_asked(client)
    client._command = lambda: ["/no/such/python"]
    (failure,) = listen(client)
    assert failure.message.startswith("The registration process could not be started again")
    assert client.state is WorkerState.FAILED


@pytest.mark.parametrize(("kind", "kept"), [("input", True), ("unexpected", False), ("torch missing", False)])
def test_a_process_is_kept_after_unusable_input_but_not_after_other_failures(
    client_of: Callable, kind: str, kept: bool
) -> None:
    client = client_of(script(FAILS.replace("KIND", kind)))
    ask(client)
    pid = client.process.pid
    assert listen(client) == [Failed(FailureKind(kind), "No.")]
    assert (client.process is not None) is kept
    assert is_alive(pid) is kept


def test_temporary_files_that_were_tidied_up_by_others_are_a_failure(client_of: Callable) -> None:
    client = client_of(script(HANGS))
    ask(client)
    listen(client, Progress)
    shutil.rmtree(client.process.folder)
    (failure,) = listen(client)
    assert failure.message == "The temporary files of the registration process are gone. Apply again."
    assert client.process is None


def test_cancelling_ends_the_whole_tree_and_removes_all_files(client_of: Callable) -> None:
    client = client_of(script(HANGS))
    folder = ask(client)
    child = int(listen(client, Progress)[0].stage)
    process = client.process
    assert is_alive(process.pid) and is_alive(child)
    client.cancel()
    assert client.state is WorkerState.CANCELLED
    wait_until(lambda: not is_alive(process.pid) and not is_alive(child), "the end of the tree")
    assert not folder.exists() and not process.folder.exists()
    assert client.poll() == []


def test_after_cancelling_a_new_process_serves(client_of: Callable) -> None:
    client = client_of(script(HANGS))
    ask(client)
    client.cancel()
    client._command = lambda: script(SERVES)
    ask(client)
    assert listen(client)[-1] == Done("result.npz")


def test_closing_twice_or_before_the_start_is_harmless(client_of: Callable) -> None:
    client = client_of(script(SERVES))
    client.close()
    folder = client.prepare()
    client.close()
    client.close()
    assert not folder.exists()


def test_a_forgotten_client_ends_its_process() -> None:
    client = WorkerClient(lambda: script(SERVES))
    ask(client)
    listen(client)
    pid = client.process.pid
    client.finish()
    del client
    gc.collect()
    wait_until(lambda: not is_alive(pid), "the end of the process")


def test_a_command_that_does_not_exist_raises_and_leaves_the_client_idle(client_of: Callable) -> None:
    client = client_of(["/no/such/python"])
    with pytest.raises(OSError):
        client.prepare()
    assert client.state is WorkerState.IDLE and client.process is None


def test_a_process_that_cannot_be_ended_does_not_hold_up_the_application(client_of: Callable) -> None:
    class Immortal(subprocess.Popen):
        def wait(self, timeout: float | None = None) -> int:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)

    client = client_of(script(SERVES))
    folder = ask(client)
    client.process._process.__class__ = Immortal
    client.close()
    assert not folder.exists()
