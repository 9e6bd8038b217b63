"""Keypoints as distributions: where, how sure, how well shaped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: A keypoint less likely than this to be in its scan counts as missing there.
LEAST_PRESENCE = 0.5


@dataclass(frozen=True, eq=False)
class Keypoints:
    """K probabilistic keypoints of one scan.  Index k means the same anatomy in every scan.

    Attributes:
        labels: K names.
        positions: means in RAS mm, shape (K, 3).
        covariances: of the probability maps in mm², shape (K, 3, 3).  The *spread* of a map, not the error of its mean.
        presence: probability that the anatomy is in the scan at all, shape (K,).
        divergences: Kullback-Leibler divergence in nats of each map from the Gaussian of its own moments, shape (K,):
            0 for a clean point spread function, large for a smeared or split one.
    """

    labels: tuple[str, ...]
    positions: NDArray[np.float64]
    covariances: NDArray[np.float64]
    presence: NDArray[np.float64]
    divergences: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.labels)
        shapes = {"positions": (count, 3), "covariances": (count, 3, 3), "presence": (count,), "divergences": (count,)}
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=float)
            if array.shape != shape:
                raise ValueError(f"{name} of {count} keypoints must have shape {shape}, not {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "labels", tuple(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """Root-mean-square radius in mm of each probability map, sqrt(trace Σ), shape (K,)."""
        return np.sqrt(np.trace(self.covariances, axis1=1, axis2=2))

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which keypoints are in the scan, shape (K,)."""
        return self.presence >= LEAST_PRESENCE

    def moved(self, matrix: ArrayLike) -> Keypoints:
        """The keypoints after a 4×4 RAS→RAS affine ``matrix`` has moved the scan (covariances turn and scale along)."""
        matrix = np.asarray(matrix, dtype=float)
        linear = matrix[:3, :3]
        return replace(
            self,
            positions=self.positions @ linear.T + matrix[:3, 3],
            covariances=linear @ self.covariances @ linear.T,
        )
