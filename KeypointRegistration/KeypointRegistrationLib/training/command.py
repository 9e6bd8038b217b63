"""``train CONFIG``: from a folder of label maps or scans to a model bundle."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from ..geometry.errors import InputError
from .checkpoint import CHECKPOINT
from .checks import check_config
from .config import TrainingConfig, load_config
from .export import export_bundle
from .log import LOG, VALIDATION
from .parallel import Team, device_of, joined
from .sources import subjects_of
from .trainer import Trainer

_BUNDLE = "bundle"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("config", type=Path, help="configuration of the training (TOML), or card.json of a model to repeat")
    parser.add_argument("--data", type=Path, help="folder of the label maps or scans, instead of the configuration's")
    parser.add_argument("--output", type=Path, help="folder for log, checkpoint and bundle (default: runs/NAME)")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in the output folder")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to train")
    parser.add_argument("--threads", type=int, help="CPU threads to use (default: as many as torch finds right)")
    parser.add_argument("--tensorboard", action="store_true", help="log for TensorBoard too, in the output folder")


def run(arguments: argparse.Namespace) -> int:
    """Train, log, and export the bundle when done.

    Raises:
        InputError: if the configuration, its data, the checkpoint or the output folder cannot be used.
    """
    if arguments.threads is not None:
        if arguments.threads < 1:
            raise InputError(f"--threads must be at least 1, not {arguments.threads}.")
        torch.set_num_threads(arguments.threads)
    config = load_config(arguments.config)
    if arguments.data is not None:
        source = str(arguments.data.resolve())
        data = replace(config.data, scans=source) if config.data.scans else replace(config.data, labels=source)
        config = replace(config, data=data)
    check_config(config)
    folder = arguments.output or Path("runs") / config.name
    if not arguments.resume:
        _check_unused(folder)
    device = device_of(arguments.device)
    with joined(device) as team:
        _train(config, arguments, folder, device, team)
    return 0


def _train(config: TrainingConfig, arguments: argparse.Namespace, folder: Path, device: torch.device, team: Team) -> None:
    labels, landmarks, training, held_out = subjects_of(config, arguments.config.parent)
    notes = [] if held_out else ["Nothing is held out: accuracy is measured on what the model has seen, and looks better."]
    _prepare(folder)
    trainer = Trainer(config, labels, landmarks, training, held_out or training, folder, device, team, arguments.tensorboard)
    if arguments.resume:
        notes += trainer.resume()
    if team.leads:
        for note in notes:
            print(note, file=sys.stderr)
    _follow(trainer, config.schedule.steps, team)
    if team.leads:
        export_bundle(trainer, config, folder / _BUNDLE)
        print(f"The bundle is in {folder / _BUNDLE}.", file=sys.stderr)


def _check_unused(folder: Path) -> None:
    """See that nothing of an earlier training would be written over."""
    if (folder / CHECKPOINT).exists():
        raise InputError(f"{folder} holds an earlier training. Use --resume to continue it, or choose another --output.")
    for name in (LOG, VALIDATION, _BUNDLE):
        if (folder / name).exists():
            raise InputError(
                f"{folder} holds {name} of an earlier training, and no checkpoint to continue from. Remove it, or choose "
                "another --output."
            )


def _prepare(folder: Path) -> None:
    """Make ``folder`` and make sure, before hours are spent, that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"Nothing can be written to {folder}: {error.strerror}. Choose another --output.") from error


def _follow(trainer: Trainer, steps: int, team: Team) -> None:
    from tqdm import tqdm

    with tqdm(total=steps, initial=trainer.step, unit="step", disable=not team.leads) as bar:
        for step, terms in trainer.run():
            bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
            bar.update(step - bar.n)
