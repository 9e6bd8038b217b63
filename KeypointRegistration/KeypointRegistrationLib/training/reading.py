"""A network that reads a scan once, on a given grid: no search for the pose, no template.  For looking at networks."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..detection.architecture import Architecture, NetworkKind
from ..detection.bundle import load_card, verified_weights
from ..detection.heatmaps import Heatmaps
from ..detection.moments import moments
from ..detection.network import KeypointDetector, bundled_network
from ..detection.views import shown
from ..geometry.errors import InputError
from ..geometry.sampling import Grid, Sampler
from ..geometry.transforms import apply
from .checkpoint import CHECKPOINT, read_checkpoint
from .config import TrainingConfig
from .steerable_kernels import trainable


@dataclass(frozen=True, eq=False)
class Read:
    """What was read: positions (K, 3) in RAS mm, spreads √tr Σ (K,) in mm, divergences (K,) in nats, and the maps."""

    positions: NDArray[np.float64]
    spreads: NDArray[np.float64]
    divergences: NDArray[np.float64]
    heatmaps: Heatmaps


@dataclass(frozen=True, eq=False)
class Reader:
    """A network and the grid that it was made for: voxels per side, and mm between them."""

    title: str
    network: KeypointDetector
    size: int
    spacing: float

    @property
    def parameters(self) -> int:
        """How many numbers it was trained to have: of steerable kernels their coefficients."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def undenoised(self) -> Reader:
        """The same network without its denoiser, which does not turn along with what it cleans."""
        network = copy.deepcopy(self.network)
        network.denoiser = None
        return replace(self, title=f"{self.title}; without its denoiser", network=network)

    @torch.inference_mode()
    def __call__(self, scan: Sampler, grid: Grid) -> Read:
        """Read ``scan`` on ``grid``, within the ball around its middle: what is in the corners would not turn along."""
        image, covered = shown(scan, grid, _ball(self.size))
        reading = self.network.eval()(image[None], covered[None])
        coarsening = self.network.architecture.coarsening
        size, spacing = self.size // coarsening, self.spacing * coarsening
        found = moments(reading.log_probabilities, size, spacing)
        map_grid = grid.coarsened(coarsening)
        voxels = found.means[0].double().numpy() / spacing + (size - 1) / 2
        return Read(
            positions=apply(map_grid.ijk_to_ras, voxels),
            spreads=(3 * found.variances[0]).sqrt().double().numpy(),
            divergences=found.divergences(isotropic=True)[0].double().numpy(),
            heatmaps=Heatmaps(reading.log_probabilities[0].exp().unflatten(1, (size, size, size)).numpy(), map_grid),
        )


def bundled_reader(name: str, folder: Path | None = None) -> Reader:
    """The network of a model bundle; InputError if there is no such bundle, or it is damaged."""
    card = load_card(name, folder)
    network = bundled_network(card, verified_weights(name, folder))
    return Reader(f"{name} {card.version}: {card.architecture.title}", network, card.size, card.spacing)


def trained_reader(config: TrainingConfig, folder: Path) -> Reader:
    """The averaged network of the training in ``folder``, as far as it has come.

    Raises:
        InputError: if there is no checkpoint, it is damaged, or it is of another network.
    """
    if not (folder / CHECKPOINT).is_file():
        raise InputError(f"There is no training in {folder}: it has no {CHECKPOINT}.")
    checkpoint = read_checkpoint(folder, torch.device("cpu"))
    average = checkpoint["average"]
    state = {name.removeprefix("module."): value for name, value in average.items() if name.startswith("module.")}
    architecture = config.network.architecture
    network = trainable(len(state["absence"]), architecture)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"The training in {folder} is of another network than {config.name} asks for.") from error
    title = f"{config.name}, {checkpoint['step']} steps: {architecture.title}"
    return Reader(title, network, config.view.size, config.view.spacing)


def untrained_reader(kind: NetworkKind, widths: tuple[int, ...], keypoints: int, size: int, spacing: float) -> Reader:
    """A network with random weights, of a steerable one random steerable kernels."""
    architecture = Architecture(kind, widths)
    torch.manual_seed(0)
    network = trainable(keypoints, architecture)
    return Reader(f"untrained: {architecture.title}", network, size, spacing)


def _ball(size: int) -> NDArray[np.bool_]:
    """Mask ``(size, size, size)`` of the points no farther from the middle than the faces of the cube."""
    axis = np.arange(size) - (size - 1) / 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return x**2 + y**2 + z**2 <= ((size - 1) / 2) ** 2
