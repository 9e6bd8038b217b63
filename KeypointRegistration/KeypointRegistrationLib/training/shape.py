"""Where a model's keypoints lie in an upright head, what they are called, and in which order they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..detection.network import KeypointDetector
from . import anatomy
from .generator import ViewGenerator
from .poses import PoseRange
from .subjects import Subject
from .validation import moments_of

_VIEWS = 4  # pairs of views of each subject
_MIDLINE = 4.0  # mm: closer to the middle than this, a keypoint is on neither side


@dataclass(frozen=True, eq=False)
class Shape:
    """The mean shape of a model's keypoints.

    Attributes:
        labels: name of each keypoint.
        template: positions in mm, (K, 3), around their own mean, axes R, A, S of an upright head.
        variation: root-mean-square distance in mm, (K,), between two people's keypoints after the best affine alignment.
    """

    labels: tuple[str, ...]
    template: NDArray[np.float64]
    variation: NDArray[np.float64]


def known_shape(labels: Sequence[str], points: NDArray, mirrored_order: NDArray) -> Shape:
    """The shape of a model that was taught reference points, from those ``points`` (subjects, K, 3) of the subjects.

    A single point has none.
    """
    if len(labels) == 1:
        return Shape(tuple(labels), np.zeros((1, 3)), np.zeros(1))
    return Shape(tuple(labels), *anatomy.mean_shape(points, mirrored_order))


def described(shape: Shape, subjects: Sequence[Subject], labels: Sequence[int], names: dict[str, str]) -> Shape:
    """The shape with its keypoints called after the structure that their reference points most often fall into.

    ``labels`` has the label of each class, ``names`` the structures' names by label, as text.  Without any name for them,
    keypoints keep the names they have.
    """
    structures = []
    for k in range(len(shape.labels)):
        counter = Counter(str(labels[_class_at(subject, k)]) for subject in subjects)
        structures.append(names.get(counter.most_common(1)[0][0], ""))
    if not any(structures):
        return shape
    called = (_label(k, structure, shape.template[k, 0]) for k, structure in enumerate(structures))
    return replace(shape, labels=tuple(called))


def found_shape(
    detector: KeypointDetector,
    views: Sequence[ViewGenerator],
    limits: PoseRange,
    labels: Sequence[int],
    names: dict[str, str],
) -> Shape:
    """The shape of a model whose keypoints are its own choice: where it sees them in views of each training subject.

    ``views`` has one generator per subject, ``labels`` the label of each class.  A keypoint is called after the structure
    that it most often falls into (``names`` by label, as text) and the side it is on.
    """
    clouds, hits = [], [Counter[str]() for _ in range(len(detector.absence))]
    for generator in views:
        batch = generator.pairs(_VIEWS, [limits], same_subject=1.0)
        with torch.no_grad():
            reading = detector.eval()(batch.images, batch.valid)
        means = moments_of(reading, detector, generator.settings).means
        upright = (means - batch.shift[:, None]) @ batch.linear.mT
        clouds.append(upright.mean(dim=0).double().cpu().numpy())
        classes = batch.classes_at(means, generator.settings.spacing)
        for counter, column in zip(hits, classes.T.tolist(), strict=True):
            counter.update(str(labels[number]) for number in column)
    template, variation = anatomy.mean_shape(np.array(clouds), None)
    structures = [names.get(counter.most_common(1)[0][0], "") for counter in hits]
    called = tuple(_label(k, structure, template[k, 0]) for k, structure in enumerate(structures))
    return Shape(called, template, variation)


def spread_order(template: NDArray) -> NDArray[np.intp]:
    """Order of the keypoints such that the first n of them, for any n, are spread well: each next one is the farthest.

    Farthest-point sampling (Gonzalez 1985) from the point that is farthest from the middle.
    """
    order = [int(np.argmax(np.linalg.norm(template - template.mean(axis=0), axis=1)))]
    nearest = np.linalg.norm(template - template[order[0]], axis=1)
    while len(order) < len(template):
        order.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(template - template[order[-1]], axis=1))
    return np.array(order)


def _class_at(subject: Subject, number: int) -> int:
    """Class at a reference point of a subject (the nearest voxel of its 1 mm grid)."""
    index = (subject.points[number] - subject.origin).round().long().tolist()
    x, y, z = (min(max(i, 0), n - 1) for i, n in zip(index, reversed(subject.classes.shape), strict=True))
    return int(subject.classes[z, y, x])


def _label(number: int, structure: str, right: float) -> str:
    side = "midline" if abs(right) < _MIDLINE else "right" if right > 0 else "left"
    place = f"{structure}, {side}" if structure else side
    return f"keypoint {number + 1} ({place})"
