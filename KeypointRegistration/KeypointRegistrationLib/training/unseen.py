"""What a trained detector makes of pairs of synthetic views of people it has not seen: alignments and keypoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..detection.moments import Moments
from ..detection.network import KeypointDetector
from ..geometry.transforms import rotation_angle
from . import closed_form, losses
from .generator import Batch, ViewGenerator
from .poses import PoseRange
from .validation import moments_of


@dataclass(frozen=True)
class PairScores:
    """One pair after the closed-form alignment of its keypoints.  Lengths in mm; not a number where nothing is known.

    Attributes:
        rotation_deg: geodesic angle off the known motion (one subject only).
        corner_mm: mean displacement of the corners of the brain's box off the known motion (one subject only).
        dice: soft Dice of grey matter, white matter and fluid, mean.
        repeatability_mm: median distance of the keypoints of one view from those of the other under the known motion (one
            subject only).
        spread_mm: √tr Σ, median over the keypoints of both views.
        spacing_mm: distance of a keypoint from its nearest neighbour, median.
        divergence: L_KL in nats from a round Gaussian, mean.
    """

    rotation_deg: float
    corner_mm: float
    dice: float
    repeatability_mm: float
    spread_mm: float
    spacing_mm: float
    divergence: float


@dataclass(frozen=True, eq=False)
class Unseen:
    """Scores of pairs, and the class of anatomy under every keypoint of every view, (views, K)."""

    pairs: list[PairScores]
    classes: NDArray[np.intp]


@torch.no_grad()
def look_at_pairs(
    detector: KeypointDetector, views: ViewGenerator, limits: PoseRange, pairs: int, same_subject: bool, rigid: bool
) -> Unseen:
    """Detect, align (``rigid`` or affine, as L_sim does) and score ``pairs`` pairs of one or of two subjects each."""
    detector.eval()
    scores, classes = [], []
    for _ in range(pairs):
        batch = views.pairs(1, [limits], same_subject=float(same_subject))
        found = moments_of(detector(batch.images, batch.valid), detector, views.settings)
        scores.append(_scored(batch, found, views.settings.half_width, same_subject, rigid))
        classes.append(batch.classes_at(found.means, views.settings.spacing).cpu().numpy())
    return Unseen(scores, np.concatenate(classes))


def _scored(batch: Batch, found: Moments, half_width: float, same_subject: bool, rigid: bool) -> PairScores:
    fixed, moving = slice(0, None, 2), slice(1, None, 2)
    linear, offset = closed_form.pairs_aligned(found.means, found.variances, rigid)
    moved, inside = closed_form.warped(batch.tissues[moving], linear, offset, half_width)
    rotation = corner = repeatability = float("nan")
    if same_subject:
        motion = torch.linalg.solve(batch.linear[moving], batch.linear[fixed])
        rotation = _angle(linear[0] @ torch.linalg.inv(motion[0]))
        corners = _brain_box(batch.tissues[:1], half_width)
        truth = batch.moved(torch.cat([corners, corners]))
        corner = float((corners @ linear.mT + offset[:, None] - truth).norm(dim=-1).mean())
        repeatability = float((found.means[moving] - batch.moved(found.means)).norm(dim=-1).median())
    return PairScores(
        rotation_deg=rotation,
        corner_mm=corner,
        dice=1 - float(losses.soft_dice(batch.tissues[fixed], moved, inside)),
        repeatability_mm=repeatability,
        spread_mm=float((3 * found.variances).sqrt().median()),
        spacing_mm=float(_nearest(found.means).median()),
        divergence=float(losses.point_spread(found)),
    )


def _angle(linear: Tensor) -> float:
    matrix = np.eye(4)
    matrix[:3, :3] = linear.double().cpu().numpy()
    return rotation_angle(matrix)


def _brain_box(tissues: Tensor, half_width: float) -> Tensor:
    """Corners ``(1, 8, 3)`` in mm of the box around where tissues ``(1, T, N, N, N)`` fill at least half of a voxel."""
    brain = torch.nonzero(tissues[0].sum(dim=0) > 0.5).flip(1)
    low, high = brain.min(dim=0).values, brain.max(dim=0).values
    corners = torch.cartesian_prod(*torch.stack([low, high], dim=1).float())
    size = tissues.shape[-1]
    return ((corners / (size - 1) - 0.5) * 2 * half_width)[None]


def _nearest(means: Tensor) -> Tensor:
    """Distance ``(B, K)`` of each of the points ``(B, K, 3)`` from its nearest neighbour."""
    distances = torch.cdist(means, means)
    return distances.masked_fill(torch.eye(means.shape[1], dtype=torch.bool, device=means.device), torch.inf).amin(dim=2)
