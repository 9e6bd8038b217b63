"""Pairs of foetal brains under a known motion, both scanned by a simulated EPI-like scanner, as in motion tracking."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files.scans import read_volume
from ..geometry.transforms import TransformType, affine
from ..geometry.volume import Volume
from .acquisition import Scanner
from .pairs import Pair, Scans, only_file
from .poses import euler_pose

_STACKS = ("run-1", "run-2", "run-3")
_ATLASES = ("SBA23no", "SBA29op", "SBA33op", "STA21", "STA23", "STA26", "STA29", "STA32", "STA35", "STA38")

#: Voxels of 3 × 3 × 3 or 4.5 mm, as in foetal EPI.
_EPI = Scanner(step=1.5, thickness=(2, 3), stripes=0.4, noise=0.05, bias=0.3, brain_only=True)
_EMPTY = 0.001  # share of the brightest value that counts as nothing: a reconstruction's surroundings are not quite 0


def moved_foetuses(data: Path) -> list[Pair]:
    """Every brain of ``unseen_brains``, scanned before and after a motion."""
    brains = unseen_brains(data)
    # One of each kind comes first, so that a limit keeps some of each.
    order = ["foetus, super-resolution", "average SBA29op", "average STA32", "foetus, stack run-1", "average SBA23no"]
    order += [name for name in brains if name not in order]
    return [
        Pair(name, number, TransformType.RIGID, partial(_twice, brains[name]), draw=euler_pose, acquire=_EPI)
        for number, name in enumerate(order)
    ]


def unseen_brains(data: Path) -> dict[str, Callable[[], Volume]]:
    """Readers of brains held out from training: a foetus (super-resolution and three stacks), then averages by week.

    What they read is cropped to the brain, 0 outside it and above 0 within.

    Raises:
        InputError: if a file is missing.
    """
    stacks, atlas = data / "fetal_stacks", data / "fetal_atlas"
    brains = {"foetus, super-resolution": partial(_stripped, only_file(stacks, "sub-01_rec-SR_T2w.nii.gz"))}
    for run in _STACKS:
        files = (only_file(stacks, f"sub-01_{run}_{part}.nii.gz") for part in ("T2w", "mask"))
        brains[f"foetus, stack {run}"] = partial(_masked, *files)
    for week in _ATLASES:
        files = (only_file(atlas, f"{week}_{part}.nii.gz") for part in ("t2", "mask"))
        brains[f"average {week}"] = partial(_masked, *files)
    return dict(brains)


def _twice(brain: Callable[[], Volume], _rng: np.random.Generator) -> Scans:
    anatomy = brain()
    return Scans(anatomy, anatomy, truth=np.eye(4), brain=anatomy)


def _masked(scan: Path, mask: Path) -> Volume:
    volume = read_volume(scan)
    return _cropped(volume, read_volume(mask).voxels > 0)


def _stripped(scan: Path) -> Volume:
    volume = read_volume(scan)
    return _cropped(volume, volume.voxels > _EMPTY * volume.voxels.max())


def _cropped(volume: Volume, inside: NDArray) -> Volume:
    """The box around the brain, with nothing but the brain in it; dark brain is kept apart from nothing."""
    kji = np.argwhere(inside)
    low, high = kji.min(axis=0), kji.max(axis=0) + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    values = volume.voxels[box].astype(np.float32)
    voxels = np.where(inside[box], np.maximum(values, _EMPTY * values.max()), 0)
    return Volume(voxels, volume.ijk_to_ras @ affine(np.eye(3), low[::-1]), volume.name)
