"""Anatomical consistency: does a keypoint fall into the same structure in every scan?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Consistency:
    """Means over keypoints.

    Attributes:
        share: of the scans in which a keypoint falls into its most frequent structure (1: always the same).
        entropy: of the structures that a keypoint falls into, in nats (0: always the same).
    """

    share: float
    entropy: float


def consistency(structures: ArrayLike) -> Consistency:
    """Consistency of ``structures`` (scans, K): the structure under keypoint k in every scan, outside being one too.

    Raises:
        ValueError: if there is no scan or no keypoint.
    """
    columns = np.asarray(structures).T
    if columns.ndim != 2 or not columns.size:
        raise ValueError(f"Structures must be a table of scans and keypoints, not of shape {columns.shape}.")
    shares = [np.unique(column, return_counts=True)[1] / len(column) for column in columns]
    return Consistency(
        share=float(np.mean([counts.max() for counts in shares])),
        entropy=float(np.mean([-(counts * np.log(counts)).sum() for counts in shares])),
    )
