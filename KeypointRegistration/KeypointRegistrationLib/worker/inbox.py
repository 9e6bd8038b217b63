"""Requests on their way from one process to another: files in a folder, taken in the order in which they came.

Not a pipe: what a launcher between the two processes does with standard input differs from system to system.
"""

from __future__ import annotations

from pathlib import Path

from .protocol import AnyRequest, write_request


class Inbox:
    """A folder that one process puts requests into and another one takes them from."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is there by the time of the first request, and holds nothing else."""
        self.folder = folder
        self._count = 0

    def put(self, request: AnyRequest) -> None:
        """Add a request, which is there as a whole or not at all.

        Raises:
            OSError: if it cannot be written.
        """
        self._count += 1
        unfinished = self.folder / f"{self._count:06}.part"
        write_request(unfinished, request)
        unfinished.replace(unfinished.with_suffix(".json"))

    def take(self) -> Path | None:
        """The file of the oldest request, or None.  Whoever takes it removes it."""
        return min(self.folder.glob("*.json"), default=None)
