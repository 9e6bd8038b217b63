"""A series on disk, and the checks that every kind of it goes through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...geometry.errors import InputError
from ...geometry.volume import Volume

_NO_TIMES = "{name} does not say when its frames were taken. Their numbers stand for times."


@dataclass(frozen=True, eq=False)
class StoredSeries:
    """A time series whose frames are read from disk one at a time, when they are asked for.

    Attributes:
        name: for people.
        times: of the frames in seconds, ascending; frame numbers where ``timed`` is not true.
        read: gives the scan at a position from 0 on.
        timed: whether the files say when the frames were taken.
        notes: what a person should know of it, in sentences.
    """

    name: str
    times: tuple[float, ...]
    read: Callable[[int], Volume]
    timed: bool = True
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.times)

    def frame(self, index: int) -> Volume:
        """The scan at position ``index`` (0 to len(times) − 1).

        Raises:
            InputError: if it cannot be read (any more).
        """
        if not 0 <= index < len(self.times):
            raise IndexError(f"{self.name} has {len(self.times)} frames; there is no frame {index}")
        return self.read(index)


def series_of(
    path: Path, count: int, times: Sequence[float] | None, read: Callable[[int], Volume], notes: tuple[str, ...] = ()
) -> StoredSeries:
    """The series of ``count`` frames at ``path``; ``times`` are in seconds, None where they are not known.

    Raises:
        InputError: if it has fewer than two frames, or the times are not one ascending number per frame.
    """
    name = path.resolve().name
    check_count(path, count)
    if times is None:
        note = _NO_TIMES.format(name=name)
        return StoredSeries(name, tuple(map(float, range(count))), read, False, (*notes, note))
    _check_times(path, count, times)
    return StoredSeries(name, tuple(map(float, times)), read, True, notes)


def check_count(path: Path, count: int) -> None:
    """See whether so many frames are a series.

    Raises:
        InputError: if there are none, or only one.
    """
    if count < 1:
        raise InputError(f"{path} holds no frames. Give a time series.")
    if count == 1:
        raise InputError(
            f"{path} holds a single volume, not a time series. Give a series, or align two scans with register."
        )


def frame_name(name: str, index: int) -> str:
    """What a frame is called in sentences."""
    return f"{name}, frame {index}"


def _check_times(path: Path, count: int, times: Sequence[float]) -> None:
    if len(times) != count:
        raise InputError(f"{path} states {len(times)} times for {count} frames. Repair its header, or export it again.")
    missing = np.flatnonzero(~np.isfinite(times))
    if missing.size:
        raise InputError(f"{path} states no time for frame {missing[0]}. Repair its header, or export it again.")
    back = np.flatnonzero(np.diff(times) <= 0)
    if back.size:
        first = int(back[0])
        raise InputError(
            f"{path} is not in the order of time: frame {first + 1} ({times[first + 1]:g} s) does not come after "
            f"frame {first} ({times[first]:g} s). Sort its frames, or export it again."
        )
