"""``ablation-scans CONFIG TASK --output DIR``: what each spatial loss is worth on the scans of a benchmark's task.

Measured are the variants that ``ablation`` has trained in the same folder.  They align as in training: one look at each
scan, all keypoints, in closed form.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..detection.bundle import CARD_FILE
from ..geometry.errors import InputError
from ..training.ablation import Ablation, Variant
from ..training.checkpoint import CHECKPOINT
from ..training.config import load_config
from ..training.sources import subjects_of
from .measuring import measured
from .methods import Method, Model, method_called
from .paired import compare
from .poses import BINS
from .publishing import add_data_argument, add_output_arguments, data_folder, markdown, output_folder, publish
from .rows import Row
from .tasks import TASKS, Task

_RIGHT = 5.0  # mm: corners at most so far off count as success
_POSES = 0  # seed of the poses, that of the benchmarks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("config", type=Path, help="configuration of the ablation (TOML)")
    parser.add_argument("task", choices=list(TASKS), help="whose scans are aligned, one of %(choices)s")
    add_output_arguments(parser)
    add_data_argument(parser)
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="of the trainings (default: the configuration's)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most this many pairs")
    parser.add_argument(
        "--bins", nargs="+", type=int, choices=range(len(BINS)), default=[0], metavar="N",
        help=f"numbers of the initial rotations, from 0: {', '.join(f'{low}–{high}°' for low, high in BINS)} (default: 0)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Measure what is not measured yet, then write and print the table.  Returns the exit status.

    Raises:
        InputError: if a variant is not trained, or the scans, the output folder or the document cannot be used.
    """
    data_folder(arguments)
    folder = output_folder(arguments)
    config, task = load_config(arguments.config), TASKS[arguments.task]
    seeds = arguments.seeds or [config.seed]
    for seed in seeds:
        for variant in Variant:
            if not (folder / f"seed-{seed}" / variant.value / CHECKPOINT).is_file():
                raise InputError(
                    f"{variant.words} of seed {seed} is not trained in {folder}. Train it with the command ablation, "
                    "into the same folder."
                )
    material = subjects_of(config, arguments.config.parent)
    pairs = task.pairs(arguments.data)[: arguments.limit]
    rows: list[Row] = []
    methods: dict[Variant, Method] = {}
    for seed in seeds:
        ablation = Ablation(replace(config, seed=seed), material, folder / f"seed-{seed}")
        models = folder / "models" / f"seed-{seed}"
        methods = {variant: _method(ablation, variant, models, config.name, task) for variant in Variant}
        found = measured(folder / f"{task.name}-{seed}.csv", pairs, list(methods.values()), arguments.bins, _POSES)
        rows += [replace(row, pair=f"{row.pair}, training {seed}") for row in found]
    names = {variant: method.name for variant, method in methods.items()}
    publish(arguments, f"{config.name}-{task.name}", scans_table(rows, names, task.known_motion))
    return 0


def scans_table(rows: Sequence[Row], names: dict[Variant, str], known_motion: bool) -> str:
    """One row per variant, over all trainings; ``names`` are those of the variants' methods in ``rows``.

    The p-values are those of paired tests against L_sim alone, over pairs, poses and trainings.
    """
    errors = (
        ["rotation ° (p90)", "corners mm (p90)", f"corners within {_RIGHT:.0f} mm"] if known_motion else ["Dice", "HD95 mm"]
    )
    score = "corner_mm" if known_motion else "dice"
    lines = []
    for variant, name in names.items():
        scores = [row.scores for row in rows if row.method == name]
        compared = None if variant is Variant.NONE else compare(rows, name, names[Variant.NONE], score)
        p = "–" if compared is None else "< 0.001" if compared.p < 0.001 else f"{compared.p:.3f}"
        rotation, corner, dice, distance = (
            np.array([value for one in scores if (value := getattr(one, key)) is not None])
            for key in ("rotation_deg", "corner_mm", "dice", "hd95_mm")
        )
        cells = (
            [_spread_out(rotation), _spread_out(corner), f"{(corner <= _RIGHT).sum() / len(scores):.0%}".replace("%", " %")]
            if known_motion
            else [f"{dice.mean():.3f}", f"{distance.mean():.2f}"]
        )
        lines.append([variant.words, str(len(scores)), *cells, p])
    return markdown(["losses", "n", *errors, "p against none"], lines)


def _method(ablation: Ablation, variant: Variant, models: Path, name: str, task: Task) -> Method:
    """The closed form by a variant, left as a bundle in ``models`` unless it is there since its training ended."""
    bundle = f"{name}-{variant.value}"
    card, checkpoint = models / bundle / CARD_FILE, ablation.folder(variant) / CHECKPOINT
    if not card.is_file() or card.stat().st_mtime < checkpoint.stat().st_mtime:
        ablation.export(variant, models)
    return method_called("closed-form", Model(bundle, models), task.model)


def _spread_out(values: np.ndarray) -> str:
    return f"{np.median(values):.1f} ({np.quantile(values, 0.9):.1f})"
