"""``inspect-finder --output DIR``: whether a model finds heads in scans of whole wombs.

EPI scans in which the heads were marked by eye, and stacks with masks of the brain.  Those that the head finder was trained
on are told apart.  Then, whether a second head is told of.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detection.bundle import Card, load_card
from ..detection.detector import Detector
from ..detection.head_finder import HeadFinder
from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.transforms import apply
from ..geometry.volume import Volume
from . import twins
from .pairs import only_file
from .publishing import (
    add_data_argument,
    add_models_folder_argument,
    add_output_arguments,
    data_folder,
    markdown,
    output_folder,
    publish,
)
from .womb import marked_heads

_STACKS = ("run-1", "run-2", "run-3")
_FOUND = 20.0  # mm: from here the detector's views reach the head, which is about 40 mm in radius
_HEAD = ("scan", "trained on", "likeliest peak (mm)", "after looking closely (mm)", "doubt (mm)")
_CAPTION = "Distance from the middle of the head: of the finder's likeliest peak, and of the detection after it."


@dataclass(frozen=True)
class Finding:
    """How far, in mm, the finder and the detector after it are from the middle of a head, and the detector's doubt in mm."""

    scan: str
    trained: bool
    peak: float
    detected: float
    doubt: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--model", default="foetal-rigid", metavar="NAME", help="one whose card names a finder (default: %(default)s)"
    )
    add_models_folder_argument(parser)
    add_data_argument(parser)
    add_output_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure, write and print the table.  Returns the exit status.

    Raises:
        InputError: if the model, the scans, the output folder or the document cannot be used.
    """
    output_folder(arguments)
    data, folder = data_folder(arguments), arguments.models_folder
    card = load_card(arguments.model, folder)
    if not card.finder:
        raise InputError(
            f"The card of {card.name} names no finder: that model takes the largest bright object for the head."
        )
    finder_card = load_card(card.finder, folder)
    finder, detector = HeadFinder(card.finder, folder=folder), Detector(card.name, "cpu", folder)
    found = [_finding(name, scan, middle, finder_card, finder, detector) for name, scan, middle in _heads(data)]
    publish(arguments, "finder", f"{finder_table(found)}\n\n{twins.count(data, detector)}")
    return 0


def finder_table(found: list[Finding]) -> str:
    """One row per scan, and the shares of those where the head was found."""
    rows = [
        (one.scan, "yes" if one.trained else "no", f"{one.peak:.0f}", f"{one.detected:.0f}", f"{one.doubt:.1f}")
        for one in found
    ]
    shares = []
    for trained, title in ((True, "trained on"), (False, "not trained on")):
        of_kind = [one.detected <= _FOUND for one in found if one.trained is trained]
        shares.append(f"{sum(of_kind)} of {len(of_kind)} scans {title}")
    return f"{_CAPTION} Found within {_FOUND:.0f} mm: {', '.join(shares)}.\n\n{markdown(_HEAD, rows)}"


def _heads(data: Path) -> Iterator[tuple[str, Volume, NDArray[np.float64]]]:
    """Name, scan and RAS middle (mm) of each head."""
    for name, head in marked_heads().items():
        yield name, read_volume(only_file(data / "fetal_uterus_epi", f"{name}.nii.gz")), head.centre
    stacks = data / "fetal_stacks"
    for run in _STACKS:
        mask = read_volume(only_file(stacks, f"sub-01_{run}_mask.nii.gz"))
        brain = apply(mask.ijk_to_ras, np.argwhere(mask.voxels > 0)[:, ::-1])
        middle = (brain.min(axis=0) + brain.max(axis=0)) / 2
        yield f"stack {run}", read_volume(only_file(stacks, f"sub-01_{run}_T2w.nii.gz")), middle


def _finding(
    name: str, scan: Volume, middle: NDArray[np.float64], card: Card, finder: HeadFinder, detector: Detector
) -> Finding:
    heads, seen = finder.find(scan), detector.detect(scan)
    peak = float(np.linalg.norm(heads[0].centre - middle)) if heads else np.inf
    detected = float(np.linalg.norm(seen.pose[:3, 3] - middle)) if seen.pose is not None else np.inf
    trained = name in card.details.get("training", {}).get("subjects", ())
    return Finding(name, trained, peak, detected, seen.doubt)
