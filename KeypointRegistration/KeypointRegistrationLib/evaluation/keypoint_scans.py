"""The scans that keypoints are judged on, with what is known of their anatomy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.volume import Volume
from .acquisition import degraded
from .contrasts import Contrast, brain_labels, intensities, paint
from .people import HELD_MAPS

_CONTRASTS = ("T1", "T2", "FLAIR")
_NOISE, _BIAS = 0.02, 0.2  # of painted scans, as in ``people``


@dataclass(frozen=True)
class LabelledScan:
    """One scan.

    Attributes:
        name: of the scan.
        scan: reads it.
        labels: reads its label map; every label above zero is anatomy that keypoints may lie in.
        person: scans of one person in one space, in different contrasts, share this name; else empty.
        named: whether labels tell structures apart, or only the brain from what is around it.
        freesurfer: whether their numbers are FreeSurfer's, of the whole brain.
    """

    name: str
    scan: Callable[[], Volume]
    labels: Callable[[], Volume]
    person: str = ""
    named: bool = True
    freesurfer: bool = False


def _ixi(data: Path) -> list[LabelledScan]:
    return _beside(data / "ixi_t1_2mm", "IXI*_T1.nii.gz", "_T1.", "_dlmuse.")


def _omega(data: Path) -> list[LabelledScan]:
    return [replace(item, freesurfer=True) for item in _beside(data / "omega_t1", "sub-*_T1.nii.gz", "_T1.", "_aseg.")]


def _contrasts(data: Path) -> list[LabelledScan]:
    folder = data / "ms_mni"
    people = sorted({path.name.split("_")[0] for path in folder.glob("*_T1.nii.gz")})
    files = [(person, contrast, folder / f"{person}_{contrast}.nii.gz") for person in people for contrast in _CONTRASTS]
    return [
        LabelledScan(f"{person} {contrast}", partial(read_volume, path), partial(_stripped, path), person, named=False)
        for person, contrast, path in files
    ]


def _stripped(path: Path) -> Volume:
    """The brain of a skull-stripped scan: every voxel above zero."""
    scan = read_volume(path)
    return replace(scan, voxels=(scan.voxels > 0).astype(np.uint8))


def _painted(data: Path) -> list[LabelledScan]:
    maps = [(name, data / "labels_synthseg" / f"training_seg_{name}.nii.gz") for name in HELD_MAPS]
    return [
        LabelledScan(
            f"{name} {contrast.value}", partial(_paint, path, contrast), partial(_brain, path), name, freesurfer=True
        )
        for name, path in maps
        if path.exists()
        for contrast in Contrast
    ]


def _paint(path: Path, contrast: Contrast) -> Volume:
    labels, rng = read_volume(path), np.random.default_rng(list(Contrast).index(contrast))
    clean = paint(labels, intensities(contrast, np.unique(labels.voxels), rng), rng)
    return replace(clean, voxels=degraded(clean.voxels, rng, noise=_NOISE, bias=_BIAS))


def _brain(path: Path) -> Volume:
    return brain_labels(read_volume(path))


def _foetal(data: Path) -> list[LabelledScan]:
    return _beside(data / "fetal_atlas", "SBA*_t2.nii.gz", "_t2.", "_labels.")


def _weeks(data: Path) -> list[LabelledScan]:
    return _beside(data / "fetal_atlas", "STA*_t2.nii.gz", "_t2.", "_labels.")


#: Sets of scans, by the names that the command knows: what they are, and where they are found in the data folder.
SETS: dict[str, tuple[str, Callable[[Path], list[LabelledScan]]]] = {
    "ixi": ("whole heads, T1 (IXI)", _ixi),
    "omega": ("whole heads, T1 (OMEGA)", _omega),
    "contrasts": ("skull-stripped, T1, T2 and FLAIR (MS)", _contrasts),
    "painted": ("two people, each T1-like, T2-like and random (SynthSeg)", _painted),
    "foetal": ("foetal brains, T2 (spina bifida atlas; 12 of 15 are in the training)", _foetal),
    "weeks": ("foetal brains, T2 (CRL atlas by week)", _weeks),
}


def scans_of(name: str, data: Path, limit: int | None) -> list[LabelledScan]:
    """The scans of a set, spread over it where there are more than ``limit``.

    Raises:
        InputError: if the folder holds none of them.
    """
    found = SETS[name][1](data)
    if not found:
        raise InputError(f"{data} holds no scans of the set {name}. Give the folder of the scans with --data.")
    if limit is None or len(found) <= limit:
        return found
    return [found[round(i * (len(found) - 1) / max(1, limit - 1))] for i in range(limit)]


def _beside(folder: Path, pattern: str, scan: str, labels: str) -> list[LabelledScan]:
    """Scans with a label map of almost the same name."""
    return [
        LabelledScan(
            path.name.split(".")[0],
            partial(read_volume, path),
            partial(read_volume, path.with_name(path.name.replace(scan, labels))),
        )
        for path in sorted(folder.glob(pattern))
    ]
