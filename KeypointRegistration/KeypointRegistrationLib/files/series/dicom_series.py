"""A series as a folder of DICOM slices, several of them at every place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...geometry.volume import Volume
from ..dicom import Slices, even_step, largest_series, read_stack
from ..scans import quiet_itk
from .stored import StoredSeries, check_count, frame_name, series_of

_IMAGE_TYPE, _FRAMES_IN_FILE = "0008|0008", "0028|0008"
_TEMPORAL_POSITION, _ACQUISITION, _INSTANCE = "0020|0100", "0020|0012", "0020|0013"
_ACQUISITION_TIME, _TRIGGER_TIME = "0008|0032", "0018|1060"
_TEMPORAL_RESOLUTION, _REPETITION_TIME = "0020|0110", "0018|0080"
_TAGS = (
    _IMAGE_TYPE, _FRAMES_IN_FILE, _TEMPORAL_POSITION, _ACQUISITION, _INSTANCE, _ACQUISITION_TIME, _TRIGGER_TIME,
    _TEMPORAL_RESOLUTION, _REPETITION_TIME,
)  # fmt: skip

#: Slices whose places differ by less (mm) are of one place.
_SAME_PLACE = 0.01
_DAY = 86400.0
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_dicom_series(folder: Path) -> StoredSeries:
    """The frames of the largest series of a folder, its slices sorted by their places and then by time.

    Raises:
        InputError: if there is no such series, slices are missing, or they do not say when they were taken.
    """
    slices = largest_series(folder, _TAGS)
    _check_kind(folder, slices)
    places = _places(slices)
    check_count(folder, max(map(len, places)))
    _check_whole(folder, places)
    frames = [slices.chosen(indices) for indices in _in_time(folder, slices, places).T]
    steps = [even_step(folder, frame) for frame in frames]
    name = folder.resolve().name

    def read(index: int) -> Volume:
        with quiet_itk():
            voxels, ijk_to_lps = read_stack(folder, frames[index], steps[index])
        return Volume(voxels, _LPS_TO_RAS @ ijk_to_lps, frame_name(name, index))

    times, note = _times(frames)
    return series_of(folder, len(frames), times, read, (note.format(name=name),) if note else ())


def _check_kind(folder: Path, slices: Slices) -> None:
    first = slices.tags[0]
    kind = ""
    if "MOSAIC" in first.get(_IMAGE_TYPE, "").upper().split("\\"):
        kind = "mosaics, all slices of a frame in one image"
    elif int(_number(first.get(_FRAMES_IN_FILE, "1")) or 1) > 1:
        kind = "enhanced DICOM, many slices in one file"
    if kind:
        raise InputError(f"{folder} holds {kind}. Convert it to NIfTI, for example with dcm2niix, and give that file.")


def _places(slices: Slices) -> list[NDArray[np.intp]]:
    """Indices of the slices at each place, the places in order along the slices' normal."""
    along = slices.positions @ slices.normal
    order = np.argsort(along, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(along[order]) > _SAME_PLACE) + 1)


def _check_whole(folder: Path, places: list[NDArray[np.intp]]) -> None:
    counts = np.array([len(place) for place in places])
    if np.ptp(counts):
        fewest = int(counts.argmin())
        raise InputError(
            f"{folder} lacks slices: {counts[fewest]} images of slice {fewest} of its largest series are there, and "
            f"{counts.max()} of others. Copy or export the series again."
        )
    if len(places) < 2:
        raise InputError(f"{folder} holds a series of a single slice, which cannot be tracked. Give one of volumes.")


def _in_time(folder: Path, slices: Slices, places: list[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Indices of the slices, a row for each place and a column for each frame."""
    for tag, numbered, read in _ORDERS:
        values = np.array([read(entry.get(tag, "")) for entry in slices.tags])
        rows = np.array([np.sort(values[place]) for place in places])
        if not np.isfinite(values).all() or (np.diff(rows, axis=1) <= 0).any() or (numbered and np.ptp(rows, axis=0).any()):
            continue
        return np.array([place[np.argsort(values[place])] for place in places])
    raise InputError(
        f"{folder} does not say which of its slices belong to which time. Convert it to NIfTI, for example with dcm2niix, "
        "and give that file."
    )


def _times(frames: list[Slices]) -> tuple[list[float] | None, str]:
    """When the frames were taken, in seconds from the first, and a note where that is not what the scanner's clock says."""
    clock = np.array([min(_clock(entry.get(_ACQUISITION_TIME, "")) for entry in frame.tags) for frame in frames])
    since = np.round((clock - clock[0]) % _DAY, 6)
    if np.isfinite(clock).all() and (np.diff(since).all() or (np.diff(since) < 0).any()):  # a coarse clock stands still
        return since.tolist(), ""
    triggers = np.array([min(_number(entry.get(_TRIGGER_TIME, "")) for entry in frame.tags) for frame in frames])
    if np.isfinite(triggers).all() and (np.diff(triggers) > 0).all():
        return ((triggers - triggers[0]) / 1000).tolist(), ""
    for tag, what in ((_TEMPORAL_RESOLUTION, "temporal resolution"), (_REPETITION_TIME, "repetition time")):
        step = _number(frames[0].tags[0].get(tag, "")) / 1000
        if step > 0:
            note = f"{{name}} does not say when its frames were taken. They are taken to be one {what} ({step:g} s) apart."
            return [index * step for index in range(len(frames))], note
    return None, ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _clock(text: str) -> float:
    """Seconds since midnight of a DICOM time, HHMMSS.FFFFFF."""
    digits = text.replace(":", "")
    hours, minutes, seconds = _number(digits[:2]), _number(digits[2:4] or "0"), _number(digits[4:] or "0")
    return 3600 * hours + 60 * minutes + seconds


#: What may tell the order of the slices at one place, the surest first; whether it numbers frames, the same at every place.
_ORDERS: tuple[tuple[str, bool, Callable[[str], float]], ...] = (
    (_TEMPORAL_POSITION, True, _number),
    (_ACQUISITION, True, _number),
    (_TRIGGER_TIME, False, _number),
    (_ACQUISITION_TIME, False, _clock),
    (_INSTANCE, False, _number),
)
