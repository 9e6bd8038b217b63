"""Variants of one training that differ in nothing but their losses: same data, seed, steps and start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.errors import InputError
from . import anatomy
from .checkpoint import CHECKPOINT
from .config import LossConfig, TrainingConfig
from .export import export_bundle
from .sources import Material
from .trainer import Trainer
from .unseen import Unseen, look_at_pairs

_START = "start"
_MEASURED = 1000  # offset of the seed of the views that variants are measured on: in no training or validation


class Variant(str, Enum):
    """What of the objective a variant keeps, by the name of its folder."""

    NONE = "none"
    KL = "kl"
    KL_VAR = "kl-var"
    ALL = "all"
    SUPERVISED = "supervised"

    @property
    def words(self) -> str:
        """As a table calls it."""
        return {
            Variant.NONE: "L_sim alone",
            Variant.KL: "+ KL",
            Variant.KL_VAR: "+ KL + var",
            Variant.ALL: "all three",
            Variant.SUPERVISED: "supervised Dice, all three",
        }[self]

    def losses(self, whole: LossConfig) -> LossConfig:
        """The losses of this variant of the objective ``whole``.  The supervised one fits tissue maps, not renderings."""
        if self is Variant.SUPERVISED:
            return replace(whole, dice=whole.similarity, similarity=0.0)
        spatial = {Variant.NONE: (0, 0, 0), Variant.KL: (1, 0, 0), Variant.KL_VAR: (1, 1, 0), Variant.ALL: (1, 1, 1)}[self]
        return replace(
            whole,
            point_spread=spatial[0] * whole.point_spread,
            sharpness=spatial[1] * whole.sharpness,
            repulsion=spatial[2] * whole.repulsion,
        )


class Ablation:
    """The variants of one configuration and seed, each in a folder of its own below ``folder``.

    All go on from one checkpoint at the end of the pretraining, random state included, so that they see the same views in
    the same order.  What is there already is not trained again.

    Raises:
        InputError: if the configuration leaves nothing to compare.
    """

    def __init__(self, config: TrainingConfig, material: Material, folder: Path, device: str = "cpu") -> None:
        whole = config.losses
        if not (whole.similarity and whole.point_spread and whole.sharpness and whole.repulsion):
            raise InputError(
                f"The ablation of {config.name} needs weights of similarity, point_spread, sharpness and repulsion in "
                "[losses]."
            )
        if not 0 < config.schedule.pretraining < 1:
            raise InputError(f"The ablation of {config.name} needs schedule.pretraining between 0 and 1.")
        self._config = config
        self._material = material
        self._folder = folder
        self._device = torch.device(device)

    def folder(self, variant: Variant) -> Path:
        """Where the training of ``variant`` is."""
        return self._folder / variant.value

    def trained(self, variant: Variant) -> Iterator[int]:
        """Train ``variant`` to the end, yielding the step at every report."""
        trainer = self.trainer(variant)
        for step, _ in trainer.run():
            yield step

    def trainer(self, variant: Variant) -> Trainer:
        """The training of ``variant``, as far as it has come; after the pretraining at least."""
        folder = self.folder(variant)
        if not (folder / CHECKPOINT).is_file():
            start = self._started()
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(start, folder / CHECKPOINT)
        trainer = self._new(replace(self._config, losses=variant.losses(self._config.losses)), folder)
        trainer.resume()
        return trainer

    def export(self, variant: Variant, models: Path) -> Path:
        """Leave ``variant``, as far as it is trained, as a bundle in the folder ``models``; returns the bundle's own folder.

        Raises:
            InputError: if it cannot be written.
        """
        config, trainer = self._config, self.trainer(variant)
        named = replace(config, name=f"{config.name}-{variant.value}", losses=variant.losses(config.losses))
        export_bundle(trainer, named, models / named.name)
        return models / named.name

    def looked_at(self, variant: Variant, pairs: int, same_subject: bool, cropped: bool) -> Unseen:
        """What ``variant``, as far as it is trained, makes of held-out pairs: always the same ones for a seed.

        Of ``cropped`` pairs a part of each view was not acquired, and up to half of the anatomy is missing with it; the
        others are whole.  The classes under keypoints are those of the left half of the head on both sides: views may be
        mirrored.
        """
        trainer = self.trainer(variant)
        rigid = self._config.losses.similarity_transform == "rigid"
        views = trainer.unseen_views(_MEASURED, crop=float(cropped))
        unseen = look_at_pairs(trainer.averaged, views, self._config.wide, pairs, same_subject, rigid)
        return Unseen(unseen.pairs, self._one_sided()[unseen.classes])

    def _one_sided(self) -> NDArray[np.intp]:
        """For each class itself, or its twin in the left half of the head."""
        labels = self._material.labels
        index = {label: number for number, label in enumerate(labels)}
        twin = {right: left for left, right in anatomy.twins() if left in index and right in index}
        return np.array([index[twin.get(label, label)] for label in labels])

    def _started(self) -> Path:
        """The checkpoint at the end of the pretraining."""
        folder = self._folder / _START
        if not (folder / CHECKPOINT).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            schedule = self._config.schedule
            steps = round(schedule.pretraining * schedule.steps)
            trainer = self._new(replace(self._config, schedule=replace(schedule, report_every=steps)), folder)
            next(trainer.run())
            trainer.save()
        return folder / CHECKPOINT

    def _new(self, config: TrainingConfig, folder: Path) -> Trainer:
        material = self._material
        return Trainer(
            config, material.labels, material.landmarks, material.training, material.held_out, folder, self._device
        )
