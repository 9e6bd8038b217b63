"""A pair of scans to benchmark by, as quick to read as can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from KeypointRegistrationLib.evaluation.pairs import Pair, Scans
from KeypointRegistrationLib.geometry.transforms import TransformType
from samples import sample_volume


def small_pair(kind: TransformType) -> Pair:
    """A head and a brighter copy: labelled for an affine alignment, in one space for a rigid one."""

    def read(_rng: np.random.Generator) -> Scans:
        head = sample_volume()
        brighter = replace(head, voxels=head.voxels * 2)
        labels = replace(head, voxels=7 * (head.voxels > 0))
        return (
            Scans(head, brighter, labels, labels) if kind is TransformType.AFFINE else Scans(head, brighter, truth=np.eye(4))
        )

    return Pair("b to a", 0, kind, read)
