"""Differentiable closed-form alignment of point clouds, for L_sim.  (At run time ``geometry.alignment`` is used.)"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def affine_between(source: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted least-squares affine from ``source`` to ``target`` ``(B, K, 3)``: linear ``(B, 3, 3)``, offset ``(B, 3)``.

    Solved in float64 with a ridge of 1 mm² towards the identity, so that few or coplanar points still give gradients.
    """
    source, target, weights = source.double(), target.double(), _shares(weights)
    source_mean, target_mean = _mean(source, weights), _mean(target, weights)
    centred = (source - source_mean) * weights
    eye = torch.eye(3, dtype=source.dtype, device=source.device)
    scatter = centred.mT @ (source - source_mean) + eye
    linear = torch.linalg.solve(scatter, centred.mT @ (target - target_mean) + eye).mT
    return linear.float(), (target_mean - source_mean @ linear.mT)[:, 0].float()


def rigid_between(source: Tensor, target: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted Kabsch rotation and offset from ``source`` to ``target`` (shapes as above), never a reflection."""
    source, target, weights = source.double(), target.double(), _shares(weights)
    source_mean, target_mean = _mean(source, weights), _mean(target, weights)
    left, _, right = torch.linalg.svd(((source - source_mean) * weights).mT @ (target - target_mean))
    turn = torch.ones_like(left[:, 0])
    turn[:, 2] = torch.linalg.det(left @ right).sign()
    rotation = (left * turn[:, None] @ right).mT
    return rotation.float(), (target_mean - source_mean @ rotation.mT)[:, 0].float()


def pairs_aligned(means: Tensor, variances: Tensor, rigid: bool) -> tuple[Tensor, Tensor]:
    """Alignments (fixed → moving pull) of pairs of views, of which views 2i are fixed and 2i + 1 moving.

    ``means`` ``(B, K, 3)`` and ``variances`` ``(B, K)`` of the keypoints of all views; weights are 1 / (variances of both).
    """
    fixed, moving = slice(0, None, 2), slice(1, None, 2)
    between = rigid_between if rigid else affine_between
    return between(means[fixed], means[moving], 1 / (variances[fixed] + variances[moving]))


def warped(image: Tensor, linear: Tensor, offset: Tensor, half_width: float) -> tuple[Tensor, Tensor]:
    """``image`` ``(B, 1, N, N, N)`` sampled at linear·x + offset (mm, centred), and where that lies inside the image."""
    theta = torch.cat([linear, offset[:, :, None] / half_width], dim=2)
    lattice = functional.affine_grid(theta, list(image.shape), align_corners=True)
    inside = (lattice.abs() <= 1).all(dim=-1)[:, None]
    return functional.grid_sample(image, lattice, align_corners=True), inside


def _shares(weights: Tensor) -> Tensor:
    weights = weights.double().clamp(min=1e-6)
    return (weights / weights.sum(dim=1, keepdim=True))[..., None]


def _mean(points: Tensor, weights: Tensor) -> Tensor:
    return (points * weights).sum(dim=1, keepdim=True)
