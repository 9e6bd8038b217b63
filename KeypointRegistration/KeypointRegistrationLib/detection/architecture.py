"""What a network is built from, as written on a bundle's card and in a training's configuration.  Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ..geometry.errors import InputError


class NetworkKind(str, Enum):
    """The kinds of network, by their names on cards and in configurations."""

    UNET = "space-to-depth U-Net"
    STEERABLE = "steerable U-Net"


@dataclass(frozen=True)
class Architecture:
    """Everything needed to build a network for a number of keypoints.

    Attributes:
        kind: of the network that makes the maps.
        widths: its channels per level; of a steerable network its scalar fields per level (``detection.steerable``).
        coarsening: voxels of the view per voxel of a map, along each axis: 1 or 2.
        denoiser: channels per level of the network that cleans the view first; none where empty.

    Raises:
        InputError: if the parts do not fit together.
    """

    kind: NetworkKind
    widths: tuple[int, ...]
    coarsening: int = 2
    denoiser: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.coarsening not in (1, 2):
            raise InputError(f"Maps cannot be {self.coarsening} times as coarse as the view. Choose 1 or 2.")
        if self.kind is NetworkKind.STEERABLE and self.coarsening != 2:
            raise InputError("The maps of a steerable network are twice as coarse as the view. Set coarsening = 2.")
        for name, widths in (("widths", self.widths), ("denoiser", self.denoiser)):
            if any(width < 4 or width % 4 for width in widths):
                raise InputError(f"The channels in {name} must be multiples of four, not {list(widths)}.")
        if len(self.widths) < 2:
            raise InputError("A network needs channels for at least two levels in widths.")

    @property
    def title(self) -> str:
        """In words."""
        denoised = f" after a denoiser of {_joined(self.denoiser)}" if self.denoiser else ""
        fineness = "as fine" if self.coarsening == 1 else "half as fine"
        return f"{self.kind.value} of {_joined(self.widths)}{denoised}, maps {fineness} as the view"


def _joined(widths: Sequence[int]) -> str:
    return "-".join(str(width) for width in widths)
