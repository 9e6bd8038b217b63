"""A rotation-equivariant network: feature maps are fields of scalars, vectors and tensors, mixed by steerable kernels.

After the 3-D steerable CNNs of Weiler et al. (2018), which EquiTrack uses; the layout is our own.  What runs here are plain
convolutions and gates: that their kernels are steerable is the business of the training (``training.steerable_kernels``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_KERNEL = 5  # voxels per side; three cannot hold second-order harmonics without strong aliasing
_STEM_KERNEL = 6  # even, so that a stride of 2 keeps the middle of the grid in the middle

_EPSILON = 1e-5


@dataclass(frozen=True)
class Fields:
    """How many fields of each order a feature map has: scalars (l = 0), vectors (1) and traceless tensors (2).

    Channels are ordered by order, the 2l + 1 components of a field side by side.
    """

    scalars: int
    vectors: int = 0
    tensors: int = 0

    @classmethod
    def of_width(cls, width: int) -> Fields:
        """``width`` scalars, half as many vectors and a quarter as many tensors."""
        return cls(width, width // 2, width // 4)

    @property
    def gates(self) -> int:
        """One for each field that is not a scalar."""
        return self.vectors + self.tensors

    @property
    def gated(self) -> Fields:
        """What a convolution makes so that these fields can be gated: one more scalar for each gate."""
        return Fields(self.scalars + self.gates, self.vectors, self.tensors)

    @property
    def handed(self) -> Fields:
        """What a block hands on: its fields, and for each three vectors in a row how right-handed they are."""
        return Fields(self.scalars + (self.vectors if self.vectors > 2 else 0), self.vectors, self.tensors)

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """(order, count) of each kind of field."""
        return (0, self.scalars), (1, self.vectors), (2, self.tensors)

    @property
    def channels(self) -> int:
        """Components of all fields."""
        return sum((2 * order + 1) * count for order, count in self.blocks)


class SteerableConvolution(nn.Conv3d):
    """A convolution from the fields of several feature maps, concatenated, to those of one; with ``halving`` to half as
    many voxels along each axis.
    """

    def __init__(self, sources: Sequence[Fields], target: Fields, halving: bool = False) -> None:
        channels = sum(source.channels for source in sources)
        size, stride = (_STEM_KERNEL, 2) if halving else (_KERNEL, 1)
        super().__init__(channels, target.channels, size, stride, padding=2, bias=False)
        self.sources = tuple(sources)
        self.target = target


class GatedBlock(nn.Module):
    """Convolution, normalisation and gates.

    Scalars get mean 0 and variance 1 over space, a learned scale and offset, and a leaky ReLU; vectors and tensors get a
    mean squared length of 1 over space and are multiplied by the sigmoid of their own gate.  All of it commutes with
    rotations, as only lengths and scalars are looked at.
    """

    def __init__(self, sources: Sequence[Fields], target: Fields, halving: bool = False) -> None:
        super().__init__()
        self.fields = target
        self.convolution = SteerableConvolution(sources, target.gated, halving)
        self.scale = nn.Parameter(torch.ones(target.gated.scalars))
        self.offset = nn.Parameter(torch.zeros(target.gated.scalars))

    def forward(self, features: Tensor) -> Tensor:
        """``(B, channels of the sources, n, n, n)`` to ``(B, channels of the target, n, n, n)``."""
        fields = self.fields
        scalars, vectors, tensors = self.convolution(features).split(
            [fields.gated.scalars, 3 * fields.vectors, 5 * fields.tensors], dim=1
        )
        scalars = functional.instance_norm(scalars, weight=self.scale, bias=self.offset, eps=_EPSILON)
        values, gates = scalars.split([fields.scalars, fields.gates], dim=1)
        gates = torch.sigmoid(gates)[:, :, None]
        vectors = _unit_length_on_average(vectors.unflatten(1, (-1, 3)))
        tensors = _unit_length_on_average(tensors.unflatten(1, (-1, 5)))
        return torch.cat(
            [
                functional.leaky_relu(values, 0.1),
                handedness(vectors),
                (vectors * gates[:, : fields.vectors]).flatten(1, 2),
                (tensors * gates[:, fields.vectors :]).flatten(1, 2),
            ],
            dim=1,
        )


def handedness(vectors: Tensor) -> Tensor:
    """How right-handed each three vectors in a row are, from −1 to 1: ``(B, n, 3, …)`` to ``(B, n, …)``; none for n < 3.

    The triple product a · (b × c) of vectors shortened to v / √(1 + ‖v‖²).  It is what tells left from right, given up and
    front: rotations keep it and reflections turn its sign.  Gates alone make it only over several layers.
    """
    if vectors.shape[1] < 3:
        return vectors.new_zeros(vectors[:, :0, 0].shape)
    first = vectors * torch.rsqrt(1.0 + vectors.square().sum(dim=2, keepdim=True))
    second, third = first.roll(-1, dims=1), first.roll(-2, dims=1)
    return (first * torch.linalg.cross(second, third, dim=2)).sum(dim=2)


def _unit_length_on_average(field: Tensor) -> Tensor:
    """``(B, n, components, d, h, w)`` with a mean squared length of 1 over space."""
    lengths = field.square().sum(dim=2, keepdim=True).mean(dim=(3, 4, 5), keepdim=True)
    return field * torch.rsqrt(lengths + _EPSILON)


class SteerableUNet(nn.Module):
    """A U-Net whose first block halves the resolution; the maps are scalar fields at half resolution.

    Input ``(B, 1, N, N, N)``, N a multiple of ``2 ** len(widths)``; output logits ``(B, K, N/2, N/2, N/2)``.  Turning the
    input by quarter turns turns the output exactly; other rotations within what the grid allows.  Means of 2×2×2 voxels and
    trilinear interpolation between levels, which commute with quarter turns too.
    """

    def __init__(self, keypoints: int, widths: Sequence[int]) -> None:
        super().__init__()
        stem, *levels = (Fields.of_width(width) for width in widths)
        self.stem = nn.Sequential(GatedBlock([Fields(1)], stem, halving=True), GatedBlock([stem.handed], stem))
        self.encoders = nn.ModuleList()
        below = stem
        for fields in levels:
            self.encoders.append(nn.Sequential(GatedBlock([below.handed], fields), GatedBlock([fields.handed], fields)))
            below = fields
        self.decoders = nn.ModuleList()
        for fields in reversed([stem, *levels[:-1]]):
            self.decoders.append(GatedBlock([below.handed, fields.handed], fields))
            below = fields
        self.head = SteerableConvolution([below.handed], Fields(keypoints))

    def forward(self, image: Tensor) -> Tensor:
        features = self.stem(image)
        skips = [features]
        for encoder in self.encoders:
            features = encoder(functional.avg_pool3d(features, 2))
            skips.append(features)
        for decoder, skip in zip(self.decoders, reversed(skips[:-1]), strict=True):
            finer = functional.interpolate(features, scale_factor=2.0, mode="trilinear")
            features = decoder(torch.cat([finer, skip], dim=1))
        return self.head(features)
