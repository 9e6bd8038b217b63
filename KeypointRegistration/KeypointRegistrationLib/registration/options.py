"""What can be asked of a registration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..geometry.errors import InputError
from ..geometry.transforms import TransformType

#: Where the network may be asked to run.
DEVICES = ("auto", "cpu", "cuda", "mps")

#: Called with the finished fraction (0 to 1) and the name of the stage that begins.
Progress = Callable[[float, str], None]


#: Fewer keypoints are not registered with: nothing could contradict a wrong one.
FEWEST_KEYPOINTS = 6


class KeypointChoice(Enum):
    """Which keypoints an alignment uses.  The value is the word used on the command line."""

    ALL = "all"
    AUTO = "auto"  # as few of each pair's as determine the alignment nearly as well as all


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
        keypoints: which are used; a number stands for the model's first so many, all where it has no more.
    """

    model: str = "brain-affine"
    transform_type: TransformType = TransformType.AFFINE
    refine: bool = True
    device: str = "auto"
    heatmaps: bool = False
    initial: NDArray[np.float64] | None = None
    keypoints: KeypointChoice | int = KeypointChoice.ALL

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
        keypoints: str = "all",
    ) -> RegistrationOptions:
        """Options as a command line, a message or a script says them.

        Args:
            transform: ``rigid``, ``similarity`` or ``affine``.
            initial: 4×4 moving → fixed RAS (mm), or None.
            keypoints: ``all``, ``auto`` or a number.
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
        return cls(model, TransformType(transform), refine, device, heatmaps, pose, _chosen_keypoints(keypoints))


def _chosen_keypoints(word: str) -> KeypointChoice | int:
    if word in [choice.value for choice in KeypointChoice]:
        return KeypointChoice(word)
    if not word.isdecimal() or int(word) < FEWEST_KEYPOINTS:
        raise InputError(
            f"{word} does not say which keypoints to use. Choose all, auto, or a number of at least {FEWEST_KEYPOINTS}."
        )
    return int(word)
