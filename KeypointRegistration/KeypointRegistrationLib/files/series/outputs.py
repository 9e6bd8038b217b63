"""A tracked series on disk: everything that ``track`` leaves in its folder, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...geometry.errors import InputError
from ...registration.options import Progress
from ...registration.tracking.frames import Series, Track
from ...registration.tracking.motion_table import motion_rows
from ..nifti import write_nifti
from ..nrrd import SequenceIndex
from ..outputs import transform_text
from ..placing import ResultSet
from ..png import png_bytes
from ..report import report_text
from .motion_picture import motion_picture
from .stabilised import write_stabilised
from .track_report import TrackingRun, motion_csv, track_report
from .transform_sequence import index_values, write_transform_sequence

REPORT, MOTION, PICTURE, REFERENCE = "report.json", "motion.csv", "motion.png", "reference.nii.gz"
STABILISED, TRANSFORM_SEQUENCE, TRANSFORMS = "stabilised.seq.nrrd", "transforms.seq.mrb", "transforms"
SMOOTHED_SEQUENCE, SMOOTHED_TRANSFORMS = "smoothed_transforms.seq.mrb", "smoothed_transforms"
_FOLDERS = {TRANSFORMS: "frame_*.tfm", SMOOTHED_TRANSFORMS: "frame_*.tfm"}
_FILES = (STABILISED, TRANSFORM_SEQUENCE, SMOOTHED_SEQUENCE, REFERENCE, MOTION, PICTURE, REPORT)
_RESULTS = ResultSet((*_FOLDERS, *_FILES), _FOLDERS)

Matrices = Sequence[NDArray[np.float64] | None]


def check_track_folder(folder: str | Path, inputs: Iterable[Path] = ()) -> None:
    """See whether a track can be written into ``folder``, and change nothing: better known before the work than after.

    Raises:
        InputError: if nothing can be written there, a result's name is taken by something else, or a result would replace
            one of the ``inputs`` or come among the frames of one.
    """
    inputs = list(inputs)
    if any(path.is_dir() and path.resolve() == Path(folder).resolve() for path in inputs):
        raise InputError(f"{folder} is the folder of the series itself. Give another output folder.")
    _RESULTS.check_folder(folder, inputs)


def write_track(
    folder: str | Path,
    series: Series,
    track: Track,
    run: TrackingRun,
    *,
    smoothed: Matrices | None = None,
    progress: Progress | None = None,
) -> dict:
    """Write all files of one tracked series into ``folder`` and return the content of report.json.

    Frames are written one after the other, so that memory does not grow with their number.  The files are written aside
    first and put in place together once all are whole, the report last, replacing those of an earlier run.  ``smoothed``
    are 4×4 moving → fixed matrices (RAS mm) of the frames of ``track`` after smoothing; they get files and columns of their
    own beside the raw ones.

    Raises:
        InputError: if a frame cannot be read any more, the folder cannot be written to or the disk is full.  What was in the
            folder is then as it was; if the disk refuses even that, the sentence says where it is.
    """
    begun = time.perf_counter()
    values, unit = index_values([motion.time for motion in track.frames]), "s" if run.timed else ""
    with _RESULTS.written_into(folder) as aside:
        index = SequenceIndex("time" if run.timed else "frame", values, unit)
        write_stabilised(aside / STABILISED, series, track, index, progress)
        _write_transforms(aside, TRANSFORMS, track, [motion.moving_to_fixed for motion in track.frames], unit)
        if smoothed is not None:
            _write_transforms(aside, SMOOTHED_TRANSFORMS, track, smoothed, unit)
        write_nifti(aside / REFERENCE, track.reference.scan)
        rows = motion_rows(track, smoothed)
        _write_text(aside / MOTION, motion_csv(rows, smoothed is not None))
        picture = motion_picture(track.name, rows, run.timed, smoothed is not None)
        (aside / PICTURE).write_bytes(png_bytes(picture))
        seconds = {**run.seconds, "write": time.perf_counter() - begun}
        content = track_report(track, replace(run, seconds=seconds), smoothed)
        _write_text(aside / REPORT, report_text(content))
    return content


def _write_transforms(folder: Path, name: str, track: Track, matrices: Matrices, unit: str) -> None:
    """A folder of one ITK transform file per frame that has one, and all of them as a sequence."""
    (folder / name).mkdir()
    digits = max(4, len(str(track.frames[-1].index)))
    for motion, matrix in zip(track.frames, matrices, strict=True):
        if matrix is not None:
            _write_text(folder / name / f"frame_{motion.index:0{digits}}.tfm", transform_text(matrix))
    values = index_values([motion.time for motion in track.frames])
    write_transform_sequence(folder / f"{name}.seq.mrb", matrices, values, unit)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
