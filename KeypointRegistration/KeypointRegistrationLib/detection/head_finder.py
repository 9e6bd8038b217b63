"""Finding a head in a scan of much more than a head: with a network that looks coarsely at all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.sampling import Grid, Sampler
from ..geometry.volume import Volume
from .bundle import load_card, verified_weights
from .network import bundled_network
from .views import shown

_HEAD = 40.0  # mm around a peak of the map: the probability there speaks for one head
_APART = 40.0  # mm between two heads
_LEAST_SHARE = 0.02  # of a map, to speak for a head
_OVERLAP = 100.0  # mm that neighbouring views share: a head at the edge of one is inside another
_RIM = 20.0  # mm around a head, whose brightness it is painted over with
_SURE = 0.5  # likelihood of a second head from which on there is one


@dataclass(frozen=True, eq=False)
class FoundHead:
    """Where a head may be.

    Attributes:
        centre: middle of the brain, RAS mm, (3,).
        likelihood: probability that there is a head in the view, times the share of it that is seen here.
    """

    centre: NDArray[np.float64]
    likelihood: float


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

    def find(self, volume: Volume, most: int = 3) -> list[FoundHead]:
        """At most so many places in ``volume`` (finite voxels) that look like a head, the likeliest first.

        They are looked for in as many overlapping views as cover the scan.
        """
        scan = Sampler(volume)
        seen = [head for centre in self._centres(volume) for head in self._look(scan, centre, most)]
        chosen: list[FoundHead] = []
        for head in sorted(seen, key=lambda head: -head.likelihood):
            if all(np.linalg.norm(head.centre - other.centre) > _APART for other in chosen):
                chosen.append(head)
        return chosen[:most]

    def another(self, volume: Volume, centre: NDArray[np.float64], radius: float) -> FoundHead | None:
        """The head that is seen when the one around ``centre`` (RAS mm) is painted over, or None.

        The probabilities of all places sum to one, so that the likelier of two heads outshines the other.

        Args:
            volume: finite voxels.
            centre: of the head that is known.
            radius: mm; nothing of that head is further from its centre.
        """
        distances = np.linalg.norm(Grid.of(volume).positions() - centre, axis=1).reshape(volume.shape)
        rim = volume.voxels[(distances >= radius) & (distances < radius + _RIM)]
        if not rim.size:
            return None
        painted = np.where(distances < radius, np.median(rim), volume.voxels).astype(np.float32)
        for head in self.find(replace(volume, voxels=painted)):
            if head.likelihood >= _SURE and np.linalg.norm(head.centre - centre) > radius:
                return head
        return None

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
    def _look(self, scan: Sampler, centre: NDArray, most: int) -> list[FoundHead]:
        """The highest peaks of the map of one view."""
        card = self._card
        grid = Grid.cubic(card.size, card.spacing, centre)
        reading = self._model(*(tensor[None].to(self._device) for tensor in shown(scan, grid)))
        shares = reading.log_probabilities[0, 0].exp().cpu().double().numpy()
        presence = float(torch.sigmoid(reading.presence[0, 0]))
        places = grid.coarsened(card.architecture.coarsening).positions()
        found = []
        for _ in range(most):
            near = np.linalg.norm(places - places[shares.argmax()], axis=1) < _HEAD
            share = float(shares[near].sum())
            if share < _LEAST_SHARE:
                break
            found.append(FoundHead(shares[near] @ places[near] / share, presence * share))
            shares[near] = 0
        return found
