"""One worker process: start it, hand it requests, hear its events, end it with everything it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .inbox import Inbox
from .protocol import AnyRequest, Event, Failed, FailureKind, ProtocolError, decode

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


class WorkerProcess:
    """A running worker.  Nothing here waits, and nothing uses a thread.

    It ends with this object.

    Attributes:
        folder: where its events and its log are; gone after ``kill``.
        pid: its identifier.
    """

    def __init__(self, command: Sequence[str]) -> None:
        """``command`` starts the worker; added to it are the identifier of this process and the folder of the inbox.

        Raises:
            OSError: if the process cannot be started.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="KeypointRegistration-worker-"))
        self._inbox = Inbox(self.folder / "inbox")
        self._read = 0
        self._rest = b""
        try:
            self._inbox.folder.mkdir()
            with self._events_path.open("wb") as events, self._log_path.open("wb") as log:
                self._process = subprocess.Popen(
                    [*command, str(os.getpid()), str(self._inbox.folder)],
                    stdin=subprocess.PIPE,  # held open: the worker ends itself when this side is gone
                    stdout=events,
                    stderr=log,
                    cwd=_PACKAGE_PARENT,
                    start_new_session=True,  # a group of its own, which can be ended as a whole; no effect on Windows
                    creationflags=_NEW_GROUP,
                )
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.pid = self._process.pid
        self._end = weakref.finalize(self, _end, self._process, self.folder)

    @property
    def has_served(self) -> bool:
        """Whether it has said anything so far."""
        return self._read > 0

    @property
    def can_be_asked(self) -> bool:
        """Whether it runs and its inbox is still there: temporary folders are tidied up by others, too."""
        return self.exit_code is None and self._inbox.folder.is_dir()

    @property
    def exit_code(self) -> int | None:
        """How the process ended, or None while it runs."""
        return self._process.poll()

    def send(self, request: AnyRequest) -> None:
        """Hand over a request.

        Raises:
            OSError: if it cannot be written.
        """
        self._inbox.put(request)

    def new_events(self) -> list[Event]:
        """What the process has said since the last call, in order."""
        try:
            with self._events_path.open("rb") as stream:
                stream.seek(self._read)
                added = stream.read()
        except OSError as error:
            message = "The temporary files of the registration process are gone. Apply again."
            return [Failed(FailureKind.UNEXPECTED, message, str(error))]
        self._read += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [_event(line) for line in lines]

    def log_tail(self) -> str:
        """The end of what it has written into its log."""
        try:
            return self._log_path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:]
        except OSError as error:
            return f"The log cannot be read: {error}"

    def kill(self) -> None:
        """End the process and everything it started, at once, and remove its folder.  May be called twice."""
        self._end()

    @property
    def _events_path(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def _log_path(self) -> Path:
        return self.folder / "log.txt"


def _event(line: bytes) -> Event:
    try:
        return decode(line.decode("utf-8", errors="replace"))
    except ProtocolError as error:
        return Failed(FailureKind.UNEXPECTED, "The registration process sent something unreadable.", str(error))


def _end(process: subprocess.Popen, folder: Path) -> None:
    _kill_tree(process)
    assert process.stdin is not None
    process.stdin.close()
    shutil.rmtree(folder, ignore_errors=True)


def _kill_tree(process: subprocess.Popen) -> None:
    """End a process with its children.  PythonSlicer is a launcher: ending it alone would leave the interpreter running."""
    if process.poll() is None:
        if sys.platform == "win32":
            tree = ["taskkill", "/PID", str(process.pid), "/T", "/F"]
            subprocess.run(tree, capture_output=True, check=False, creationflags=_NEW_GROUP)
        else:
            with suppress(ProcessLookupError, PermissionError):  # it has ended just now; macOS calls that not permitted
                os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # a process that the system cannot end must not hold up the application
        process.wait(timeout=_END_PATIENCE_S)
