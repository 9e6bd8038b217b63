"""Finding a head in a scan of much more than a head: with a network that looks coarsely at all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.sampling import Grid, Sampler, coverage
from ..geometry.volume import Volume
from .bundle import load_card, verified_weights
from .intensity import normalised
from .moments import moments
from .network import bundled_network

_OVERLAP = 100.0  # mm that neighbouring views share: a head at the edge of one is inside another


@dataclass(frozen=True, eq=False)
class FoundHead:
    """Where a head was seen.

    Attributes:
        centre: middle of the brain, RAS mm, (3,).
        spread: √tr Σ of its map, mm.
        presence: probability that there is a head at all.
    """

    centre: NDArray[np.float64]
    spread: float
    presence: float

    @property
    def present(self) -> bool:
        """Whether there is a head rather than not."""
        return self.presence > 0.5


class HeadFinder:
    """A bundled network with one keypoint, the middle of the brain, at work on whole scans.

    Args:
        name: of the bundle.
        device: ``cpu``, ``cuda`` or ``mps``.
        folder: of the bundles (default: those that come with the module).

    Raises:
        InputError: if the bundle is unknown, damaged or altered.
    """

    def __init__(self, name: str, device: str = "cpu", folder: Path | None = None) -> None:
        self._card = load_card(name, folder)
        self._device = device
        self._model = bundled_network(self._card, verified_weights(name, folder)).to(device)

    def find(self, volume: Volume) -> FoundHead:
        """The surest head of ``volume`` (finite voxels), looked for in as many overlapping views as cover the scan."""
        scan = Sampler(volume)
        return max((self._look(scan, centre) for centre in self._centres(volume)), key=lambda head: head.presence)

    def _centres(self, volume: Volume) -> Iterator[NDArray[np.float64]]:
        """Middles of the views."""
        width = self._card.size * self._card.spacing
        low, high = volume.corners.min(axis=0), volume.corners.max(axis=0)
        along = []
        for start, end in zip(low, high, strict=True):
            count = max(1, int(np.ceil((end - start - _OVERLAP) / (width - _OVERLAP))))
            margin = min(width, end - start) / 2
            along.append(np.linspace(start + margin, end - margin, count))
        return (np.array(centre) for centre in product(*along))

    @torch.inference_mode()
    def _look(self, scan: Sampler, centre: NDArray) -> FoundHead:
        card = self._card
        grid = Grid.cubic(card.size, card.spacing, centre)
        covered = torch.from_numpy(coverage(scan.volume, grid))
        image = normalised(torch.from_numpy(scan(grid)), covered)
        reading = self._model(image[None, None].to(self._device), covered[None].to(self._device))
        coarsening = card.architecture.coarsening
        found = moments(reading.log_probabilities.cpu(), card.size // coarsening, card.spacing * coarsening)
        spread = float(found.covariances[0, 0].diagonal().sum().sqrt())
        return FoundHead(centre + found.means[0, 0].double().numpy(), spread, float(torch.sigmoid(reading.presence[0, 0])))
