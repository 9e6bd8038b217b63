"""``inspect-cropping NAME --output DIR``: what a model makes of scans that show a part of the head only.

Each scan is cut along one of its axes so that a known share of the keypoints, where they are in the whole scan, is outside.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..detection.detector import Detector
from ..geometry.keypoints import Keypoints
from ..geometry.transforms import affine, apply
from ..geometry.volume import Volume
from .keypoint_scans import SETS, scans_of
from .publishing import (
    add_data_argument,
    add_models_folder_argument,
    add_output_arguments,
    data_folder,
    markdown,
    output_folder,
    publish,
)

_SHARES = (0.2, 0.35, 0.5)  # of the keypoints that are cut off
_EDGE = 5.0  # mm from the cut: whether a keypoint that near is shown is a matter of taste
_HEAD = (
    "model", "scans", "n", "cut off", "told absent, of those cut off", "told present, of those shown",
    "from where it is in the whole scan mm: median / p90",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class CroppedFinding:
    """One scan that was cut.

    Attributes:
        told_absent: of each keypoint that was cut off, whether it is told to be absent.
        told_present: of each keypoint that is still shown, whether it is told to be present.
        errors: mm, of each that is shown and told to be present, from where it is in the whole scan.
    """

    told_absent: NDArray[np.bool_]
    told_present: NDArray[np.bool_]
    errors: NDArray[np.float64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("model", metavar="NAME", help="of the model")
    add_models_folder_argument(parser)
    parser.add_argument(
        "--set", choices=list(SETS), default="ixi", metavar="SET", help=f"of scans: {', '.join(SETS)} (default: %(default)s)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most this many scans")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the cuts (default: %(default)s)")
    add_data_argument(parser)
    add_output_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure, write and print the table.  Returns the exit status.

    Raises:
        InputError: if the model, the scans, the output folder or the document cannot be used.
    """
    data, _ = data_folder(arguments), output_folder(arguments)
    detector = Detector(arguments.model, folder=arguments.models_folder)
    found: dict[float, list[CroppedFinding]] = {share: [] for share in _SHARES}
    for number, item in enumerate(scans_of(arguments.set, data, arguments.limit)):
        scan = item.scan()
        whole = detector.detect(scan).keypoints
        for share in _SHARES:
            found[share].append(judge_cropped(detector, scan, whole, share, np.random.default_rng([arguments.seed, number])))
        print(item.name, file=sys.stderr, flush=True)
    identity = f"{detector.card.name} {detector.card.version} {detector.card.sha256[:8]}"
    rows = [[identity, SETS[arguments.set][0], *_cells(share, findings)] for share, findings in found.items()]
    publish(arguments, "cropping", markdown(_HEAD, rows))
    return 0


def judge_cropped(
    detector: Detector, scan: Volume, whole: Keypoints, share: float, rng: np.random.Generator
) -> CroppedFinding:
    """Detect in ``scan`` after a ``share`` of the keypoints that are present in the ``whole`` was cut off."""
    part = cut(scan, whole.positions[whole.present], share, rng)
    again = detector.detect(part).keypoints
    depth = _depth(part, whole.positions)
    gone, shown = whole.present & (depth < -_EDGE), whole.present & (depth > _EDGE)
    off = np.linalg.norm(again.positions - whole.positions, axis=1)
    return CroppedFinding(~again.present[gone], again.present[shown], off[shown & again.present])


def cut(scan: Volume, positions: NDArray[np.float64], share: float, rng: np.random.Generator) -> Volume:
    """``scan`` without the end of one of its axes beyond which a ``share`` of the ``positions`` (RAS mm) lies."""
    axis, from_start = int(rng.integers(3)), bool(rng.integers(2))
    index = apply(scan.ras_to_ijk, positions)[:, axis]
    first, last = 0, scan.shape[2 - axis]
    if from_start:
        first = int(np.clip(np.ceil(np.quantile(index, share)), 0, last - 2))
    else:
        last = int(np.clip(np.floor(np.quantile(index, 1 - share)) + 1, 2, last))
    box = [slice(None)] * 3
    box[2 - axis] = slice(first, last)
    shift = np.zeros(3)
    shift[axis] = first
    return Volume(scan.voxels[tuple(box)], scan.ijk_to_ras @ affine(np.eye(3), shift), f"{scan.name}, cut")


def _depth(scan: Volume, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far in mm each position is inside the box of a scan, negative outside."""
    ijk = apply(scan.ras_to_ijk, positions)
    last = np.array(scan.shape[::-1]) - 0.5
    depth: NDArray[np.float64] = (np.minimum(ijk + 0.5, last - ijk) * scan.spacing).min(axis=1)
    return depth


def _cells(share: float, findings: list[CroppedFinding]) -> list[str]:
    absent = np.concatenate([finding.told_absent for finding in findings])
    present = np.concatenate([finding.told_present for finding in findings])
    errors = np.concatenate([finding.errors for finding in findings])
    return [
        str(len(findings)),
        f"{100 * share:.0f} %",
        f"{100 * absent.mean():.0f} %",
        f"{100 * present.mean():.0f} %",
        f"{np.median(errors):.1f} / {np.quantile(errors, 0.9):.1f}",
    ]
