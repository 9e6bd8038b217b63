"""The terms that shape the keypoints.  ``docs/losses.md`` derives them; the definitions are our own.

Our reading of the paper's three-fold regularisation: L_sim + λ_KL L_KL + λ_var L_var + λ_rep L_rep.  Lengths in mm.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..detection.moments import Moments

_REFERENCE_SPREAD = 10.0  # σ_ref of L_var, mm
_HUBER_WIDTH = 5.0  # mm
_LEAST_LOG_PROBABILITY = -50.0  # where a view was not acquired, maps have none


def point_spread(moments: Moments) -> Tensor:
    """L_KL: mean divergence (nats) of the maps from round Gaussians: each map should be one point spread function."""
    return moments.divergences(isotropic=True).mean()


def sharpness(moments: Moments) -> Tensor:
    """L_var: mean of max(0, tr Σ/3 − σ_min²)/σ_ref², with σ_min = 0.8 h (never sharper than the grid can show)."""
    floor = (0.8 * moments.spacing) ** 2
    return functional.relu(moments.variances - floor).mean() / _REFERENCE_SPREAD**2


def repulsion(means: Tensor, reach: float) -> Tensor:
    """L_rep: (K/2)·mean over pairs of exp(−d/τ), d smoothed by 1 mm, for means ``(B, K, 3)`` and τ = ``reach`` mm.

    The Laplace kernel still pushes when two keypoints coincide, where a Gaussian's force vanishes.
    """
    count = means.shape[1]
    first, second = torch.triu_indices(count, count, offset=1, device=means.device)
    distances = torch.sqrt((means[:, first] - means[:, second]).square().sum(-1) + 1.0)
    return 0.5 * count * torch.exp(-distances / reach).mean()


def distance(found: Tensor, wanted: Tensor, present: Tensor) -> Tensor:
    """Mean Huber distance, in units of 5 mm, between points ``(B, K, 3)`` where ``present`` ``(B, K)`` is true.

    With wanted = known motion of the other scan's keypoints this is the pose consistency of simulated pairs; with
    wanted = moved reference points it is KeyMorph-style pre-training.
    """
    lengths = torch.sqrt((found - wanted).square().sum(-1) + 1e-6)
    losses = functional.huber_loss(lengths, torch.zeros_like(lengths), reduction="none", delta=_HUBER_WIDTH)
    return (losses * present).sum() / (_HUBER_WIDTH**2 * present.sum().clamp(min=1))


def reference_map(log_probabilities: Tensor, axis: Tensor, wanted: Tensor, present: Tensor, spread: float) -> Tensor:
    """Mean divergence (nats) of Gaussians at the reference points from the maps, where ``present`` ``(B, K)`` is true.

    KL(g ‖ p), g proportional to exp(−‖x − r‖²/2σ²) on the voxels.  Unlike ``distance``, whose gradient dies where a map is
    a wrong spike, it pulls at every voxel of a map.  g is a product of one factor per axis, and so is its normalisation.

    Args:
        log_probabilities: ``(B, K, n³)``, x running fastest.
        axis: mm, ``(n,)``, where the voxels are along each axis.
        wanted: reference points r, mm, ``(B, K, 3)``.
        spread: σ, mm.
    """
    squares = (wanted.float().unsqueeze(-1) - axis).square()
    log_factors = functional.log_softmax(-squares / (2 * spread**2), dim=-1)
    x, y, z = log_factors.exp().unbind(2)
    target = (z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]).flatten(2)
    negative_entropy = (log_factors.exp() * log_factors).sum(dim=(-1, -2))
    cross_entropy = -torch.linalg.vecdot(target, log_probabilities.clamp(min=_LEAST_LOG_PROBABILITY))
    divergences = negative_entropy + cross_entropy
    return (divergences * present).sum() / present.sum().clamp(min=1)


def similarity(fixed: Tensor, moved: Tensor, valid: Tensor) -> Tensor:
    """L_sim: mean squared difference of two renderings ``(B, 1, N, N, N)`` in units of the fixed one's variance.

    The renderings show both scans' anatomy in one canonical contrast, so the loss is blind to the scans' own contrasts.
    ``valid`` (same shape) is true where the moved rendering is known.
    """
    weight = valid.to(fixed.dtype)
    total = weight.sum(dim=(1, 2, 3, 4)).clamp(min=1)
    error = ((fixed - moved).square() * weight).sum(dim=(1, 2, 3, 4)) / total
    return (error / fixed.var(dim=(1, 2, 3, 4)).clamp(min=1e-6)).mean()


def soft_dice(fixed: Tensor, moved: Tensor, valid: Tensor) -> Tensor:
    """1 − mean soft Dice of tissue maps ``(B, T, N, N, N)`` (shares of each voxel, 0 to 1): the supervised fit.

    Dice of a tissue: 2 Σ a b / Σ (a² + b²), which is 1 for equal maps also where voxels are shared (Milletari et al. 2016).
    ``valid`` ``(B, 1, N, N, N)`` is true where the moved maps are known.
    """
    weight = valid.to(fixed.dtype)
    both = (fixed * moved * weight).sum(dim=(2, 3, 4))
    either = ((fixed.square() + moved.square()) * weight).sum(dim=(2, 3, 4))
    return 1 - (2 * both / either.clamp(min=1e-6)).mean()


def denoising(cleaned: Tensor, clean: Tensor) -> Tensor:
    """Mean squared difference of the denoiser's output and the clean rendering, in units of the rendering's variance."""
    return (cleaned - clean).square().mean() / clean.var().clamp(min=1e-6)


def presence(logits: Tensor, present: Tensor) -> Tensor:
    """Binary cross-entropy (nats) of the learned presence, both ``(B, K)``."""
    return functional.binary_cross_entropy_with_logits(logits, present.to(logits.dtype))
