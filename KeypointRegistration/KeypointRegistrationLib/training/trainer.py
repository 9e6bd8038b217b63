"""The training loop: resumable, logged, and the same again from the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..detection.network import KeypointDetector
from ..geometry.errors import InputError
from .checkpoint import check_network, differences, read_checkpoint, write_checkpoint
from .config import TrainingConfig
from .contrast import canonical_contrast, grey_levels, tissue_of
from .generator import ViewGenerator, ViewSettings
from .landmarks import Landmarks
from .log import TrainingLog
from .objective import Objective
from .parallel import Team
from .poses import PoseRange
from .shape import Shape, described, found_shape, known_shape
from .steerable_kernels import trainable
from .subjects import Subject
from .validation import Sightings, Validation, observe, validate

_START_ROTATION = 15.0  # degrees
_RANKS_APART = 1_000_003  # between the seeds of processes that train together
_FEWEST_NESTED = 8  # keypoints that a nested training aligns a pair by


class Trainer:
    """Trains a :class:`KeypointDetector` on synthetic views of subjects.

    ``folder`` receives ``log.csv`` (one row per report), ``validation.csv`` and ``checkpoint.pt`` (weights, average,
    optimiser, random state, step).  With the same configuration, subjects and device, a resumed run continues exactly.
    Each member of a ``team`` sees views of its own; the gradients are averaged, and the first member writes.
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
        team: Team | None = None,
        tensorboard: bool = False,
    ) -> None:
        self._config = config
        self._folder = folder
        self._device = device
        self._team = team or Team()
        self._log = TrainingLog(folder, tensorboard and self._team.leads)
        torch.manual_seed(config.seed)
        self._rng = torch.Generator(device).manual_seed(config.seed + _RANKS_APART * self._team.rank)
        self._held_out = [subject.to(device) for subject in held_out]
        self._labels = labels
        self._landmarks = landmarks
        self._training = [subject.to(device) for subject in training]
        self._generator = self._views_of(self._training, self._rng, config.view)
        model = trainable(len(landmarks.names), config.network.architecture)
        self._model = model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._average = AveragedModel(self._model, multi_avg_fn=get_ema_multi_avg_fn(config.schedule.average))
        self._shared = self._team.shared(self._model)
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
    def measured_on(self) -> str:
        """Whose views accuracy is measured on, in words."""
        known = {subject.name for subject in self._held_out} & set(self.subject_names)
        return "the subjects of the training itself" if known else "the held-out subjects"

    @property
    def averaged(self) -> KeypointDetector:
        """The detector with the running average of the weights: what is shipped."""
        return cast(KeypointDetector, self._average.module)

    def run(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Train to the configured number of steps, yielding (step, terms) at every report.

        Raises:
            InputError: if log or checkpoint cannot be written.
        """
        schedule = self._config.schedule
        if self._team.leads:
            self._log.begin(self.step)
        while self.step < schedule.steps:
            terms = self._train_step()
            self.step += 1
            last = self.step == schedule.steps
            if self.step % schedule.report_every == 0 or last:
                if self._team.leads:
                    self._log.report(self.step, terms)
                yield self.step, terms
            if self.step % schedule.validate_every == 0 or last:
                if self._team.leads:
                    self._log.validated(self.step, self.validate())
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
            shape = known_shape(self._landmarks.names, points, self._landmarks.mirrored_order)
            return described(shape, self._training, self._labels, self._config.data.names)
        view = self._config.view
        views = [self._views_of([subject], self._other_rng(3 + i), view) for i, subject in enumerate(self._training)]
        return found_shape(self.averaged, views, self._config.near, self._labels, self._config.data.names)

    def save(self) -> None:
        """Write the checkpoint; all members of a team must call this.

        Raises:
            InputError: if it cannot be written; the previous one is intact then.
        """
        random, *others = self._team.gathered(self._rng.get_state())
        state = {
            "step": self.step,
            "network": asdict(self._config.network),
            "model": self._model.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": random,
            "random_of_others": others,
            "configuration": asdict(self._config),
        }
        if self._team.leads:
            write_checkpoint(self._folder, state)

    def resume(self) -> list[str]:
        """Continue from the checkpoint in the folder.  Returns sentences on what will not be as if never interrupted.

        Raises:
            InputError: if there is none, or it is damaged or belongs to another network.
        """
        state = read_checkpoint(self._folder, self._device)
        check_network(self._folder, state["network"], asdict(self._config.network))
        try:
            self._model.load_state_dict(state["model"])
            self._average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            count = len(state["model"].get("absence", ()))
            told = f"finds {count} keypoints" if count != len(self._landmarks.names) else "has parts of other sizes"
            raise InputError(
                f"The checkpoint in {self._folder} is of another network: it {told}, and the configuration asks for "
                f"{len(self._landmarks.names)} keypoints. Choose another output folder."
            ) from error
        self.step = state["step"]
        notes = self._resume_random([state["random"], *state.get("random_of_others", [])])
        changed = differences(state.get("configuration", {}) or asdict(self._config), asdict(self._config))
        if changed:
            notes.append(f"The training goes on with another configuration than it began with ({'; '.join(changed)}).")
        return notes

    def _resume_random(self, states: list[Tensor]) -> list[str]:
        """Take up this process's random views where they were left, if it had any then."""
        try:
            self._rng.set_state(states[self._team.rank].cpu())
        except (IndexError, RuntimeError):
            self._rng.manual_seed(self._config.seed + _RANKS_APART * self._team.rank + self.step)
            return ["The checkpoint was made with fewer processes or on another device: the views to come are others."]
        if len(states) > self._team.size:
            return ["The checkpoint was made with more processes: the views to come are fewer."]
        return []

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
            loss, terms = objective(self._shared, batch, ramp, self._nested())
        self._optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self._model.parameters(), max_norm=1.0)
        if torch.isfinite(norm):
            self._optimizer.step()
            self._average.update_parameters(self._model)
        return {"loss": float(loss.detach()), **terms}

    def _nested(self) -> int | None:
        """How many first keypoints align the pair in this step: all, unless the training is nested."""
        if not self._config.schedule.nested:
            return None
        most = len(self._landmarks.names)
        fewest = min(_FEWEST_NESTED, most)
        return int(torch.randint(fewest, most + 1, (1,), generator=self._rng, device=self._device))

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

    def _views_of(self, subjects: list[Subject], rng: torch.Generator, view: ViewSettings) -> ViewGenerator:
        data = self._config.data
        tissue = (
            grey_levels(len(self._labels))
            if data.scans
            else tissue_of(self._labels, data.brain_below, list(data.white), list(data.fluid), self._landmarks.twins)
        )
        canonical = canonical_contrast(tissue).to(self._device)
        order = torch.from_numpy(self._landmarks.mirrored_order)
        return ViewGenerator(subjects, tissue, canonical, view, self._config.contrast, order, rng)

    def unseen_views(self, offset: int, crop: float | None = None) -> ViewGenerator:
        """Views of the held-out subjects, always the same ones for the same seed and ``offset``.

        ``crop`` is the probability that part of a view was not acquired; by default that of the training.
        """
        view = self._config.view if crop is None else replace(self._config.view, crop=crop)
        return self._views_of(self._held_out, self._other_rng(offset), view)

    def _other_rng(self, offset: int) -> torch.Generator:
        return torch.Generator(self._device).manual_seed(self._config.seed + offset)
