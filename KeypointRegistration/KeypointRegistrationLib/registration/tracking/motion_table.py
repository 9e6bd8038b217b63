"""The motion of a tracked series as rows of a table: what files, the scene's table and plots all show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.motion import framewise_displacement, rotation_vector, shift_at
from ..result import TrustLevel
from .frames import FrameMotion, FrameStatus, Reference, Track

Vector = tuple[float, float, float]
_NOWHERE: Vector = (float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class MotionRow:
    """One frame.  Numbers that it does not have are NaN.

    Attributes:
        frame: index in the series, from 0.
        time: in seconds; the frame's number where the series states no times.
        status: what became of it.
        rotation: vector along the axis (R, A, S) by which the head must turn to lie as in the reference, degrees.
        translation: by which the reference's ``centre`` must move (R, A, S) from where it is in the frame, mm.
        smoothed_rotation, smoothed_translation: the same of the smoothed motion, which lost frames may have too.
        framewise_displacement: mm from the last frame before it that was found, root mean square over the head.
        fre: root-mean-square residual of the keypoints used, mm.
        predicted_tre, predicted_tre_p95: predicted error in mm: half, and 95 %, of the head is off by less.
        trust: verdict; None where there is no alignment to judge.
        reasons: why it is not to be trusted, or has none, as sentences.
        keypoints_used: how many carry the alignment.
        refound: whether the head had been lost, or moved far, and was found again in the whole frame.
        corrected: whether a person has corrected it.
    """

    frame: int
    time: float
    status: FrameStatus
    rotation: Vector
    translation: Vector
    smoothed_rotation: Vector
    smoothed_translation: Vector
    framewise_displacement: float
    fre: float
    predicted_tre: float
    predicted_tre_p95: float
    trust: TrustLevel | None
    reasons: str
    keypoints_used: int
    refound: bool
    corrected: bool

    @property
    def rotation_angle(self) -> float:
        """Length of the rotation vector, degrees."""
        return float(np.linalg.norm(self.rotation))

    @property
    def translation_length(self) -> float:
        """Length of the translation, mm."""
        return float(np.linalg.norm(self.translation))


@dataclass(frozen=True)
class MotionColumn:
    """A column of the table.

    Attributes:
        name: in files; ends with the unit where there is one.
        title: for people.
        unit: of the values, empty where they have none.
        value: takes it from a row: a number, a yes or no, or a text.
    """

    name: str
    title: str
    unit: str
    value: Callable[[MotionRow], float | int | bool | str]


def motion_rows(track: Track, smoothed: Sequence[NDArray[np.float64] | None] | None = None) -> tuple[MotionRow, ...]:
    """A row for each frame of ``track``, in the order of time.

    ``smoothed`` are 4×4 moving → fixed matrices (RAS mm) of the same frames after smoothing, None where there is none.
    """
    matrices = [motion.moving_to_fixed for motion in track.frames]
    steps = framewise_displacement(matrices, track.reference.centre, track.reference.radius)
    beside = [None] * len(matrices) if smoothed is None else smoothed
    return tuple(
        _row(motion, track.reference, float(step), smooth)
        for motion, step, smooth in zip(track.frames, steps, beside, strict=True)
    )


def motion_columns(smoothed: bool = False) -> tuple[MotionColumn, ...]:
    """The columns of the table, with those of the smoothed motion where it is asked for."""
    first = (
        MotionColumn("frame", "Frame", "", lambda row: row.frame),
        MotionColumn("time_s", "Time", "s", lambda row: row.time),
        MotionColumn("status", "Status", "", lambda row: row.status.value),
        MotionColumn("trust", "Trust", "", lambda row: "" if row.trust is None else row.trust.value),
        *_vector_columns("rotation", "Rotation", "deg", "°", lambda row: row.rotation),
        MotionColumn("rotation_angle_deg", "Rotation angle", "°", lambda row: row.rotation_angle),
        *_vector_columns("translation", "Translation", "mm", "mm", lambda row: row.translation),
        MotionColumn("translation_length_mm", "Translation length", "mm", lambda row: row.translation_length),
        MotionColumn("framewise_displacement_mm", "Framewise displacement", "mm", lambda row: row.framewise_displacement),
        MotionColumn("fre_mm", "Residual (FRE)", "mm", lambda row: row.fre),
        MotionColumn("predicted_tre_mm", "Predicted error, typical", "mm", lambda row: row.predicted_tre),
        MotionColumn("predicted_tre_p95_mm", "Predicted error, 95 %", "mm", lambda row: row.predicted_tre_p95),
        MotionColumn("keypoints_used", "Keypoints used", "", lambda row: row.keypoints_used),
        MotionColumn("refound", "Found again", "", lambda row: row.refound),
        MotionColumn("corrected", "Corrected", "", lambda row: row.corrected),
    )
    smooth = (
        *_vector_columns("smoothed_rotation", "Smoothed rotation", "deg", "°", lambda row: row.smoothed_rotation),
        *_vector_columns("smoothed_translation", "Smoothed translation", "mm", "mm", lambda row: row.smoothed_translation),
    )
    last = MotionColumn("reasons", "Reasons", "", lambda row: row.reasons)
    return (*first, *(smooth if smoothed else ()), last)


def _row(motion: FrameMotion, reference: Reference, step: float, smoothed: NDArray[np.float64] | None) -> MotionRow:
    rotation, translation = _pose(motion.moving_to_fixed, reference)
    smoothed_rotation, smoothed_translation = _pose(smoothed, reference)
    predicted = motion.predicted_tre
    return MotionRow(
        frame=motion.index,
        time=motion.time,
        status=motion.status,
        rotation=rotation,
        translation=translation,
        smoothed_rotation=smoothed_rotation,
        smoothed_translation=smoothed_translation,
        framewise_displacement=step,
        fre=motion.fre,
        predicted_tre=float("nan") if predicted is None else predicted.median,
        predicted_tre_p95=float("nan") if predicted is None else predicted.p95,
        trust=motion.trust.level if motion.found else None,
        reasons=" ".join(motion.trust.reasons),
        keypoints_used=0 if motion.used is None else int(motion.used.sum()),
        refound=motion.refound,
        corrected=motion.corrected,
    )


def _pose(matrix: NDArray[np.float64] | None, reference: Reference) -> tuple[Vector, Vector]:
    if matrix is None:
        return _NOWHERE, _NOWHERE
    return _vector(rotation_vector(matrix)), _vector(shift_at(matrix, reference.centre))


def _vector(values: NDArray[np.float64]) -> Vector:
    right, anterior, superior = values.tolist()
    return right, anterior, superior


def _vector_columns(
    name: str, title: str, suffix: str, unit: str, vector: Callable[[MotionRow], Vector]
) -> tuple[MotionColumn, ...]:
    def component(axis: int) -> Callable[[MotionRow], float]:
        return lambda row: vector(row)[axis]

    return tuple(
        MotionColumn(f"{name}_{letter.lower()}_{suffix}", f"{title} {letter}", unit, component(axis))
        for axis, letter in enumerate("RAS")
    )
