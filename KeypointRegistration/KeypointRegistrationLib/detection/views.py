"""What a network is shown of a scan."""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.sampling import Grid, Sampler, coverage
from .intensity import normalised


def shown(scan: Sampler, grid: Grid, counted: NDArray | None = None) -> tuple[Tensor, Tensor]:
    """The scan on ``grid``, interpolated once: intensities in [0, 1], ``(1, N, N, N)``, and where they are known (N, N, N).

    Known is what the scan covers and, where given, is ``counted`` (bool, the grid's shape).
    """
    inside = coverage(scan.volume, grid)
    covered = torch.from_numpy(inside if counted is None else inside & counted)
    return normalised(torch.from_numpy(scan(grid)), covered)[None], covered
