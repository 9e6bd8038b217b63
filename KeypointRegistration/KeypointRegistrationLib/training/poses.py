"""Random poses: how a synthetic view looks at a head, and where the head's points appear in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

_REACH = 130.0  # mm from the brain's centre to where warps are defined


@dataclass(frozen=True)
class PoseRange:
    """How far views may differ from an upright, centred head.

    Attributes:
        rotation: largest angle in degrees about a random axis.
        shift: largest distance in mm of the brain from the middle of the view, along each axis.
        scale: largest relative size change per axis (0.15: 0.87 to 1.15).
        shear: largest shear.
        warp: largest standard deviation in mm of the smooth elastic displacement.
    """

    rotation: float
    shift: float
    scale: float
    shear: float
    warp: float


@dataclass(frozen=True)
class Warp:
    """A smooth elastic displacement: a lattice ``(1, 3, n, n, n)`` of mm over the cube of half-width ``_REACH`` mm."""

    lattice: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """Displacement (mm) at upright points ``(..., 3)`` in mm from the brain's centre."""
        place = (points / _REACH).reshape(1, 1, 1, -1, 3)
        moved = functional.grid_sample(self.lattice, place, padding_mode="border", align_corners=True)
        return moved.reshape(3, -1).T.reshape(points.shape)


@dataclass(frozen=True)
class View:
    """A view: the point x (mm, centred on the view's grid) shows the upright point q = linear·(x − shift), which in the
    head is at centre + q + warp(q).  Two views that share their warp differ by an affine motion that is known exactly.
    """

    centre: Tensor
    linear: Tensor
    shift: Tensor
    warp: Warp

    def to_head(self, points: Tensor) -> Tensor:
        """Head positions (RAS mm) of view points ``(..., 3)`` (mm)."""
        upright = (points - self.shift) @ self.linear.T
        return self.centre + upright + self.warp(upright)

    def from_head(self, points: Tensor) -> Tensor:
        """View points (mm) at which head positions ``(N, 3)`` appear; the warp is undone by fixed-point iteration."""
        upright = points - self.centre
        for _ in range(8):
            upright = points - self.centre - self.warp(upright)
        return upright @ torch.linalg.inv(self.linear).T + self.shift


def random_warp(limits: PoseRange, rng: Generator) -> Warp:
    """A warp whose strength is uniform up to ``limits.warp`` mm and whose knots are about 50 mm apart."""
    knots = torch.randn(1, 3, 6, 6, 6, generator=rng, device=rng.device)
    strength = limits.warp * torch.rand(1, generator=rng, device=rng.device)
    return Warp(functional.interpolate(knots * strength, size=16, mode="trilinear", align_corners=True))


def random_view(centre: Tensor, warp: Warp, limits: PoseRange, rng: Generator) -> View:
    """A view of a head whose brain is centred on ``centre`` (RAS mm), with everything drawn uniformly within ``limits``."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng, device=rng.device) * 2 - 1

    axis = functional.normalize(torch.randn(3, generator=rng, device=rng.device), dim=0)
    rotation = torch.linalg.matrix_exp(_cross(axis) * torch.deg2rad(uniform(1) * limits.rotation))
    scale = torch.diag((1 + limits.scale) ** uniform(3))
    shear = torch.eye(3, device=rng.device) + torch.triu(uniform(3, 3) * limits.shear, diagonal=1)
    return View(centre, rotation @ shear @ scale, uniform(3) * limits.shift, warp)


def _cross(v: Tensor) -> Tensor:
    zero = torch.zeros((), device=v.device)
    return torch.stack(
        [torch.stack([zero, -v[2], v[1]]), torch.stack([v[2], zero, -v[0]]), torch.stack([-v[1], v[0], zero])]
    )
