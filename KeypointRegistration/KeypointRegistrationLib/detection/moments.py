"""Closed-form moments of probability maps: mean, covariance and divergence from a Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Moments of probability maps in the grid's own millimetres, centred on the grid, axes I, J, K.

    Attributes:
        means: ``(B, K, 3)`` in mm.
        covariances: ``(B, K, 3, 3)`` in mm², with Sheppard's h²/12 for the extent of a voxel.
        entropies: ``(B, K)`` in nats, of the discrete map.
        spacing: h, in mm.
    """

    means: Tensor
    covariances: Tensor
    entropies: Tensor
    spacing: float

    @property
    def variances(self) -> Tensor:
        """Mean variance per axis, tr Σ / 3, ``(B, K)`` in mm²."""
        return self.covariances.diagonal(dim1=-2, dim2=-1).mean(-1)

    def divergences(self, isotropic: bool) -> Tensor:
        """KL(p ‖ N) in nats, ``(B, K)``, of the piecewise-constant density p from the Gaussian of its own moments.

        ½ log det(2πe Σ) − H − 3 log h: no Gaussian volume is built, and nothing is singular, because Σ ≥ h²/12.
        ``isotropic`` takes Σ → (tr Σ/3) I, which also charges a map for being longer than wide.
        """
        log_det = 3 * torch.log(self.variances) if isotropic else torch.linalg.slogdet(self.covariances).logabsdet
        return 0.5 * (log_det + 3 * math.log(2 * math.pi * math.e)) - self.entropies - 3 * math.log(self.spacing)


def moments(log_probabilities: Tensor, size: int, spacing: float) -> Moments:
    """Moments of maps ``(B, K, size³)`` on a cubic grid with ``spacing`` mm between voxels (I running fastest).

    In the precision of the maps, which should be float32 at least.
    """
    device, precision = log_probabilities.device, log_probabilities.dtype
    axis = (torch.arange(size, device=device, dtype=precision) - (size - 1) / 2) * spacing
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    x, y, z = x.flatten(), y.flatten(), z.flatten()
    basis = torch.stack([x, y, z, x * x, y * y, z * z, x * y, x * z, y * z], dim=1)
    probabilities = log_probabilities.exp()
    raw = probabilities @ basis
    means, second = raw[..., :3], raw[..., 3:]
    square = second[..., [0, 3, 4, 3, 1, 5, 4, 5, 2]].unflatten(-1, (3, 3))
    sheppard = torch.eye(3, device=device, dtype=precision) * spacing**2 / 12
    covariances = square - means.unsqueeze(-1) * means.unsqueeze(-2) + sheppard
    # Far outside the valid region log p is about −1e4 and p underflows to 0: the product is 0, as p log p → 0 demands.
    entropies = -(probabilities * log_probabilities).sum(-1)
    return Moments(means, covariances, entropies, spacing)
