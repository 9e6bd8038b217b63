"""Finished frames of a track on disk, kept while it runs: a run that was stopped goes on where it was."""

from __future__ import annotations

import errno
import json
from pathlib import Path

from ...geometry.errors import InputError
from ...registration.tracking.frames import FrameMotion
from ...registration.tracking.plain import motion_from, plain_motion

FRAMES = "frames.jsonl"
_KIND = "finished frames of a tracked series"


class TrackStore:
    """The finished frames in a folder: a first line that says of which run, then one line of JSON per frame.

    A frame is kept as soon as ``add`` returns, whatever ends the run after that.  A line that a sudden end has left
    unfinished is dropped when the folder is opened again.  Nothing is written before the first frame.

    Args:
        folder: of the results; made with the first frame.
        identity: what the frames depend on: series, mask, options, model and version (``registration.tracking.identity``).

    Raises:
        InputError: if the folder holds frames of another run, or cannot be read.
    """

    def __init__(self, folder: str | Path, identity: str) -> None:
        self._path = Path(folder) / FRAMES
        self._identity = identity
        self._frames: dict[int, FrameMotion] = {}
        try:
            if self._path.exists():
                self._open()
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be read: {error.strerror or error}. Give another output folder."
            ) from error

    @property
    def frames(self) -> dict[int, FrameMotion]:
        """The finished frames by their index: what ``Tracker.follow`` takes as known."""
        return dict(self._frames)

    def add(self, motion: FrameMotion) -> None:
        """Keep a frame; it replaces an earlier one of the same index.  One that could not be read is not finished, nor kept.

        Raises:
            InputError: if it cannot be written, as on a full disk.  The frames before it stay.
        """
        if motion.unread:
            return
        try:
            if self._length() == 0:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._append({"kind": _KIND, "identity": self._identity})
            self._append(plain_motion(motion))
        except OSError as error:
            raise InputError(self._refusal(motion, error)) from error
        self._frames[motion.index] = motion

    def _open(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if not whole:  # the very first line was not finished
            self._path.unlink()
            return
        first, *lines = whole.splitlines()
        self._check(first)
        if len(whole) < len(content):
            self._cut(len(whole))
        for line in lines:
            try:
                motion = motion_from(json.loads(line))
            except ValueError:  # damaged by something else than an early end: that frame is tracked again
                continue
            self._frames[motion.index] = motion

    def _check(self, line: bytes) -> None:
        try:
            header = json.loads(line)
            kind, identity = header["kind"], header["identity"]
        except (ValueError, KeyError, TypeError):
            kind = identity = None
        if kind != _KIND:
            raise InputError(f"{self._path} is not of a tracked series, and would be replaced. Give another output folder.")
        if identity != self._identity:
            raise InputError(
                f"{self._path} holds frames of another series, or tracked with another mask or model, other options or "
                "another version. Give another output folder, or delete that file to track again."
            )

    def _append(self, entry: dict) -> None:
        """Add a line.  Where the disk refuses a part of it, the rest is taken back."""
        line = (json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
        before = self._length()
        try:
            with self._path.open("ab") as file:
                file.write(line)
        except OSError:
            if self._length() > before:
                self._cut(before)
            raise

    def _length(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _cut(self, length: int) -> None:
        with self._path.open("r+b") as file:
            file.truncate(length)

    def _refusal(self, motion: FrameMotion, error: OSError) -> str:
        kept = f"The {len(self._frames)} frames finished before it are kept" if self._frames else "No frame was kept"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return (
                f"There is not enough space in {self._path.parent} to keep frame {motion.index}. {kept}; free some space "
                "and start again to go on from there."
            )
        return f"Frame {motion.index} cannot be written to {self._path}: {error.strerror or error}. {kept}."
