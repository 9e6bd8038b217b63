"""Pairs of different people, with labels: real scans, and scans made from label maps in chosen contrasts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import permutations, product
from pathlib import Path

import numpy as np

from ..files.scans import read_volume
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume
from .acquisition import degraded
from .contrasts import Contrast, brain_labels, intensities, paint
from .pairs import Pair, Scans, only_file

_IXI = ("IXI565", "IXI577", "IXI603", "IXI632")  # held out from training
_OASIS = ("1005", "1122", "1128")  # no OASIS scan was in any training
#: SynthSeg's label maps that are held out from training.
HELD_MAPS = ("18", "19")
_NOISE, _BIAS = 0.02, 0.2


def between_people(data: Path) -> list[Pair]:
    """The 12 ordered pairs of whole-head T1 scans (2 mm) of four people held out from training."""
    folder = data / "ixi_t1_2mm"
    files = {
        person: (only_file(folder, f"{person}*_T1.nii.gz"), only_file(folder, f"{person}*_dlmuse.nii.gz")) for person in _IXI
    }
    return _ordered_pairs(files)


def between_oasis(data: Path) -> list[Pair]:
    """The 6 ordered pairs of skull-stripped T1 scans (1 mm, manual labels) of three people: evaluation only."""
    folder = data / "oasis_t1"
    files = {
        person: (only_file(folder, f"{person}_t1brain.nii.gz"), only_file(folder, f"{person}_labels.nii.gz"))
        for person in _OASIS
    }
    return _ordered_pairs(files)


def synthetic_contrasts(data: Path) -> list[Pair]:
    """Two people in both directions, in all nine pairs of contrasts, made (2 mm) from held-out label maps."""
    maps = {name: only_file(data / "labels_synthseg", f"training_seg_{name}.nii.gz") for name in HELD_MAPS}
    pairs: list[Pair] = []
    # Contrasts vary slowest among pairs across, so that the first few pairs hold both groups.
    combinations = sorted(product(Contrast, Contrast), key=lambda pair: pair[0] is not pair[1])
    for fixed, moving in permutations(HELD_MAPS):
        for fixed_contrast, moving_contrast in combinations:
            name = f"{moving} {moving_contrast.value} to {fixed} {fixed_contrast.value}"
            group = "within one contrast" if fixed_contrast is moving_contrast else "across contrasts"
            read = partial(_painted, maps[fixed], maps[moving], fixed_contrast, moving_contrast)
            pairs.append(Pair(name, len(pairs), TransformType.AFFINE, read, group))
    return pairs


def _ordered_pairs(files: dict[str, tuple[Path, Path]]) -> list[Pair]:
    return [
        Pair(f"{moving} to {fixed}", number, TransformType.AFFINE, partial(_with_labels, files[fixed], files[moving]))
        for number, (fixed, moving) in enumerate(permutations(files, 2))
    ]


def _with_labels(fixed: tuple[Path, Path], moving: tuple[Path, Path], _rng: np.random.Generator) -> Scans:
    (fixed_scan, fixed_labels), (moving_scan, moving_labels) = fixed, moving
    return Scans(read_volume(fixed_scan), read_volume(moving_scan), read_volume(fixed_labels), read_volume(moving_labels))


def _painted(
    fixed: Path, moving: Path, fixed_contrast: Contrast, moving_contrast: Contrast, rng: np.random.Generator
) -> Scans:
    """Both label maps as scans.  Scans of one contrast have the same intensities, as from one protocol."""
    maps = {"fixed": read_volume(fixed), "moving": read_volume(moving)}
    labels = np.unique(np.concatenate([np.unique(volume.voxels) for volume in maps.values()]))
    looks = {contrast: intensities(contrast, labels, rng) for contrast in dict.fromkeys((fixed_contrast, moving_contrast))}

    def scan(role: str, contrast: Contrast) -> Volume:
        clean = paint(maps[role], looks[contrast], rng)
        return replace(clean, voxels=degraded(clean.voxels, rng, noise=_NOISE, bias=_BIAS), name=f"{role} {contrast.value}")

    return Scans(
        scan("fixed", fixed_contrast),
        scan("moving", moving_contrast),
        brain_labels(maps["fixed"]),
        brain_labels(maps["moving"]),
    )
