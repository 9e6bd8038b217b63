"""Which keypoints of two scans can be paired, and how far apart a correct pair may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.keypoints import Keypoints
from .result import KeypointStatus

_WIDEST_SPREAD = 30.0  # mm: a map this wide says little about where its keypoint is
_LARGEST_DIVERGENCE = 1.5  # nats: beyond, a map has several peaks


@dataclass(frozen=True, eq=False)
class Pairing:
    """Pairs before any fit: a status and a reason each, and which take part."""

    status: tuple[KeypointStatus, ...]
    reasons: tuple[str, ...]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Shape (K,)."""
        return np.array([status is KeypointStatus.USED for status in self.status])

    def limited(self, count: int) -> Pairing:
        """The pairing without the usable pairs beyond the first ``count`` keypoints."""
        beyond = np.flatnonzero(self.usable & (np.arange(len(self.status)) >= count))
        return self.without(beyond, f"Only the first {count} keypoints were asked for.")

    def without(self, needless: NDArray[np.int_], reason: str) -> Pairing:
        """The pairing with the keypoints ``needless`` (n,) marked so, for a ``reason``."""
        status, reasons = list(self.status), list(self.reasons)
        for k in needless:
            status[k], reasons[k] = KeypointStatus.NOT_NEEDED, reason
        return Pairing(tuple(status), tuple(reasons))

    def after_fit(self, inliers: NDArray[np.bool_], residuals: NDArray, noise: NDArray) -> Pairing:
        """The pairing with the usable pairs that the fit left out excluded, and why."""
        status, reasons = list(self.status), list(self.reasons)
        for k in np.flatnonzero(self.usable & ~inliers):
            status[k] = KeypointStatus.EXCLUDED
            reasons[k] = (
                f"Its pair is {residuals[k]:.1f} mm apart after alignment, where about {noise[k]:.1f} mm is expected."
            )
        return Pairing(tuple(status), tuple(reasons))


def pair_up(fixed: Keypoints, moving: Keypoints) -> Pairing:
    """Judge every keypoint pair by its presence in both scans and by the shape of its maps."""
    judged = [_judge(k, fixed, moving) for k in range(len(fixed))]
    return Pairing(tuple(status for status, _ in judged), tuple(reason for _, reason in judged))


def _judge(k: int, fixed: Keypoints, moving: Keypoints) -> tuple[KeypointStatus, str]:
    for name, keypoints in (("fixed", fixed), ("moving", moving)):
        if not keypoints.present[k]:
            return KeypointStatus.MISSING, f"Not found in the {name} scan (probability {keypoints.presence[k]:.2f})."
    for name, keypoints in (("fixed", fixed), ("moving", moving)):
        if keypoints.spread[k] > _WIDEST_SPREAD:
            return KeypointStatus.EXCLUDED, f"Its map in the {name} scan is {keypoints.spread[k]:.0f} mm wide."
        if keypoints.divergences[k] > _LARGEST_DIVERGENCE:
            return KeypointStatus.EXCLUDED, f"Its map in the {name} scan has more than one peak."
    return KeypointStatus.USED, ""
