"""The panel's side of the worker process: start it, listen to it, stop it.

Nothing here waits and nothing uses a thread.  In Slicer a Python thread stands still while Qt's event loop is idle, so the
caller looks in from a timer: the worker writes its events to a file, and ``WorkerClient.poll`` reads what has been added.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from pathlib import Path

from ..geometry.errors import InputError
from .protocol import Done, Event, Failed, FailureKind, Progress, ProtocolError, Request, decode

#: The folder that holds the package: the worker starts there, so that Python finds it.
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]

#: Windows: a process group of its own, and no console window.
if sys.platform == "win32":
    _NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _NEW_GROUP = 0

#: How long to wait for a killed process to be gone, in seconds.
_END_PATIENCE_S = 5.0

#: How much of the worker's log goes into the details of a failure, in characters.
_LOG_TAIL = 4000


class WorkerState(Enum):
    """Where one request stands.  The last three are final."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerClient:
    """One worker process for one request, with a private folder for the files that go back and forth.

    The folder exists from the beginning, so that the caller can put the volumes there, and is gone after ``close``.

    Attributes:
        folder: the private folder.
        state: where the request stands.
    """

    def __init__(self, command: Sequence[str]) -> None:
        """``command`` starts the worker; the path of the request file is added to it (see ``worker_command``)."""
        self.folder = Path(tempfile.mkdtemp(prefix="KeypointRegistration-"))
        self.state = WorkerState.IDLE
        self._command = list(command)
        self._process: subprocess.Popen | None = None
        self._read = 0
        self._rest = b""

    @property
    def is_active(self) -> bool:
        """Whether the process is at work."""
        return self.state in (WorkerState.STARTING, WorkerState.RUNNING)

    def start(self, request: Request) -> None:
        """Start the process on a request.

        Raises:
            OSError: if the request cannot be written or the process cannot be started.
        """
        if self.state is not WorkerState.IDLE:
            raise RuntimeError(f"a worker client serves one request, and this one is {self.state.value}")
        path = self.folder / "request.json"
        replace(request, parent=os.getpid()).write(path)
        with self._events_path.open("wb") as events, self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, str(path)],
                stdin=subprocess.PIPE,  # held open: the worker ends itself when this side is gone
                stdout=events,
                stderr=log,
                cwd=_PACKAGE_PARENT,
                start_new_session=True,  # a group of its own, which can be ended as a whole; has no effect on Windows
                creationflags=_NEW_GROUP,
            )
        self.state = WorkerState.STARTING

    def poll(self) -> list[Event]:
        """The events since the last call, in order.  Never waits.

        A process that ended without a last word is reported as a failure.
        """
        if self._process is None or not self.is_active:
            return []
        exit_code = self._process.poll()  # before reading: what a dead process wrote is complete
        events = self._new_events()
        for event in events:
            self._follow(event)
        if self.is_active and exit_code is not None:
            lost = Failed(FailureKind.UNEXPECTED, _ended_unexpectedly(exit_code), self._log_tail())
            self._follow(lost)
            events.append(lost)
        return events

    def cancel(self) -> None:
        """Stop the process and everything it started, at once, and remove the folder."""
        if self.is_active:
            self.state = WorkerState.CANCELLED
        self.close()

    def close(self) -> None:
        """Make sure that neither process nor folder remains.  May be called at any time, also twice."""
        if self._process is not None:
            _kill_tree(self._process)
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _events_path(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def _log_path(self) -> Path:
        return self.folder / "log.txt"

    def _follow(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.state = WorkerState.RUNNING
        elif isinstance(event, Done):
            self.state = WorkerState.DONE
        else:
            self.state = WorkerState.FAILED

    def _new_events(self) -> list[Event]:
        """Complete lines added to the event file, up to the last word of the worker."""
        with self._events_path.open("rb") as stream:
            stream.seek(self._read)
            added = stream.read()
        self._read += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        events: list[Event] = []
        for line in lines:
            try:
                event = decode(line.decode("utf-8", errors="replace"))
            except ProtocolError as error:
                event = Failed(FailureKind.UNEXPECTED, "The registration process sent something unreadable.", str(error))
            events.append(event)
            if not isinstance(event, Progress):
                break
        return events

    def _log_tail(self) -> str:
        return self._log_path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]


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


def _kill_tree(process: subprocess.Popen) -> None:
    """End a process with its children.  PythonSlicer is a launcher: ending it alone would leave the interpreter running."""
    if process.poll() is None:
        if sys.platform == "win32":
            tree = ["taskkill", "/PID", str(process.pid), "/T", "/F"]
            subprocess.run(tree, capture_output=True, check=False, creationflags=_NEW_GROUP)
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # a process that the system cannot end must not hold up the application
        process.wait(timeout=_END_PATIENCE_S)


def _ended_unexpectedly(exit_code: int) -> str:
    """The sentence for a process that died.  Killed from outside usually means that the memory ran out."""
    sentence = f"The registration process ended unexpectedly (exit code {exit_code})."
    if exit_code == -9:
        sentence += " The computer may have run out of memory: close other programs and try again."
    return sentence
