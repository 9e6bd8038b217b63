"""The folder that a training learns from: label maps or scans, checked and loaded as subjects."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.volume import Volume
from .config import DataConfig, TrainingConfig
from .landmarks import Landmarks, landmarks_of
from .subjects import LEVELS, Subject, subject_from, subject_from_scan

_MOST_LABELS = 256  # classes are kept in a byte
_LEAST_IN_COMMON = 0.5  # share of a map's labels and the usual ones that must agree


class Material(NamedTuple):
    """What a training learns from.

    Attributes:
        labels: of the classes, background (0) first; of scans their grey levels.
        landmarks: the points that the subjects have in common.
        training, held_out: subjects to learn from and to measure on.
    """

    labels: list[int]
    landmarks: Landmarks
    training: list[Subject]
    held_out: list[Subject]


def subjects_of(config: TrainingConfig, base: Path) -> Material:
    """The subjects of a configuration whose paths are relative to ``base``.  Every file is read before any is used.

    Raises:
        InputError: if files are missing, cannot be read, do not go together, or do not fit the view.
    """
    data = config.data
    landmarks = landmarks_of(data.landmarks, data.count, data.brain_below, base / data.points if data.points else None)
    paths = _paths(base / (data.scans or data.labels), data)
    _check_division(list(paths), config)
    if data.scans:
        labels = list(range(LEVELS))
        subjects = [subject_from_scan(_named(path, name), landmarks) for name, path in paths.items()]
    else:
        labels = _numbering({name: _labels_in(_named(path, name)) for name, path in paths.items()}, data)
        subjects = [subject_from(_named(path, name), labels, landmarks) for name, path in paths.items()]
    for subject in subjects:
        _check_view(subject, config)
    training = [subject for subject in subjects if subject.name not in data.held_out]
    return Material(labels, landmarks, training, [subject for subject in subjects if subject.name in data.held_out])


def _paths(folder: Path, data: DataConfig) -> dict[str, Path]:
    """Name of each subject, and its file."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}. Paths in a configuration are relative to the configuration's file.")
    paths: dict[str, Path] = {}
    for path in sorted(folder.glob(data.pattern)):
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        if name in paths:
            raise InputError(f"{folder} holds both {paths[name].name} and {path.name}. Keep one of them.")
        paths[name] = path
    if not paths:
        raise InputError(f"{folder} holds no file that fits data.pattern = {data.pattern}.")
    return paths


def _check_division(names: list[str], config: TrainingConfig) -> None:
    """Whether enough subjects remain to train on once those held out are taken away."""
    held_out = config.data.held_out
    absent = sorted(set(held_out) - set(names))
    if absent:
        raise InputError(f"{absent[0]} in data.held_out is not among the files: {', '.join(names[:8])}.")
    left = len(names) - len(set(held_out))
    if left == 0:
        raise InputError("Everything is in data.held_out, so nothing is left to train on. Take names out of it.")
    if left == 1 and config.schedule.same_subject < 1:
        raise InputError(
            "Only one subject is left to train on, but pairs of two people are asked for. Add subjects, or set "
            "schedule.same_subject = 1.0 to train on pairs of views of one."
        )


def _named(path: Path, name: str) -> Volume:
    volume = read_volume(path)
    return Volume(volume.voxels, volume.ijk_to_ras, name)


def _labels_in(volume: Volume) -> NDArray:
    values = np.unique(volume.voxels)
    if not np.isfinite(values).all() or (values != np.rint(values)).any() or values[0] < 0:
        odd = values[~np.isfinite(values) | (values != np.rint(values)) | (values < 0)][0]
        raise InputError(
            f"{volume.name} is not a label map: it holds the value {odd:g}. To train on scans, give their folder as "
            "data.scans."
        )
    return values


def _numbering(found: dict[str, NDArray], data: DataConfig) -> list[int]:
    """All labels of all maps; InputError if the maps are not numbered alike or not as the configuration says."""
    counts = Counter(int(label) for labels in found.values() for label in labels if label)
    usual = {label for label, count in counts.items() if 2 * count > len(found)}
    for name, values in found.items():
        own = {int(label) for label in values} - {0}
        if own and len(own & usual) < _LEAST_IN_COMMON * len(own | usual):
            raise InputError(
                f"{name} holds the labels {_listed(own)} where most of the label maps hold {_listed(usual) or 'others'}. "
                "All must be numbered alike: take it out of the folder, or leave it out by data.pattern."
            )
    labels = [0, *sorted(counts)]
    if len(labels) > _MOST_LABELS:
        raise InputError(f"The label maps hold {len(labels)} different labels. At most {_MOST_LABELS} can be told apart.")
    for key, wanted in (("white", data.white), ("fluid", data.fluid)):
        if wanted and not set(wanted) & set(labels):
            raise InputError(
                f"No label map holds any of the labels in data.{key}; they hold {_listed(set(labels))}. Name the labels of "
                "these maps, or leave the setting out."
            )
    return labels


def _check_view(subject: Subject, config: TrainingConfig) -> None:
    """Whether the view shows the reference points of a head that is upright and centred, and more than a dot of it."""
    view = config.view
    extent = float(np.ptp(subject.points.numpy(), axis=0).max())
    if extent > view.size * view.spacing:
        raise InputError(
            f"The view of {view.size} × {view.spacing:g} mm is narrower than {subject.name}, whose points span "
            f"{extent:.0f} mm. Set a larger view.spacing or view.size."
        )
    if len(subject.points) > 1 and extent < 2 * view.spacing:
        raise InputError(
            f"The points of {subject.name} span {extent:.1f} mm, hardly more than the view's voxels of {view.spacing:g} mm. "
            "Set a smaller view.spacing."
        )


def _listed(labels: set[int], most: int = 8) -> str:
    listed = ", ".join(str(label) for label in sorted(labels)[:most])
    return f"{listed} and {len(labels) - most} more" if len(labels) > most else listed
