"""The panel's side of the worker: requests, one after the other, for a process that is kept for the next one.

Nothing here waits and nothing uses a thread.  In Slicer a Python thread stands still while Qt's event loop is idle, so the
caller looks in from a timer: the worker writes its events to a file, and ``WorkerClient.poll`` reads what has been added.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path

from ..geometry.errors import InputError
from .process import WorkerProcess
from .protocol import IDLE_EXIT, AnyRequest, Done, Event, Failed, FailureKind


class WorkerState(Enum):
    """Where the latest request stands.  The last three are final."""

    IDLE = "idle"
    PREPARING = "preparing"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerClient:
    """Hands requests to a worker process.  For each: ``prepare``, ``start``, ``poll`` until it ended, ``finish``.

    The process starts with the first request and is kept: the next one finds the network loaded and the keypoints of
    recent scans at hand.  It is replaced after a crash, after a failure that is not the input's, and after ``cancel``;
    it ends with ``close``, with this object, with this process, and by itself when nobody asks for anything for long.

    Attributes:
        state: where the latest request stands.
    """

    def __init__(self, command: Callable[[], Sequence[str]]) -> None:
        """``command`` tells how to start a worker (see ``worker_command``); asked at every start of a process."""
        self.state = WorkerState.IDLE
        self._command = command
        self._process: WorkerProcess | None = None
        self._folder: Path | None = None
        self._request: AnyRequest | None = None

    @property
    def is_active(self) -> bool:
        """Whether a request is being prepared or served."""
        return self.state in (WorkerState.PREPARING, WorkerState.STARTING, WorkerState.RUNNING)

    @property
    def process(self) -> WorkerProcess | None:
        """The process that is kept, if there is one."""
        return self._process

    def prepare(self) -> Path:
        """A new folder for the files of the next request.  The process is started, if none is there, while they are written.

        Writing them may take a while.  From now on there is no room for another request, until this one has ended, or
        ``finish`` drops it.

        Raises:
            OSError: if there is no room for the folder, or the process cannot be started.
            InputError: if there is no interpreter for it.
        """
        if self.is_active:
            raise RuntimeError("the worker serves one request at a time")
        self.finish()
        self._ensure_process()
        self._folder = Path(tempfile.mkdtemp(prefix="KeypointRegistration-"))
        self.state = WorkerState.PREPARING
        return self._folder

    def start(self, request: AnyRequest) -> None:
        """Hand over the request whose files are in the folder that ``prepare`` gave.

        Raises:
            OSError: if the request cannot be written or the process cannot be started.
        """
        if self._folder is None:
            raise RuntimeError("a request needs a folder first: call prepare")
        self._hand_over(request)

    def poll(self) -> list[Event]:
        """The events since the last call, in order.  Never waits.

        A process that ended without a last word is reported as a failure.
        """
        if self._process is None or self._request is None or not self.is_active:
            return []
        exit_code = self._process.exit_code  # before reading: what a dead process wrote is complete
        events: list[Event] = []
        for event in self._process.new_events():
            events.append(event)
            self._follow(event)
            if not self.is_active:  # nothing that comes after the last word belongs to this request
                break
        if self.is_active and exit_code is not None:
            events += self._outlive(exit_code)
        return events

    def finish(self) -> None:
        """Remove the files of the request.  The process is kept, unless what it said last makes it doubtful."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._request = None
        if self.state is WorkerState.PREPARING:
            self.state = WorkerState.IDLE

    def cancel(self) -> None:
        """Stop the process and everything it started, at once, and remove all files."""
        if self.is_active:
            self.state = WorkerState.CANCELLED
        self.close()

    def close(self) -> None:
        """Make sure that neither process nor files remain.  May be called at any time, also twice."""
        self._end_process()
        self.finish()

    def _ensure_process(self) -> WorkerProcess:
        if self._process is not None and not self._process.can_be_asked:
            self._end_process()
        if self._process is None:
            self._process = WorkerProcess(self._command())
        return self._process

    def _hand_over(self, request: AnyRequest) -> None:
        self._ensure_process().send(request)
        self._request = request
        self.state = WorkerState.STARTING

    def _outlive(self, exit_code: int) -> list[Event]:
        """Go on after the process has ended: with another one if this one had just become idle, else with a failure."""
        assert self._process is not None and self._request is not None
        lost = Failed(FailureKind.UNEXPECTED, _ended_unexpectedly(exit_code), self._process.log_tail())
        if self.state is WorkerState.STARTING and exit_code == IDLE_EXIT and self._process.has_served:
            try:
                self._hand_over(self._request)
                return []
            except (OSError, InputError) as error:
                lost = Failed(FailureKind.UNEXPECTED, f"The registration process could not be started again ({error}).")
        self._follow(lost)
        return [lost]

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
        self._process = None

    def _follow(self, event: Event) -> None:
        if isinstance(event, Done):
            self.state = WorkerState.DONE
        elif not isinstance(event, Failed):
            self.state = WorkerState.RUNNING
        else:
            self.state = WorkerState.FAILED
            if event.kind is not FailureKind.INPUT:  # what is left in such a process is not known
                self._end_process()


def worker_command(python: str | None = None) -> list[str]:
    """How to start the worker: with ``python``, by default Slicer's own interpreter outside the application.

    Raises:
        InputError: if there is no such interpreter.
    """
    return [python or python_executable(), "-m", f"{__package__}"]


def python_executable() -> str:
    """Slicer's ``PythonSlicer``, or the running interpreter where there is no Slicer.

    Raises:
        InputError: if there is none of them: inside Slicer the running executable may be the application, which must not
            be started a second time.
    """
    found = shutil.which("PythonSlicer")
    if found is None and Path(sys.executable or "").stem.lower().startswith("python"):
        found = sys.executable
    if found is None:
        raise InputError("PythonSlicer, the Python interpreter that comes with Slicer, was not found. Reinstall Slicer.")
    return found


def _ended_unexpectedly(exit_code: int) -> str:
    """The sentence for a process that died.  Killed from outside usually means that the memory ran out."""
    sentence = f"The registration process ended unexpectedly (exit code {exit_code})."
    if exit_code == -9:
        return f"{sentence} The computer may have run out of memory: close other programs and try again."
    return f"{sentence} Try again; the log has the details."
