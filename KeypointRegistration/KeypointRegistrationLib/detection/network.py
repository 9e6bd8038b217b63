"""The networks that turn a sampled scan into one logit map per keypoint."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class SpaceToDepthUNet(nn.Module):
    """A 3-D U-Net whose stem folds 2×2×2 voxels into channels, so that no convolution runs at full resolution.

    Input ``(B, 1, N, N, N)`` with intensities in [0, 1], N a multiple of ``2 ** len(widths)``; output logits
    ``(B, K, N/2, N/2, N/2)``.  Group normalisation, because batches are small and channels-last convolutions fast with it.
    """

    def __init__(self, keypoints: int, widths: Sequence[int] = (32, 64, 96, 128)) -> None:
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
        self.head = nn.Conv3d(channels, keypoints, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        features = _space_to_depth(image)
        skips = []
        for level, encoder in enumerate(self.encoders):
            features = encoder(self.pool(features) if level else features)
            skips.append(features)
        for decoder, skip in zip(self.decoders, reversed(skips[:-1]), strict=True):
            features = decoder(torch.cat([functional.interpolate(features, scale_factor=2.0), skip], dim=1))
        return self.head(features)


class KeypointDetector(nn.Module):
    """A network together with what reads keypoints off its logits.

    ``absence`` holds one learned logit per keypoint that competes with all voxels of its map: where no voxel beats it, the
    anatomy is said to be missing (the dustbin of an extended softmax).
    """

    #: Fixed gain on the logits.  With 1, an untrained map is uniform over ten thousand voxels and gradients vanish.
    GAIN = 12.0

    def __init__(self, keypoints: int, widths: Sequence[int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        self.network = SpaceToDepthUNet(keypoints, widths)
        self.absence = nn.Parameter(torch.zeros(keypoints))

    def forward(self, image: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability maps and presence logits.

        Args:
            image: ``(B, 1, N, N, N)``.
            valid: ``(B, n, n, n)`` with n = N/2, true where the scan covers the map.

        Returns:
            log-probabilities ``(B, K, n³)``, each map summing to one over the valid voxels, and logits ``(B, K)`` that the
            anatomy is present.  Always in float32.
        """
        logits = self.GAIN * self.network(image).float().flatten(2)
        logits = logits.masked_fill(~valid.flatten(1)[:, None], -1e4)
        evidence = torch.logsumexp(logits, dim=2, keepdim=True)
        return logits - evidence, (evidence[..., 0] - self.GAIN * self.absence) / self.GAIN


def _convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, kernel_size=3, padding=1, bias=False),
        nn.GroupNorm(8, channels_out),
        nn.LeakyReLU(0.1),
    )


def _space_to_depth(image: Tensor) -> Tensor:
    batch, _, depth, height, width = image.shape
    blocks = image.view(batch, depth // 2, 2, height // 2, 2, width // 2, 2).permute(0, 2, 4, 6, 1, 3, 5)
    folded = blocks.reshape(batch, 8, depth // 2, height // 2, width // 2)
    return folded.contiguous(memory_format=torch.channels_last_3d)
