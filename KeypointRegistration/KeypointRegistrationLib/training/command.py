"""``train CONFIG.toml [--resume]``: from label maps to a model bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.volume import Volume
from .config import TrainingConfig, load_config
from .export import export_bundle
from .landmarks import Landmarks, landmarks_of
from .subjects import Subject, subject_from
from .trainer import Trainer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("config", type=Path, help="configuration of the training (TOML)")
    parser.add_argument("--output", type=Path, help="folder for log, checkpoint and bundle (default: runs/NAME)")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in the output folder")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to train")


def run(arguments: argparse.Namespace) -> int:
    """Train, log, and export the bundle when done.

    Raises:
        InputError: if the configuration, the label maps or the output folder cannot be used.
    """
    config = load_config(arguments.config)
    folder = arguments.output or Path("runs") / config.name
    if not arguments.resume and (folder / "checkpoint.pt").exists():
        raise InputError(f"{folder} holds an earlier training. Use --resume to continue it, or choose another --output.")
    data = config.data
    landmarks = landmarks_of(data.landmarks, data.count, data.brain_below)
    labels, training, held_out = _subjects(config, arguments.config.parent, landmarks)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, labels, landmarks, training, held_out, folder, _device(arguments.device))
    if arguments.resume:
        trainer.resume()
    _follow(trainer, config.schedule.steps)
    export_bundle(trainer, config, folder / "bundle")
    print(f"The bundle is in {folder / 'bundle'}.", file=sys.stderr)
    return 0


def _follow(trainer: Trainer, steps: int) -> None:
    from tqdm import tqdm

    with tqdm(total=steps, initial=trainer.step, unit="step") as bar:
        for step, terms in trainer.run():
            bar.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
            bar.update(step - bar.n)


def _subjects(config: TrainingConfig, base: Path, landmarks: Landmarks) -> tuple[list[int], list[Subject], list[Subject]]:
    folder = base / config.data.labels
    paths = sorted(folder.glob(config.data.pattern))
    if len(paths) < 2:
        raise InputError(f"{folder} holds {len(paths)} label maps (NIfTI). At least two are needed.")
    volumes = [read_volume(path) for path in paths]
    names = [path.name.split(".")[0] for path in paths]
    absent = sorted(set(config.data.held_out) - set(names))
    if absent:
        raise InputError(f"The held-out label map {absent[0]} is not in {folder}.")
    labels = sorted({int(label) for volume in volumes for label in np.unique(volume.voxels)} | {0})
    named = [Volume(volume.voxels, volume.ijk_to_ras, name) for volume, name in zip(volumes, names, strict=True)]
    subjects = [subject_from(volume, labels, landmarks) for volume in named]
    training = [subject for subject in subjects if subject.name not in config.data.held_out]
    return labels, training, [subject for subject in subjects if subject.name in config.data.held_out]


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
