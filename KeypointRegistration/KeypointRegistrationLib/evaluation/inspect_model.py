"""``inspect-model NAME --output DIR``: what a model's keypoints are worth on real scans.

The findings are kept, one file per scan, in the output folder, and the table holds all models found there: a stopped
inspection continues where it was, and models are compared by inspecting them one after the other.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np

from ..detection.detector import Detector
from ..geometry.errors import InputError
from .consistency import consistency
from .keypoint_quality import MOTION, Finding, judge
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

_HEAD = (
    "model", "scans", "n", "spread mm", "L_KL nats", "spacing mm", "repeatability mm: median / p90", "in the anatomy",
    "same structure", "entropy nats", "across contrasts mm: median / p90", "off the point it names mm: median / p90",
    "no other named point is nearer",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("model", metavar="NAME", help="of the model")
    add_models_folder_argument(parser)
    parser.add_argument(
        "--sets", nargs="+", choices=list(SETS), default=["ixi", "omega", "contrasts"], metavar="SET",
        help=f"of scans: {', '.join(f'{name} ({title})' for name, (title, _) in SETS.items())} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="at most this many scans of a set")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the known motions (default: %(default)s)")
    add_data_argument(parser)
    add_output_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Inspect what is not inspected yet, then write and print the table.  Returns the exit status.

    Raises:
        InputError: if the model, the scans, the output folder or the document cannot be used.
    """
    data, output = data_folder(arguments), output_folder(arguments)
    detector = Detector(arguments.model, folder=arguments.models_folder)
    identity = f"{detector.card.name} {detector.card.version} {detector.card.sha256[:8]}"
    for name in arguments.sets:
        folder = output / identity / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate(scans_of(name, data, arguments.limit)):
            path = folder / f"{item.name} seed {arguments.seed}.json"
            if not path.exists():
                finding = judge(detector, item, np.random.default_rng([arguments.seed, number]))
                path.write_text(json.dumps(asdict(finding)), encoding="utf-8")
                print(f"{item.name}: repeatability {np.median(finding.repeatability):.2f} mm", file=sys.stderr, flush=True)
    publish(arguments, "keypoints", quality_table(output))
    return 0


def quality_table(output: Path) -> str:
    """One row per model and set of scans that findings were kept of."""
    rows = []
    for model in sorted(path for path in output.iterdir() if path.is_dir()):
        for name, (title, _) in SETS.items():
            findings = [_read(path) for path in sorted((model / name).glob("*.json"))]
            if findings:
                rows.append([model.name, title, str(len(findings)), *_cells(findings)])
    low, high = MOTION
    return f"Medians over keypoints and scans; known motion of {low:.0f}–{high:.0f}°.\n\n{markdown(_HEAD, rows)}"


def _cells(findings: Sequence[Finding]) -> list[str]:
    present = [np.array(finding.present) for finding in findings]

    def pooled(values: str) -> np.ndarray:
        return np.concatenate([np.array(getattr(f, values))[p] for f, p in zip(findings, present, strict=True)])

    named = [finding.structures for finding in findings if finding.named]
    same = consistency(named) if len(named) > 1 else None
    return [
        f"{np.median(pooled('spreads')):.1f}",
        f"{np.median(pooled('divergences')):.2f}",
        f"{np.median(np.concatenate([finding.spacing for finding in findings])):.1f}",
        _middle_and_tail(pooled("repeatability")),
        f"{100 * np.mean([finding.inside for finding in findings]):.0f} %",
        f"{same.share:.2f}" if same else "–",
        f"{same.entropy:.2f}" if same else "–",
        _middle_and_tail(across) if len(across := _across_contrasts(findings)) else "–",
        *_anatomy_cells(findings),
    ]


def _anatomy_cells(findings: Sequence[Finding]) -> list[str]:
    """How far keypoints are from the anatomical points they are named after, where these are known."""
    errors, own = [], []
    for finding in findings:
        if finding.errors is not None and finding.own is not None:
            errors.append(np.array(finding.errors)[finding.present])
            own.append(np.array(finding.own)[finding.present])
    if not errors:
        return ["–", "–"]
    return [_middle_and_tail(np.concatenate(errors)), f"{100 * np.concatenate(own).mean():.0f} %"]


def _across_contrasts(findings: Sequence[Finding]) -> np.ndarray:
    """Distances between one keypoint in two scans of one person in one space."""
    pairs = [(a, b) for a, b in combinations(findings, 2) if a.person and a.person == b.person]
    distances = [
        np.linalg.norm(np.subtract(a.positions, b.positions), axis=1)[np.array(a.present) & np.array(b.present)]
        for a, b in pairs
    ]
    return np.concatenate(distances) if distances else np.empty(0)


def _middle_and_tail(values: np.ndarray) -> str:
    return f"{np.median(values):.1f} / {np.quantile(values, 0.9):.1f}"


def _read(path: Path) -> Finding:
    try:
        return Finding(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} is no finding of this command ({error}). Remove it, or choose another --output."
        ) from error
