"""What a configuration must fulfil beyond the kinds of its values: found before hours are spent on it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..geometry.errors import InputError
from ..geometry.transforms import TransformType
from .config import LossConfig, TrainingConfig
from .contrast import ContrastSettings
from .objective import TERMS

_SHARES = (
    "schedule.same_subject",
    "schedule.ramp",
    "schedule.decay",
    "schedule.average",
    "schedule.pretraining",
    "view.crop",
    "view.slab",
)
_PROBABILITIES = ("familiar", "fluid_bright", "stripped", "surroundings", "womb", "thick", "stripes")


def check_config(config: TrainingConfig) -> None:
    """Raise InputError, a sentence that names the setting, unless a training can work with ``config``."""
    _check_numbers(config)
    _check_size(config)
    _check_source(config)
    _check_losses("losses", config.losses, config)
    if config.schedule.pretraining > 0:
        _check_losses("pretraining", config.pretraining, config)
    known = [kind.value for kind in TransformType]
    for kind in config.card.transform_types:
        if kind not in known:
            raise InputError(f"card.transform_types holds {kind}. Known: {', '.join(known)}.")


def _check_numbers(config: TrainingConfig) -> None:
    schedule, view = config.schedule, config.view
    above_zero = {
        "view.spacing": view.spacing,
        "view.size": view.size,
        "schedule.steps": schedule.steps,
        "schedule.pairs": schedule.pairs,
        "schedule.learning_rate": schedule.learning_rate,
        "schedule.report_every": schedule.report_every,
        "schedule.validate_every": schedule.validate_every,
        "contrast.thickest": config.contrast.thickest,
    }
    for key, value in above_zero.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{key} must be above zero, not {value:g}.")
    for key, value in _shares(config):
        if not 0 <= value <= 1:
            raise InputError(f"{key} must lie between 0 and 1, not be {value:g}.")


def _shares(config: TrainingConfig) -> Iterator[tuple[str, float]]:
    for key in _SHARES:
        table, name = key.split(".")
        yield key, getattr(getattr(config, table), name)
    contrast: ContrastSettings = config.contrast
    for name in _PROBABILITIES:
        yield f"contrast.{name}", getattr(contrast, name)


def _check_size(config: TrainingConfig) -> None:
    """Every level halves the view; at the lowest one two voxels a side must be left."""
    network = config.network
    network.architecture  # noqa: B018  refuses what cannot be built
    for key, widths in (("network.widths", network.widths), ("network.denoiser", network.denoiser)):
        step = 2 ** len(widths)
        if widths and (config.view.size % step or config.view.size < 2 * step):
            near = max(2 * step, round(config.view.size / step) * step)
            raise InputError(
                f"A view.size of {config.view.size} cannot be halved {len(widths)} times, once for each of {key}. Choose a "
                f"multiple of {step}, from {2 * step} on, such as {near}; or fewer levels."
            )


def _check_source(config: TrainingConfig) -> None:
    data = config.data
    if bool(data.labels) == bool(data.scans):
        told = "both data.labels and data.scans" if data.labels else "neither data.labels nor data.scans"
        raise InputError(f"The configuration gives {told}. Give one: the folder of label maps, or that of scans.")
    if data.scans and data.landmarks == "named":
        raise InputError('Scans without labels have no named points. Set data.landmarks = "spread".')
    if data.scans and (config.losses.dice > 0 or config.pretraining.dice > 0):
        raise InputError("The term dice compares tissues, which scans without labels do not tell. Set its weight to 0.")
    if config.schedule.nested and not (config.losses.similarity > 0 or config.losses.dice > 0):
        raise InputError("schedule.nested concerns the terms similarity and dice, and neither has a weight in [losses].")


def _check_losses(table: str, losses: LossConfig, config: TrainingConfig) -> None:
    weights = {name: getattr(losses, name) for name in TERMS}
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InputError(f"{table}.{name} must not be negative, and is {weight:g}.")
    if not any(weight for name, weight in weights.items() if name not in ("presence", "denoise")):
        raise InputError(f"No term in [{table}] says where keypoints should be. Give one a weight: {', '.join(TERMS)}.")
    if bool(weights["denoise"]) != bool(config.network.denoiser):
        raise InputError(
            f"{table}.denoise and network.denoiser go together: a weight for one, channels for the other. Set both or none."
        )
    if not (math.isfinite(losses.repulsion_reach) and losses.repulsion_reach > 0):
        raise InputError(f"{table}.repulsion_reach must be above zero, not {losses.repulsion_reach:g}.")
    if losses.similarity_transform not in ("rigid", "affine"):
        raise InputError(f"{table}.similarity_transform is rigid or affine, not {losses.similarity_transform}.")
    if losses.pose > 0 and config.schedule.same_subject == 0:
        raise InputError(f"{table}.pose needs pairs of views of one subject. Set schedule.same_subject above 0.")
