"""Made-up motions of a head through a series, with known truth, for tests that are not about their making."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from KeypointRegistrationLib.files.series.track_report import TrackingRun
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import ErrorPrediction, ModelIdentity, SimilarityChange, Trust, TrustLevel
from KeypointRegistrationLib.registration.tracking.frames import FrameMotion, FrameStatus, Reference, Track
from KeypointRegistrationLib.registration.tracking.tracker import TrackingOptions
from samples import sample_keypoints, sample_matrix, sample_volume


@dataclass(frozen=True)
class MemorySeries:
    """A series of volumes that are there already."""

    volumes: tuple[Volume, ...]
    times: tuple[float, ...]
    name: str = "series"

    def frame(self, index: int) -> Volume:
        return self.volumes[index]


def sample_motion(index: int = 1, degrees: float = 10.0) -> FrameMotion:
    """A tracked frame, two seconds after the one before it, turned by ``degrees``."""
    matrix = sample_matrix(degrees, (2.0, -1.0, 0.5))
    keypoints = sample_keypoints().moved(np.linalg.inv(matrix))
    return FrameMotion(
        index=index,
        time=2.0 * index,
        status=FrameStatus.TRACKED,
        moving_to_fixed=matrix,
        trust=Trust(TrustLevel.CHECK, ("An example of a reason.",)),
        keypoints=keypoints,
        used=np.arange(len(keypoints)) != 2,
        covariance=np.diag([1e-4, 1e-4, 1e-4, 0.1, 0.1, 0.1]),
        fre=0.9,
        predicted_tre=ErrorPrediction(centre=0.5, median=0.9, p95=1.2),
        similarity=SimilarityChange(before=1.05, after=float("nan")),
        refound=True,
        seconds=0.5,
    )


def lost_motion(index: int = 2) -> FrameMotion:
    """A frame in which the head was not found."""
    trust = Trust(TrustLevel.DO_NOT_TRUST, ("The head was not found.",))
    return FrameMotion(index, 2.0 * index, FrameStatus.LOST, None, trust)


def sample_reference() -> Reference:
    """The first frame of a series."""
    return Reference(sample_volume("series, frame 1"), 0, sample_keypoints(), np.array([1.0, 2.0, 3.0]), 50.0)


def sample_track() -> Track:
    """Four frames: the reference, a tracked one, a lost one, and a tracked one."""
    good = Trust(TrustLevel.GOOD)
    keypoints = sample_keypoints()
    reference = FrameMotion(
        0, 0.0, FrameStatus.REFERENCE, np.eye(4), good, keypoints, np.ones(len(keypoints), bool), np.zeros((6, 6)), 0.0
    )
    frames = (reference, sample_motion(1), lost_motion(2), sample_motion(3, degrees=25.0))
    return Track("series", sample_reference(), frames)


def sample_run() -> TrackingRun:
    """How ``sample_track`` is said to have come about."""
    model = ModelIdentity("foetal-rigid", "0.2.0", "0" * 64)
    return TrackingRun(TrackingOptions(), model, "cpu", {"track": 1.5}, notes=("A note.",))
