"""The real scans that keypoints are judged on, with what is known of their anatomy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..geometry.errors import InputError

_CONTRASTS = ("T1", "T2", "FLAIR")


@dataclass(frozen=True)
class LabelledScan:
    """One scan.

    Attributes:
        name: of the scan.
        scan: its file.
        labels: file of its label map, where there is one; every label above zero is anatomy that keypoints may lie in.
        person: scans of one person in one space, in different contrasts, share this name; else empty.
    """

    name: str
    scan: Path
    labels: Path | None = None
    person: str = ""


def _ixi(data: Path) -> list[LabelledScan]:
    return _beside(data / "ixi_t1_2mm", "IXI*_T1.nii.gz", "_T1.", "_dlmuse.")


def _omega(data: Path) -> list[LabelledScan]:
    return _beside(data / "omega_t1", "sub-*_T1.nii.gz", "_T1.", "_aseg.")


def _contrasts(data: Path) -> list[LabelledScan]:
    folder = data / "ms_mni"
    people = sorted({path.name.split("_")[0] for path in folder.glob("*_T1.nii.gz")})
    files = [(person, contrast, folder / f"{person}_{contrast}.nii.gz") for person in people for contrast in _CONTRASTS]
    # These scans are skull-stripped: a voxel above zero is brain.
    return [LabelledScan(f"{person} {contrast}", path, path, person) for person, contrast, path in files]


def _foetal(data: Path) -> list[LabelledScan]:
    return _beside(data / "fetal_atlas", "SBA*_t2.nii.gz", "_t2.", "_labels.")


#: Sets of scans, by the names that the command knows: what they are, and where they are found in the data folder.
SETS: dict[str, tuple[str, Callable[[Path], list[LabelledScan]]]] = {
    "ixi": ("whole heads, T1 (IXI)", _ixi),
    "omega": ("whole heads, T1 (OMEGA)", _omega),
    "contrasts": ("skull-stripped, T1, T2 and FLAIR (MS)", _contrasts),
    "foetal": ("foetal brains, T2 (spina bifida atlas)", _foetal),
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
        LabelledScan(path.name.split(".")[0], path, path.with_name(path.name.replace(scan, labels)))
        for path in sorted(folder.glob(pattern))
    ]
