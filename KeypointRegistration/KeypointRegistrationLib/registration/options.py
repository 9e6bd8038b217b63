"""What can be asked of a registration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import TransformType

#: Where the network may be asked to run.
DEVICES = ("auto", "cpu", "cuda", "mps")

#: Called with the finished fraction (0 to 1) and the name of the stage that begins.
Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class RegistrationOptions:
    """How to register one pair.

    Attributes:
        model: name of a model bundle.
        transform_type: what the alignment may change.
        refine: whether to follow the keypoint alignment by intensity refinement.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        heatmaps: whether to keep the probability maps in the result.
        initial: 4×4 moving → fixed RAS starting pose, or None.  The network needs none; it settles symmetric cases.
    """

    model: str = "brain-affine"
    transform_type: TransformType = TransformType.AFFINE
    refine: bool = True
    device: str = "auto"
    heatmaps: bool = False
    initial: NDArray[np.float64] | None = None

    @classmethod
    def from_words(
        cls,
        *,
        model: str = "brain-affine",
        transform: str = "affine",
        refine: bool = True,
        device: str = "auto",
        heatmaps: bool = False,
        initial: Sequence[Sequence[float]] | NDArray[np.float64] | None = None,
    ) -> RegistrationOptions:
        """Options as a command line, a message or a script says them.

        Args:
            transform: ``rigid``, ``similarity`` or ``affine``.
            initial: 4×4 moving → fixed RAS (mm), or None.
            model, refine, device, heatmaps: see the attributes.

        Raises:
            InputError: if a word or the matrix means nothing here.
        """
        kinds = [kind.value for kind in TransformType]
        if transform not in kinds:
            raise InputError(f"{transform} is not a type of transform. Choose {', '.join(kinds)}.")
        if device not in DEVICES:
            raise InputError(f"{device} is not a device. Choose {', '.join(DEVICES)}.")
        pose = None if initial is None else np.array(initial, dtype=float)
        if pose is not None and (pose.shape != (4, 4) or not np.isfinite(pose).all()):
            raise InputError(
                "The initial transform is not a 4×4 matrix of numbers. Give moving → fixed, in RAS millimetres."
            )
        return cls(model, TransformType(transform), refine, device, heatmaps, pose)
