"""Several processes that train one model together, as torchrun starts them: one for each GPU, or gloo on CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from ..detection.architecture import Architecture
from ..detection.network import KeypointDetector


@dataclass(frozen=True)
class Team:
    """The place of this process (``rank``) among ``size`` that train together.  By default it is alone."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that validates and writes."""
        return self.rank == 0

    def shared(self, model: KeypointDetector) -> KeypointDetector:
        """``model``, with its gradients averaged over the team in every backward pass."""
        return cast(KeypointDetector, _Shared(model)) if self.size > 1 else model

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        """The tensors that every member of the team gives, by rank; all of them must call this."""
        if self.size == 1:
            return [tensor]
        found: list[Tensor] = [tensor] * self.size
        distributed.all_gather_object(found, tensor)
        return found


class _Shared(DistributedDataParallel):
    """Some terms leave parameters unused, and pre-training other ones than the rest: they are looked for in each pass."""

    def __init__(self, model: KeypointDetector) -> None:
        super().__init__(model, find_unused_parameters=True)

    @property
    def architecture(self) -> Architecture:
        """Of the detector, which the losses ask for."""
        return self.module.architecture


def device_of(name: str) -> torch.device:
    """The device called ``auto``, ``cpu`` or ``cuda``; of several GPUs the one that torchrun gives to this process."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name, int(os.environ.get("LOCAL_RANK", "0"))) if name == "cuda" else torch.device(name)


@contextmanager
def joined(device: torch.device) -> Iterator[Team]:
    """The team that torchrun's environment tells of, for as long as the context lasts."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
