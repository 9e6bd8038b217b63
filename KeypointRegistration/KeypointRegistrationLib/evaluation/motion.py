"""Pairs of one person's scans with a known motion between them: adults."""

from __future__ import annotations

import json
from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np

from ..detection.localisation import otsu_threshold
from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.transforms import TransformType, invert
from ..geometry.volume import Volume
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


def t1_and_epi(data: Path) -> list[Pair]:
    """T1 (1 mm, whole head) and mean EPI (2.2 × 2.2 × 4.1 mm) of one person, in both directions.

    The truth is the alignment that came with the scans, made by people: no better than a millimetre or two, and the EPI is
    distorted.
    """
    folder = data / "s1_t1_epi"
    t1, epi, matrices = (
        only_file(folder, name) for name in ("S1_T1.nii.gz", "S1_epi_fullhead.nii.gz", "S1_epi_fullhead.xfm.json")
    )
    return [
        Pair("EPI to T1", 0, TransformType.RIGID, partial(_t1_and_epi, t1, epi, matrices, True)),
        Pair("T1 to EPI", 1, TransformType.RIGID, partial(_t1_and_epi, t1, epi, matrices, False)),
    ]


def _in_one_space(fixed: Path, moving: Path, _rng: np.random.Generator) -> Scans:
    return Scans(read_volume(fixed), read_volume(moving), truth=np.eye(4))


def _twice(scan: Path, labels: Path, _rng: np.random.Generator) -> Scans:
    head = read_volume(scan)
    return Scans(head, head, truth=np.eye(4), brain=read_volume(labels))


def _t1_and_epi(t1: Path, epi: Path, matrices: Path, t1_is_fixed: bool, _rng: np.random.Generator) -> Scans:
    """pycortex' matrix ``magnet`` takes RAS of the T1 to RAS of the EPI (it is the EPI's position matrix times ``coord``,
    which takes RAS of the T1 to voxels of the EPI).
    """
    try:
        t1_to_epi = np.array(json.loads(matrices.read_text(encoding="utf-8"))["magnet"], dtype=float)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{matrices} does not hold pycortex' matrix called magnet ({error}).") from error
    head, functional = read_volume(t1), read_volume(epi)
    brain = Volume(functional.voxels > otsu_threshold(functional.voxels), functional.ijk_to_ras, "brain")
    if t1_is_fixed:
        return Scans(head, functional, truth=invert(t1_to_epi), brain=brain.moved(invert(t1_to_epi)))
    return Scans(functional, head, truth=t1_to_epi, brain=brain)
