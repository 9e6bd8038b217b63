"""A training small enough for a test: heads of a few balls, a view of eight voxels, a network of two levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from conftest import REPOSITORY
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.training.config import DataConfig, LossConfig, TrainingConfig, load_config
from KeypointRegistrationLib.training.landmarks import SpreadLandmarks
from KeypointRegistrationLib.training.subjects import Subject, subject_from
from KeypointRegistrationLib.training.trainer import Trainer

CONFIGURATIONS = REPOSITORY / "KeypointRegistration" / "Resources" / "Training"
LANDMARKS = SpreadLandmarks(10, brain_below=10)
LABELS = [0, 1, 2, 3, 20]

# Centre and radius (mm) and label of each ball, later over earlier.
_BALLS = (((0, 0, 0), 70, 20), ((0, 0, 0), 60, 1), ((-20, 20, 10), 22, 2), ((24, -10, 0), 18, 2), ((5, 5, -25), 16, 3))


def tiny_labels(squeeze: float = 1.0, name: str = "map") -> Volume:
    """A label map of 8 mm voxels: a head (20) with a brain (1 to 3) that is not symmetric; ``squeeze`` scales it along R."""
    shape, spacing = (20, 20, 20), 8.0
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    matrix[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    ras = Grid(shape, matrix).positions() / (squeeze, 1, 1)
    labels = np.zeros(len(ras), dtype=np.int16)
    for centre, radius, label in _BALLS:
        labels[((ras - centre) ** 2).sum(axis=1) < radius**2] = label
    return Volume(labels.reshape(shape), matrix, name)


def tiny_scan(squeeze: float = 1.0, name: str = "scan") -> Volume:
    """A scan of that head: every label with an intensity of its own, and a little noise."""
    labels = tiny_labels(squeeze)
    intensities = np.zeros(21)
    intensities[LABELS] = (0, 500, 800, 300, 650)
    noise = np.random.default_rng(0).normal(0, 15, labels.shape)
    return Volume((intensities[labels.voxels] + noise).astype(np.float32), labels.ijk_to_ras, name)


def write_folder(folder: Path, **volumes: Volume) -> Path:
    """Write volumes as ``NAME.nii.gz`` into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, volume in volumes.items():
        write_nifti(folder / f"{name}.nii.gz", volume)
    return folder


def three(kind: Callable[[float], Volume] = tiny_labels) -> dict[str, Volume]:
    """Three heads."""
    return {f"head_{number}": kind(squeeze) for number, squeeze in enumerate((0.9, 1.0, 1.1))}


def tiny_config(**changes: object) -> TrainingConfig:
    """Eight steps, of the bundled model's configuration in everything else; ``changes`` by table or setting."""
    config = load_config(CONFIGURATIONS / "brain-affine.toml")
    config = replace(
        config,
        data=DataConfig("maps", ("head_2",), brain_below=10, white=(2,), fluid=(3,), landmarks="spread", count=10),
        network=replace(config.network, widths=(8, 8), coarsening=1),
        view=replace(config.view, size=8, spacing=24.0, crop=0.3),
        losses=LossConfig(reference=1.0, point_spread=0.03, sharpness=0.03, repulsion=0.05, presence=0.1),
        schedule=replace(config.schedule, steps=8, pairs=1, report_every=1, validate_every=4, learning_rate=5e-3),
    )
    return replace(config, **changes)


def scheduled(**changes: object) -> TrainingConfig:
    """The tiny configuration with another schedule."""
    config = tiny_config()
    return replace(config, schedule=replace(config.schedule, **changes))


def tiny_subjects() -> list[Subject]:
    """The three heads as subjects."""
    return [subject_from(volume, LABELS, LANDMARKS) for volume in three().values()]


def tiny_trainer(config: TrainingConfig, folder: Path) -> Trainer:
    """A training on the first two heads that measures on the third."""
    folder.mkdir(parents=True, exist_ok=True)
    people = tiny_subjects()
    return Trainer(config, LABELS, LANDMARKS, people[:2], people[2:], folder, torch.device("cpu"))


def toml_of(config: TrainingConfig, **data: str) -> str:
    """The configuration as TOML, with ``data`` (values as TOML) in the place of its settings of that name."""

    def value(item: object) -> str:
        if isinstance(item, bool):
            return str(item).lower()
        if isinstance(item, str):
            return '"' + item.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if isinstance(item, tuple | list):
            return "[" + ", ".join(value(part) for part in item) + "]"
        return repr(item)

    tree = asdict(config)
    lines = [f"{key} = {value(item)}" for key, item in tree.items() if not isinstance(item, dict)]
    for table, settings in tree.items():
        if isinstance(settings, dict):
            lines.append(f"\n[{table}]")
            lines += [
                f"{key} = {data[key] if table == 'data' and key in data else value(item)}"
                for key, item in settings.items()
                if not isinstance(item, dict)
            ]
    return "\n".join(lines) + "\n"
