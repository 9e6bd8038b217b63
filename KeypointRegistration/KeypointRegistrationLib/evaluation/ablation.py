"""``ablation CONFIG --output DIR``: train variants of one objective, and measure what each spatial loss is worth.

The variants (``training.ablation``) share data, seed, steps and start.  What is trained already is not trained again, so a
stopped ablation continues where it was.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict, replace
from pathlib import Path

from ..geometry.errors import InputError
from ..training.ablation import Ablation, Variant
from ..training.config import load_config
from ..training.sources import subjects_of
from .ablation_table import Measured, Pairs, ablation_table
from .publishing import add_output_arguments, output_folder, publish


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("config", type=Path, help="configuration of the training with all three spatial losses (TOML)")
    add_output_arguments(parser)
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="of the trainings (default: the configuration's)")
    parser.add_argument(
        "--variants", nargs="+", choices=[variant.value for variant in Variant], metavar="NAME",
        default=[variant.value for variant in Variant], help="of %(choices)s (default: all of them)",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, metavar="N", help="of each training (default: the configuration's)")
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="also leave the variants of the first seed there, as bundles to measure"
    )
    parser.add_argument("--pairs", type=int, default=40, metavar="N", help="measured pairs of a kind (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Train what is not trained yet, measure all, write and print the table.  Returns the exit status.

    Raises:
        InputError: if the configuration, its label maps, the output folder or the document cannot be used.
    """
    config = load_config(arguments.config)
    if arguments.steps is not None:
        config = replace(config, schedule=replace(config.schedule, steps=arguments.steps))
    if arguments.pairs < 2:
        raise InputError("Variants are compared over pairs: ask for at least 2 with --pairs.")
    folder = output_folder(arguments)
    material = subjects_of(config, arguments.config.parent)
    measured = []
    seeds = arguments.seeds or [config.seed]
    for seed in seeds:
        ablation = Ablation(replace(config, seed=seed), material, folder / f"seed-{seed}")
        measured += [measure(ablation, Variant(name), seed, arguments.pairs) for name in arguments.variants]
        if arguments.models is not None and seed == seeds[0]:
            for name in arguments.variants:
                ablation.export(Variant(name), arguments.models)
    table = ablation_table(config, measured)
    _write_pairs(folder / "pairs.csv", measured)
    publish(arguments, config.name, table)
    return 0


def measure(ablation: Ablation, variant: Variant, seed: int, pairs: int) -> Measured:
    """One variant, trained to the end and measured on ``pairs`` pairs of each kind of held-out people."""
    for step in ablation.trained(variant):
        print(f"seed {seed}, {variant.words}: step {step}", file=sys.stderr, flush=True)
    whole, cropped = (
        Pairs(*(ablation.looked_at(variant, pairs, same_subject, cropped) for same_subject in (True, False)))
        for cropped in (False, True)
    )
    return Measured(seed, variant, whole, cropped)


def _write_pairs(path: Path, measured: list[Measured]) -> None:
    rows = [
        {
            "seed": item.seed,
            "variant": item.variant.value,
            "views": views,
            "people": people,
            "pair": number,
            **asdict(scores),
        }
        for item in measured
        for views, kind in (("whole", item.whole), ("cropped", item.cropped))
        for people, unseen in (("same", kind.one_subject), ("different", kind.two_subjects))
        for number, scores in enumerate(unseen.pairs)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
