"""Pairs of one person's scans with a known motion between them: adults."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np

from ..files.scans import read_volume
from ..geometry.transforms import TransformType
from .acquisition import Scanner
from .pairs import Pair, Scans, only_file

_PATIENTS = ("cs07", "cs19")
_CONTRASTS = ("T1", "T2", "FLAIR")
_HEADS = ("sub-0002", "sub-0003")
_HEAD_SCANNER = Scanner(step=1.0)


def across_contrasts(data: Path) -> list[Pair]:
    """The 12 ordered pairs of T1, T2 and FLAIR (1 mm, skull-stripped, one space) of two patients."""
    pairs: list[Pair] = []
    for patient in _PATIENTS:
        scans = {contrast: only_file(data / "ms_mni", f"{patient}_{contrast}.nii.gz") for contrast in _CONTRASTS}
        for fixed, moving in permutations(_CONTRASTS, 2):
            read = partial(_in_one_space, scans[fixed], scans[moving])
            pairs.append(Pair(f"{patient} {moving} to {fixed}", len(pairs), TransformType.RIGID, read))
    return pairs


def moved_heads(data: Path) -> list[Pair]:
    """Two heads, each scanned twice by a simulated scanner (2 mm): before and after a known motion."""
    return [
        Pair(
            f"{head} moved",
            number,
            TransformType.RIGID,
            partial(
                _twice,
                only_file(data / "omega_t1", f"{head}_T1.nii.gz"),
                only_file(data / "omega_t1", f"{head}_aseg.nii.gz"),
            ),
            acquire=_HEAD_SCANNER,
        )
        for number, head in enumerate(_HEADS)
    ]


def _in_one_space(fixed: Path, moving: Path, _rng: np.random.Generator) -> Scans:
    return Scans(read_volume(fixed), read_volume(moving), truth=np.eye(4))


def _twice(scan: Path, labels: Path, _rng: np.random.Generator) -> Scans:
    head = read_volume(scan)
    return Scans(head, head, truth=np.eye(4), brain=read_volume(labels))
