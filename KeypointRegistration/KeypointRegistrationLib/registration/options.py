"""What can be asked of a registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.transforms import TransformType

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
