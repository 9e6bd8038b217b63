"""The networks that turn a sampled scan into one logit map per keypoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from .architecture import Architecture, NetworkKind
from .bundle import Card
from .steerable import SteerableUNet


class SpaceToDepthUNet(nn.Module):
    """A 3-D U-Net whose stem folds 2×2×2 voxels into channels, so that no convolution runs at full resolution.

    Input ``(B, 1, N, N, N)`` with intensities in [0, 1], N a multiple of ``2 ** len(widths)``; output ``(B, C, n, n, n)``
    with n = N / ``coarsening``.  With a coarsening of 1 the head's channels are unfolded again, as the stem folded them.
    Group normalisation, because batches are small and channels-last convolutions fast with it.
    """

    def __init__(self, channels_out: int, widths: Sequence[int], coarsening: int = 2) -> None:
        super().__init__()
        self.pool = nn.MaxPool3d(2)
        self.encoders = nn.ModuleList()
        channels = 8
        for width in widths:
            self.encoders.append(nn.Sequential(_convolution(channels, width), _convolution(width, width)))
            channels = width
        self.decoders = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.decoders.append(_convolution(channels + width, width))
            channels = width
        self._unfold = coarsening == 1
        self.head = nn.Conv3d(channels, channels_out * (8 if self._unfold else 1), kernel_size=1)
        if self._unfold:
            _start_alike(self.head)

    def forward(self, image: Tensor) -> Tensor:
        features = _space_to_depth(image)
        skips = []
        for level, encoder in enumerate(self.encoders):
            features = encoder(self.pool(features) if level else features)
            skips.append(features)
        for decoder, skip in zip(self.decoders, reversed(skips[:-1]), strict=True):
            features = decoder(torch.cat([functional.interpolate(features, scale_factor=2.0), skip], dim=1))
        maps = self.head(features)
        return _depth_to_space(maps) if self._unfold else maps


class Reading(NamedTuple):
    """What a detector reads off a view, always in float32.

    Attributes:
        log_probabilities: ``(B, K, n³)`` with n = N / coarsening, each map summing to one over the valid voxels.
        presence: logits ``(B, K)`` that the anatomy is in the view.
        cleaned: ``(B, 1, N, N, N)``, the view as the denoiser hands it on; without a denoiser the view itself.
    """

    log_probabilities: Tensor
    presence: Tensor
    cleaned: Tensor


class KeypointDetector(nn.Module):
    """A network together with what reads keypoints off its logits.

    ``absence`` holds one learned logit per keypoint that competes with all voxels of its map: where no voxel beats it, the
    anatomy is said to be missing (the dustbin of an extended softmax).
    """

    #: Fixed gain on the logits.  With 1, an untrained map is uniform over ten thousand voxels and gradients vanish.
    GAIN = 12.0

    def __init__(self, keypoints: int, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.denoiser = SpaceToDepthUNet(1, architecture.denoiser, coarsening=1) if architecture.denoiser else None
        if architecture.kind is NetworkKind.STEERABLE:
            self.network: nn.Module = SteerableUNet(keypoints, architecture.widths)
        else:
            self.network = SpaceToDepthUNet(keypoints, architecture.widths, architecture.coarsening)
        self.absence = nn.Parameter(torch.zeros(keypoints))

    def forward(self, image: Tensor, valid: Tensor) -> Reading:
        """Probability maps of a view.

        The denoiser learns from its own loss alone: no gradient of the maps reaches it.

        Args:
            image: ``(B, 1, N, N, N)``.
            valid: ``(B, N, N, N)``, true where the scan covers the view.
        """
        cleaned = image if self.denoiser is None else self.denoiser(image).float()
        logits = self.GAIN * self.network(cleaned.detach()).float().flatten(2)
        covered = functional.max_pool3d(valid[:, None].float(), self.architecture.coarsening) > 0
        logits = logits.masked_fill(~covered.flatten(2), -1e4)
        evidence = torch.logsumexp(logits, dim=2, keepdim=True)
        return Reading(logits - evidence, evidence[..., 0] - self.GAIN * self.absence, cleaned)


def bundled_network(card: Card, weights: Path) -> KeypointDetector:
    """The network that ``card`` describes with the ``weights`` of its bundle, ready to read scans."""
    network = KeypointDetector(len(card.labels), card.architecture)
    network.load_state_dict({key: value.float() for key, value in load_file(weights).items()})
    return network.eval()


def _convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, kernel_size=3, padding=1, bias=False),
        nn.GroupNorm(4 if channels_out % 8 else 8, channels_out),
        nn.LeakyReLU(0.1),
    )


def _start_alike(head: nn.Conv3d) -> None:
    """Give the eight parts of each map the same start: maps that begin as a chequerboard stay one for thousands of steps."""
    with torch.no_grad():
        for parameter in head.parameters():
            parts = parameter.unflatten(0, (-1, 8))
            parts.copy_(parts[:, :1].expand_as(parts))


def _space_to_depth(image: Tensor) -> Tensor:
    batch, _, depth, height, width = image.shape
    blocks = image.view(batch, depth // 2, 2, height // 2, 2, width // 2, 2).permute(0, 2, 4, 6, 1, 3, 5)
    folded = blocks.reshape(batch, 8, depth // 2, height // 2, width // 2)
    return folded.contiguous(memory_format=torch.channels_last_3d)


def _depth_to_space(maps: Tensor) -> Tensor:
    """``(B, 8 C, n, n, n)`` to ``(B, C, 2n, 2n, 2n)``: each voxel's eight values become its eight parts."""
    batch, channels, depth, height, width = maps.shape
    blocks = maps.view(batch, channels // 8, 2, 2, 2, depth, height, width).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return blocks.reshape(batch, channels // 8, 2 * depth, 2 * height, 2 * width)
