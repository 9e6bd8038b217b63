"""The loss of a batch: which terms, how weighted, on what."""

from __future__ import annotations

import torch
from torch import Tensor

from ..detection.moments import Moments
from ..detection.network import KeypointDetector, Reading
from . import closed_form, losses
from .config import LossConfig
from .generator import Batch, ViewSettings, lattice_axis
from .validation import moments_of

#: The terms of the loss, by their names in the configuration and the log.
TERMS = (
    "reference", "reference_map", "pose", "similarity", "dice",
    "point_spread", "sharpness", "repulsion", "presence", "denoise",
)  # fmt: skip


class Objective:
    """The weighted sum of the terms.

    L = λ_ref L_ref + λ_map L_map + λ_pose L_pose + λ_sim L_sim + λ_dice L_dice + λ_KL L_KL + λ_var L_var + λ_rep L_rep
    + λ_presence L_presence + λ_denoise L_denoise.
    """

    def __init__(self, config: LossConfig, view: ViewSettings) -> None:
        self._config = config
        self._view = view

    def __call__(
        self, detector: KeypointDetector, batch: Batch, sharpening: float, first: int | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss and, for the log, its unweighted terms.

        ``sharpening`` (0 to 1) scales the sharpness term.  The pair is aligned by its ``first`` keypoints, by default all.
        """
        reading = detector(batch.images, batch.valid)
        found = moments_of(reading, detector, self._view)
        weights = {name: getattr(self._config, name) for name in TERMS}
        compute = {
            "reference": lambda: losses.distance(found.means, batch.points, batch.present),
            "reference_map": lambda: self._reference_map(reading, detector, batch),
            "pose": lambda: self._pose(found, batch),
            "similarity": lambda: self._similarity(found, batch, first),
            "dice": lambda: self._dice(found, batch, first),
            "point_spread": lambda: losses.point_spread(found),
            "sharpness": lambda: losses.sharpness(found),
            "repulsion": lambda: losses.repulsion(found.means, self._config.repulsion_reach),
            "presence": lambda: losses.presence(reading.presence, batch.present),
            "denoise": lambda: losses.denoising(reading.cleaned, batch.renderings),
        }
        terms = {name: compute[name]() for name, weight in weights.items() if weight > 0}
        growing = {"sharpness": sharpening}
        total = torch.stack([weights[name] * growing.get(name, 1.0) * term for name, term in terms.items()]).sum()
        return total, {name: float(term.detach()) for name, term in terms.items()}

    def _reference_map(self, reading: Reading, detector: KeypointDetector, batch: Batch) -> Tensor:
        """The maps compared with Gaussians at the reference points, as narrow as is asked for."""
        coarsening = detector.architecture.coarsening
        spacing = coarsening * self._view.spacing
        axis = lattice_axis(self._view.size // coarsening, spacing, batch.points.device)
        spread = self._config.reference_map_spread * spacing
        return losses.reference_map(reading.log_probabilities, axis, batch.points, batch.present, spread)

    def _pose(self, found: Moments, batch: Batch) -> Tensor:
        """Consistency of the second view's keypoints with the first one's under the known motion between them."""
        first, second = slice(0, None, 2), slice(1, None, 2)
        both = batch.present[first] & batch.present[second] & batch.same_subject[:, None]
        return losses.distance(found.means[second], batch.moved(found.means), both)

    def _similarity(self, found: Moments, batch: Batch, first: int | None) -> Tensor:
        """Renderings of the pair compared after the closed-form alignment of their keypoints."""
        moved, inside = self._aligned(found, batch.renderings, first)
        return losses.similarity(batch.renderings[0::2], moved, inside)

    def _dice(self, found: Moments, batch: Batch, first: int | None) -> Tensor:
        """Tissue maps of the pair compared after the closed-form alignment of their keypoints."""
        moved, inside = self._aligned(found, batch.tissues, first)
        return losses.soft_dice(batch.tissues[0::2], moved, inside)

    def _aligned(self, found: Moments, volumes: Tensor, first: int | None) -> tuple[Tensor, Tensor]:
        """Volumes ``(B, C, N, N, N)`` of the moving views on the fixed ones' grids (fixed → moving pull), where known."""
        rigid = self._config.similarity_transform == "rigid"
        linear, offset = closed_form.pairs_aligned(found.means[:, :first], found.variances[:, :first], rigid)
        return closed_form.warped(volumes[1::2], linear, offset, self._view.half_width)
