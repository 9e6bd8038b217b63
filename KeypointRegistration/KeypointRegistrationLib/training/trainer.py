"""The training loop: resumable, logged, and the same again from the same seed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..detection.architecture import NetworkKind
from ..detection.network import KeypointDetector
from ..geometry.errors import InputError
from .config import TrainingConfig
from .contrast import Tissue, tissue_of
from .generator import ViewGenerator
from .landmarks import Landmarks
from .objective import TERMS, Objective
from .poses import PoseRange
from .shape import Shape, found_shape, known_shape
from .steerable_kernels import confine
from .subjects import Subject
from .validation import Sightings, Validation, observe, validate

_START_ROTATION = 15.0  # degrees
_LOGGED = ("loss", *TERMS)


class Trainer:
    """Trains a :class:`KeypointDetector` on synthetic views of subjects.

    ``folder`` receives ``log.csv`` (one row per report), ``validation.csv`` and ``checkpoint.pt`` (weights, average,
    optimiser, random state, step).  With the same configuration, subjects and device, a resumed run continues exactly.
    """

    def __init__(
        self,
        config: TrainingConfig,
        labels: list[int],
        landmarks: Landmarks,
        training: list[Subject],
        held_out: list[Subject],
        folder: Path,
        device: torch.device,
    ) -> None:
        self._config = config
        self._folder = folder
        self._device = device
        torch.manual_seed(config.seed)
        self._rng = torch.Generator(device).manual_seed(config.seed)
        self._held_out = [subject.to(device) for subject in held_out]
        self._labels = labels
        self._landmarks = landmarks
        self._training = [subject.to(device) for subject in training]
        self._generator = self._views_of(self._training, self._rng)
        architecture = config.network.architecture
        model = KeypointDetector(len(landmarks.names), architecture)
        if architecture.kind is NetworkKind.STEERABLE:
            confine(model)
        self._model = model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._average = AveragedModel(self._model, multi_avg_fn=get_ema_multi_avg_fn(config.schedule.average))
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=config.schedule.learning_rate, weight_decay=1e-4)
        self._objective = Objective(config.losses, config.view)
        self._pretraining = Objective(config.pretraining, config.view)
        self.step = 0

    @property
    def taught(self) -> bool:
        """Whether keypoints are taught to be the reference points to the end; else the other losses shape them."""
        return self._config.losses.reference > 0

    @property
    def tells_presence(self) -> bool:
        """Whether it learns which keypoints are absent."""
        return self._config.losses.presence > 0

    @property
    def subject_names(self) -> list[str]:
        """Of the subjects it trains on."""
        return [subject.name for subject in self._training]

    @property
    def averaged(self) -> KeypointDetector:
        """The detector with the running average of the weights: what is shipped."""
        return cast(KeypointDetector, self._average.module)

    def run(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Train to the configured number of steps, yielding (step, terms) at every report."""
        schedule = self._config.schedule
        while self.step < schedule.steps:
            terms = self._train_step()
            self.step += 1
            last = self.step == schedule.steps
            if self.step % schedule.report_every == 0 or last:
                self._append("log.csv", {"step": self.step, **dict.fromkeys(_LOGGED, ""), **terms})
                yield self.step, terms
            if self.step % schedule.validate_every == 0 or last:
                self._append("validation.csv", {"step": self.step, **asdict(self.validate())})
                self.save()

    def validate(self) -> Validation:
        """Measure the averaged weights on held-out subjects, always on the same views."""
        return validate(self.averaged, self.unseen_views(1), self._config.near, self._config.wide, self.taught)

    def observe_held_out(self, limits: PoseRange, pairs: int) -> Sightings:
        """Errors and spreads of the averaged weights on views of held-out subjects other than those of ``validate``."""
        return observe(self.averaged, self.unseen_views(2), limits, pairs, self.taught)

    def shape(self) -> Shape:
        """Where the averaged weights' keypoints lie in upright heads of the training subjects, and what they are called."""
        if self.taught:
            points = np.array([subject.points.double().cpu().numpy() for subject in self._training])
            return known_shape(self._landmarks.names, points, self._landmarks.mirrored_order)
        views = [self._views_of([subject], self._other_rng(3 + i)) for i, subject in enumerate(self._training)]
        return found_shape(self.averaged, views, self._config.near, self._labels, self._config.data.names)

    def save(self) -> None:
        """Write the checkpoint; an interruption while writing leaves the previous one."""
        state = {
            "step": self.step,
            "network": asdict(self._config.network),
            "model": self._model.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": self._rng.get_state(),
        }
        part = self._folder / "checkpoint.part"
        torch.save(state, part)
        part.replace(self._folder / "checkpoint.pt")

    def resume(self) -> None:
        """Continue from the checkpoint in the folder.

        Raises:
            InputError: if there is none, or it belongs to another network.
        """
        path = self._folder / "checkpoint.pt"
        if not path.is_file():
            raise InputError(f"There is no checkpoint to resume from in {self._folder}.")
        state = torch.load(path, map_location=self._device, weights_only=True)
        if state["network"] != asdict(self._config.network):
            raise InputError(
                f"The checkpoint in {self._folder} is of another network: {_told(state['network'])}. The configuration asks "
                f"for {_told(asdict(self._config.network))}. Choose another output folder."
            )
        self._model.load_state_dict(state["model"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._rng.set_state(state["random"].cpu())
        self.step = state["step"]

    def _train_step(self) -> dict[str, float]:
        schedule = self._config.schedule
        ramp = min(1.0, self.step / max(1.0, schedule.ramp * schedule.steps))
        for group in self._optimizer.param_groups:
            group["lr"] = schedule.learning_rate * self._rate()
        batch = self._generator.pairs(schedule.pairs, self._limits(ramp), schedule.same_subject)
        early = self.step < schedule.pretraining * schedule.steps
        objective = self._pretraining if early else self._objective
        self._model.train()
        with self._precision():
            loss, terms = objective(self._model, batch, ramp)
        self._optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), max_norm=1.0)
        if torch.isfinite(norm):
            self._optimizer.step()
            self._average.update_parameters(self._model)
        return {"loss": float(loss.detach()), **terms}

    def _rate(self) -> float:
        schedule = self._config.schedule
        warm_up = min(1.0, (self.step + 1) / 100)
        left = (schedule.steps - self.step) / max(1.0, schedule.decay * schedule.steps)
        return warm_up * max(0.05, min(1.0, left))

    def _limits(self, ramp: float) -> list[PoseRange]:
        wide = self._config.wide
        rotation = _START_ROTATION + ramp * (wide.rotation - _START_ROTATION)
        return [self._config.near, replace(wide, rotation=min(rotation, wide.rotation))]

    def _precision(self) -> AbstractContextManager:
        if self._device.type == "cuda":
            return torch.autocast("cuda", torch.bfloat16)
        if self._device.type == "cpu" and torch.cpu._is_amx_tile_supported():
            return torch.autocast("cpu", torch.bfloat16)
        return nullcontext()

    def _views_of(self, subjects: list[Subject], rng: torch.Generator) -> ViewGenerator:
        data = self._config.data
        tissue = tissue_of(self._labels, data.brain_below, list(data.white), list(data.fluid), self._landmarks.twins)
        canonical = canonical_contrast(tissue, self._device)
        order = torch.from_numpy(self._landmarks.mirrored_order)
        return ViewGenerator(subjects, tissue, canonical, self._config.view, self._config.contrast, order, rng)

    def unseen_views(self, offset: int) -> ViewGenerator:
        """Views of the held-out subjects, always the same ones for the same seed and ``offset``."""
        return self._views_of(self._held_out, self._other_rng(offset))

    def _other_rng(self, offset: int) -> torch.Generator:
        return torch.Generator(self._device).manual_seed(self._config.seed + offset)

    def _append(self, name: str, row: Mapping[str, float | str]) -> None:
        path = self._folder / name
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)


def _told(network: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in network.items())


def canonical_contrast(tissue: Tissue, device: torch.device) -> Tensor:
    """Intensity of each class in the common contrast of the renderings: fluid bright, white dark, outside black."""
    contrast = torch.zeros(tissue.count, device=device)
    contrast[tissue.grey] = 0.6
    contrast[tissue.white] = 0.3
    contrast[tissue.fluid] = 1.0
    return contrast
