"""Python threads, which make no progress in Slicer while its event loop runs: those that a module starts are reported."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from .signals import problems


class ThreadWatch:
    """Reports every thread that code of a watched folder starts, until ``close``.

    Attributes:
        folders: of the modules that are watched.
    """

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self._start = threading.Thread.start
        watch = self

        def start(thread: threading.Thread) -> None:
            caller = Path(sys._getframe(1).f_code.co_filename)
            if any(caller.is_relative_to(folder) for folder in watch.folders):
                problems.append(f"{caller.name} starts a Python thread, which stalls while Slicer is idle")
            watch._start(thread)

        threading.Thread.start = start

    def close(self) -> None:
        """Watch no more."""
        threading.Thread.start = self._start
