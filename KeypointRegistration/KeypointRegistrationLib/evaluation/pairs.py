"""A pair of scans, the moving one in a random pose, and what an alignment of them is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.sampling import Grid
from ..geometry.transforms import TransformType, invert
from ..geometry.volume import Volume
from .metrics import (
    Scores,
    box_corners,
    centroid,
    corner_displacement,
    dice_per_label,
    equitrack_errors,
    larger_regions,
    rotation_error,
    translation_error,
)
from .poses import BINS, Draw, random_pose
from .surfaces import hausdorff_95, surface_points


@dataclass(frozen=True, eq=False)
class Scans:
    """A pair before its moving scan is posed.

    Attributes:
        fixed_labels, moving_labels: of different people; alignments are judged by how these overlap.
        truth: else the 4×4 moving_to_fixed, RAS, that brings the scans of one person together.
        brain: above zero within the brain, in the fixed space, where errors against the truth are measured.
    """

    fixed: Volume
    moving: Volume
    fixed_labels: Volume | None = None
    moving_labels: Volume | None = None
    truth: NDArray[np.float64] | None = None
    brain: Volume | None = None


@dataclass(frozen=True)
class Pair:
    """One pair of a task.

    Attributes:
        name: fixed and moving in words.
        number: of the pair in its task; with seed and bin it determines pose and noise.
        kind: what the alignment may change.
        read: the scans, made or read from files.
        group: of pairs that get a table of their own, or empty.
        draw: the pose.
        acquire: (anatomy, 4×4 pose, generator) → a simulated scan of the posed anatomy.  Where there is none, the moving
            scan keeps its voxels, and the pose becomes part of its position matrix.
    """

    name: str
    number: int
    kind: TransformType
    read: Callable[[np.random.Generator], Scans]
    group: str = ""
    draw: Draw = random_pose
    acquire: Callable[[Volume, NDArray, np.random.Generator], Volume] | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """A pair with its moving scan (and labels) posed; no header tells the pose.

    Attributes:
        degrees: of the initial rotation.
        pose: 4×4 RAS that was applied to the moving anatomy.
    """

    pair: Pair
    scans: Scans
    pose: NDArray[np.float64]
    degrees: float

    def scores(self, moving_to_fixed: NDArray, structures: dict[int, tuple[float, float]]) -> Scores:
        """The distances from the truth, or without one the means over the ``structures`` (see there)."""
        if self.scans.truth is None:
            dice, hd95 = (float(np.mean([values[which] for values in structures.values()])) for which in (0, 1))
            return Scores(dice=dice, hd95_mm=hd95)
        truth, brain = self.scans.truth, self.scans.brain or self.scans.fixed
        euler, shift = equitrack_errors(moving_to_fixed, truth, Grid.of(self.scans.fixed))
        return Scores(
            corner_mm=corner_displacement(moving_to_fixed, truth, box_corners(brain)),
            rotation_deg=rotation_error(moving_to_fixed, truth),
            centroid_mm=translation_error(moving_to_fixed, truth, centroid(brain)),
            equitrack_euler_deg=euler,
            equitrack_shift_voxels=shift,
        )

    def structures(self, moving_to_fixed: NDArray) -> dict[int, tuple[float, float]]:
        """Dice and 95 % Hausdorff distance (mm) of each of the larger regions; empty where there are no labels."""
        fixed, moving = self.scans.fixed_labels, self.scans.moving_labels
        if fixed is None or moving is None:
            return {}
        dice = dice_per_label(fixed, moving, moving_to_fixed)
        in_fixed, in_moving = self._surfaces
        return {
            label: (dice[label], hausdorff_95(in_fixed[label], in_moving[label], moving_to_fixed))
            for label in larger_regions(fixed, moving)
        }

    @cached_property
    def _surfaces(self) -> tuple[dict[int, NDArray], dict[int, NDArray]]:
        assert self.scans.fixed_labels is not None and self.scans.moving_labels is not None
        return surface_points(self.scans.fixed_labels), surface_points(self.scans.moving_labels)


def trial(pair: Pair, bin_number: int, seed: int) -> Trial:
    """Load a pair and pose its moving scan: the same pose, and the same noise, for the same pair, bin and seed.

    Raises:
        InputError: if a file cannot be read.
    """
    noise = np.random.default_rng([seed, bin_number, pair.number, 1])
    scans = pair.read(noise)
    pose, degrees = pair.draw(np.random.default_rng([seed, bin_number, pair.number]), BINS[bin_number], scans.moving.centre)
    if pair.acquire is None:
        fixed, moving = scans.fixed, scans.moving.moved(pose)
    else:
        fixed, moving = pair.acquire(scans.fixed, np.eye(4), noise), pair.acquire(scans.moving, pose, noise)
    moving_labels = None if scans.moving_labels is None else scans.moving_labels.moved(pose)
    truth = None if scans.truth is None else scans.truth @ invert(pose)
    return Trial(pair, Scans(fixed, moving, scans.fixed_labels, moving_labels, truth, scans.brain), pose, degrees)


def only_file(folder: Path, pattern: str) -> Path:
    """The one file in ``folder`` that fits ``pattern``.

    Raises:
        InputError: if there is none, or more than one.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise InputError(
            f"{folder} holds {len(found)} files {pattern}; the benchmark needs one. Give its folder with --data."
        )
    return found[0]
