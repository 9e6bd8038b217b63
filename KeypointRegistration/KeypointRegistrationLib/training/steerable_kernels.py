"""Kernels that turn with what they see: bases of steerable kernels, and convolutions confined to them while they learn.

A kernel κ from a field of order l to one of order l' is steerable if κ(Rx) = D_l'(R) κ(x) D_l(R)⁻¹ for every rotation R.  A
basis of them is Q_J Y_J(x/‖x‖) g_r(‖x‖) for |l − l'| ≤ J ≤ l + l': Q_J couples the orders (Wigner 3j), Y_J are the spherical
harmonics (both from e3nn), g_r is a Gaussian shell (Weiler et al. 2018).
"""

from __future__ import annotations

from functools import cache

import torch
from e3nn import o3
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..detection.architecture import Architecture, NetworkKind
from ..detection.network import KeypointDetector
from ..detection.steerable import SteerableConvolution

_SHELLS = ((0.0, 0), (1.0, 3), (2.0, 4))  # radius in voxels, highest order J that the lattice shows there
_SHELL_WIDTH = 0.6  # σ in voxels


class SteerableKernel(nn.Module):
    """Parametrisation of a convolution's weight: coefficients in, steerable kernel out."""

    def __init__(self, convolution: SteerableConvolution) -> None:
        super().__init__()
        self._sources = convolution.sources
        self._target = convolution.target
        for order_out in range(3):
            for order_in in range(3):
                basis = kernel_basis(order_out, order_in, convolution.kernel_size[0])
                self.register_buffer(_name(order_out, order_in), basis, persistent=False)

    def coefficients(self, generator: torch.Generator | None = None) -> Tensor:
        """Random coefficients, one per basis kernel and pair of fields, for outputs of about unit variance."""
        inputs = sum(source.scalars + source.vectors + source.tensors for source in self._sources)
        return torch.cat(
            [
                torch.randn(out * into * len(basis), generator=generator) / (inputs * len(basis)) ** 0.5
                for out, into, basis, _, _ in self._parts()
            ]
        )

    def forward(self, coefficients: Tensor) -> Tensor:
        """Coefficients ``(n,)`` to the kernel ``(channels out, channels in, n, n, n)``."""
        rows: dict[int, list[Tensor]] = {}
        start = 0
        for out, into, basis, order_out, _ in self._parts():
            count = out * into * len(basis)
            weights = coefficients[start : start + count].view(out, into, len(basis))
            start += count
            block = torch.einsum("oib,bmnzyx->ominzyx", weights, basis)
            rows.setdefault(order_out, []).append(block.flatten(2, 3).flatten(0, 1))
        return torch.cat([torch.cat(row, dim=1) for row in rows.values()], dim=0)

    def _parts(self) -> list[tuple[int, int, Tensor, int, int]]:
        """Of each block of the kernel, row by row: fields out, fields in, basis, and the two orders."""
        return [
            (out, into, getattr(self, _name(order_out, order_in)), order_out, order_in)
            for order_out, out in self._target.blocks
            if out
            for source in self._sources
            for order_in, into in source.blocks
            if into
        ]


def confine(network: nn.Module) -> nn.Module:
    """Confine every steerable convolution of ``network`` to steerable kernels, with random coefficients.  Returns it."""
    for module in list(network.modules()):
        if isinstance(module, SteerableConvolution):
            kernel = SteerableKernel(module)
            module.weight = nn.Parameter(kernel.coefficients())
            parametrize.register_parametrization(module, "weight", kernel, unsafe=True)
    return network


def trainable(keypoints: int, architecture: Architecture) -> KeypointDetector:
    """A new detector as it is trained: a steerable one is confined to steerable kernels."""
    detector = KeypointDetector(keypoints, architecture)
    if architecture.kind is NetworkKind.STEERABLE:
        confine(detector)
    return detector


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """State of ``network`` with plain kernels instead of coefficients, as a network that was never confined loads it."""
    state = {name: value for name, value in network.state_dict().items() if ".parametrizations." not in name}
    for name, module in network.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            state[f"{name}.weight"] = module.weight.detach()
    return state


@cache
def kernel_basis(order_out: int, order_in: int, size: int) -> Tensor:
    """All basis kernels ``(count, 2 l_out + 1, 2 l_in + 1, size, size, size)`` of unit norm; axes K, J, I (z, y, x)."""
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    radii = points.norm(dim=-1)
    kernels = []
    for radius, highest in _SHELLS:
        shell = torch.exp(-((radii - radius) ** 2) / (2 * _SHELL_WIDTH**2))
        for order in range(abs(order_out - order_in), min(order_out + order_in, highest) + 1):
            harmonics = o3.spherical_harmonics(order, points, normalize=True) * shell[..., None]
            if order > 0:
                harmonics[radii == 0] = 0.0  # a direction is undefined there
            coupling = o3.wigner_3j(order_out, order_in, order, dtype=torch.float64)
            kernel = torch.einsum("mnj,zyxj->mnzyx", coupling, harmonics)
            kernels.append(kernel / kernel.norm())
    return torch.stack(kernels).float()


def _name(order_out: int, order_in: int) -> str:
    return f"basis_{order_out}{order_in}"
