"""Intensities as the network expects them."""

from __future__ import annotations

import torch
from torch import Tensor


def normalised(image: Tensor, covered: Tensor | None = None) -> Tensor:
    """Values mapped to [0, 1] between the 0.1 and 99.9 percentiles of the ``covered`` voxels, 0 elsewhere."""
    values = image.flatten() if covered is None else image[covered]
    if values.numel() == 0:
        return torch.zeros_like(image)
    low, high = torch.quantile(values, torch.tensor([0.001, 0.999], device=image.device))
    scaled = ((image - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    return scaled if covered is None else scaled * covered
