"""A series and what was found of it, on their way between the panel's process and the worker: plain arrays and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..geometry.errors import InputError
from ..geometry.volume import Volume
from ..registration.plain import array_from, keypoints_from, number_from, plain
from ..registration.tracking.frames import FrameMotion, Reference
from ..registration.tracking.plain import motion_from, plain_motion
from .archive import load_arrays, load_volume


def frame_path(folder: str | Path, index: int) -> Path:
    """Where the volume archive of frame ``index`` is."""
    return Path(folder) / f"frame_{index:05}.npz"


class ArchivedSeries:
    """A ``registration.tracking.frames.Series`` whose frames are volume archives in one folder."""

    def __init__(self, folder: str | Path, times: Iterable[float], name: str) -> None:
        """``times`` are those of all frames in seconds; frames that nobody asks for need not be in ``folder``."""
        self._folder = Path(folder)
        self._times = tuple(times)
        self._name = name

    @property
    def name(self) -> str:
        """For people."""
        return self._name

    @property
    def times(self) -> tuple[float, ...]:
        """Of the frames, in seconds."""
        return self._times

    def frame(self, index: int) -> Volume:
        """The scan at position ``index``.

        Raises:
            InputError: if its archive is missing or is none.
        """
        return load_volume(frame_path(self._folder, index))


def save_reference(path: str | Path, reference: Reference) -> None:
    """Write what the frames of a series are aligned to, its scan included."""
    scan = reference.scan
    text = json.dumps(
        {
            "name": scan.name,
            "index": reference.index,
            "keypoints": plain(reference.keypoints),
            "centre": plain(reference.centre),
            "radius": plain(reference.radius),
            "other_head": plain(reference.other_head),
        }
    )
    np.savez(Path(path), voxels=scan.voxels, ijk_to_ras=scan.ijk_to_ras, text=np.array(text))


def load_reference(path: str | Path) -> Reference:
    """The reference that ``save_reference`` wrote.

    Raises:
        InputError: if the file is not such an archive.
    """
    arrays = load_arrays(path)
    try:
        entry = json.loads(str(arrays["text"]))
        return Reference(
            scan=Volume(arrays["voxels"], arrays["ijk_to_ras"], entry["name"]),
            index=entry["index"],
            keypoints=keypoints_from(entry["keypoints"]),
            centre=array_from(entry["centre"]),
            radius=number_from(entry["radius"]),
            other_head=None if entry["other_head"] is None else array_from(entry["other_head"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not an archive of the reference of a series: {error}.") from error


def save_motions(path: str | Path, motions: Iterable[FrameMotion]) -> None:
    """Write the motions of frames, one line of JSON each."""
    lines = [json.dumps(plain_motion(motion), allow_nan=False) + "\n" for motion in motions]
    Path(path).write_text("".join(lines), encoding="utf-8")


def load_motions(path: str | Path) -> dict[int, FrameMotion]:
    """The motions that ``save_motions`` wrote, by the index of their frame.

    Raises:
        InputError: if the file cannot be read or holds anything else.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        motions = [motion_from(json.loads(line)) for line in lines]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} does not hold the motions of frames: {error}.") from error
    return {motion.index: motion for motion in motions}
