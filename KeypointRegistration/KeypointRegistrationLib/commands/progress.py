"""Progress on standard error: a bar for a person at a terminal, one line per stage for a log."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

_BAR = 28


class ProgressLine:
    """Shows how far a run is.  Call it with the finished fraction (0 to 1) and the name of the stage that begins.

    A context manager: the bar is taken away at the end, whatever the end is.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._started = time.perf_counter()
        self._stage = ""

    def __call__(self, fraction: float, stage: str) -> None:
        if self._live:
            done = round(_BAR * min(max(fraction, 0.0), 1.0))
            seconds = time.perf_counter() - self._started
            line = f"{'█' * done}{'░' * (_BAR - done)} {fraction:4.0%}  {seconds:5.1f} s  {stage}"
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\033[K" + line[:width])
        elif stage != self._stage:
            self._stream.write(stage + "\n")
        self._stage = stage
        self._stream.flush()

    def part(self, start: float, end: float) -> ProgressPart:
        """A stretch of the whole, for a step that counts its own progress from 0 to 1."""
        return ProgressPart(self, start, end)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._stream.write("\r\033[K")
            self._stream.flush()


def time_left(seconds: float) -> str:
    """In words, for a person who waits."""
    left = round(seconds)
    if left < 60:
        return f"about {left} s left"
    if left < 3600:
        return f"about {round(left / 60)} min left"
    return f"about {left // 3600} h {left % 3600 // 60:02} min left"


class ProgressPart:
    """Progress of one step, shown as a stretch of the whole."""

    def __init__(self, whole: ProgressLine, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def __call__(self, fraction: float, stage: str) -> None:
        self._whole(self._start + fraction * (self._end - self._start), stage)
