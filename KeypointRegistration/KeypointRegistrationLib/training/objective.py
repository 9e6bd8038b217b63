"""The loss of a batch: which terms, how weighted, on what."""

from __future__ import annotations

import torch
from torch import Tensor

from ..detection.moments import Moments, moments
from ..detection.network import KeypointDetector
from . import closed_form, losses
from .config import LossConfig
from .generator import Batch, ViewSettings


class Objective:
    """L = λ_ref L_ref + λ_pose L_pose + L_sim terms + λ_KL L_KL + λ_var L_var + λ_rep L_rep + λ_presence L_presence."""

    def __init__(self, config: LossConfig, view: ViewSettings) -> None:
        self._config = config
        self._view = view

    def __call__(self, detector: KeypointDetector, batch: Batch, sharpening: float) -> tuple[Tensor, dict[str, float]]:
        """Loss and, for the log, its unweighted terms.  ``sharpening`` (0 to 1) scales the sharpness term."""
        log_probabilities, presence_logits = detector(batch.images, batch.valid)
        found = moments(log_probabilities, self._view.size // 2, 2 * self._view.spacing)
        weights = {
            "reference": self._config.reference,
            "pose": self._config.pose,
            "similarity": self._config.similarity,
            "point_spread": self._config.point_spread,
            "sharpness": self._config.sharpness,
            "repulsion": self._config.repulsion,
            "presence": self._config.presence,
        }
        compute = {
            "reference": lambda: losses.distance(found.means, batch.points, batch.present),
            "pose": lambda: self._pose(found, batch),
            "similarity": lambda: self._similarity(found, batch),
            "point_spread": lambda: losses.point_spread(found),
            "sharpness": lambda: losses.sharpness(found),
            "repulsion": lambda: losses.repulsion(found.means, self._config.repulsion_reach),
            "presence": lambda: losses.presence(presence_logits, batch.present),
        }
        terms = {name: compute[name]() for name, weight in weights.items() if weight > 0}
        growing = {"sharpness": sharpening}
        total = torch.stack([weights[name] * growing.get(name, 1.0) * term for name, term in terms.items()]).sum()
        return total, {name: float(term.detach()) for name, term in terms.items()}

    def _pose(self, found: Moments, batch: Batch) -> Tensor:
        """Consistency under the known motion between the two views of one subject, x₂ = L₂⁻¹ L₁ (x₁ − s₁) + s₂."""
        first, second = slice(0, None, 2), slice(1, None, 2)
        motion = torch.linalg.solve(batch.linear[second], batch.linear[first])
        expected = (found.means[first] - batch.shift[first, None]) @ motion.mT + batch.shift[second, None]
        both = batch.present[first] & batch.present[second] & batch.same_subject[:, None]
        return losses.distance(found.means[second], expected, both)

    def _similarity(self, found: Moments, batch: Batch) -> Tensor:
        """Renderings of the pair compared after the closed-form alignment of their keypoints (fixed → moving pull)."""
        fixed, moving = slice(0, None, 2), slice(1, None, 2)
        between = closed_form.rigid_between if self._config.similarity_transform == "rigid" else closed_form.affine_between
        weights = 1 / (found.variances[fixed] + found.variances[moving])
        linear, offset = between(found.means[fixed], found.means[moving], weights)
        moved, inside = closed_form.warped(batch.renderings[moving], linear, offset, self._view.half_width)
        return losses.similarity(batch.renderings[fixed], moved, inside)
