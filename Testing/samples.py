"""Small made-up volumes, keypoints and results with known truth, for tests that are not about their making."""

from __future__ import annotations

import numpy as np
from KeypointRegistrationLib.detection.heatmaps import Heatmaps
from KeypointRegistrationLib.geometry.keypoints import Keypoints
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import (
    ErrorPrediction,
    KeypointStatus,
    ModelIdentity,
    Registration,
    SimilarityChange,
    Trust,
    TrustLevel,
)
from scipy.spatial.transform import Rotation


def sample_matrix(degrees: float = 30.0, shift: tuple[float, float, float] = (12.0, -7.0, 5.0)) -> np.ndarray:
    """A rigid RAS→RAS matrix: a turn about an oblique axis through the origin, then a shift in mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.deg2rad(degrees) * np.array([1, 2, -1]) / np.sqrt(6)).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def sample_volume(name: str = "head", size: int = 40, spacing: float = 4.0, seed: int = 0) -> Volume:
    """A smooth, asymmetric head-like blob on an oblique, anisotropic grid centred near the RAS origin."""
    oblique = sample_matrix(10.0, (0, 0, 0)) @ np.diag([spacing, spacing * 1.1, spacing * 1.2, 1])
    oblique[:3, 3] = -oblique[:3, :3] @ np.full(3, (size - 1) / 2)
    ras = Grid((size, size, size), oblique).positions()
    rng = np.random.default_rng(seed)
    values = 400 * (((ras / (60, 75, 65)) ** 2).sum(axis=1) < 1)
    for centre in rng.uniform(-40, 40, size=(12, 3)):
        values = values + rng.uniform(100, 400) * np.exp(-((ras - centre) ** 2).sum(axis=1) / (2 * 12.0**2))
    return Volume(values.reshape(size, size, size).astype(np.int16), oblique, name)


def sample_keypoints(count: int = 16, seed: int = 0) -> Keypoints:
    """Keypoints scattered through a brain-sized ball around the RAS origin."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(scale=2.0, size=(count, 3, 3)) + 4 * np.eye(3)
    return Keypoints(
        labels=tuple(f"point {k + 1}" for k in range(count)),
        positions=rng.uniform(-55, 55, size=(count, 3)),
        covariances=roots @ roots.transpose(0, 2, 1),
        presence=rng.uniform(0.8, 1.0, size=count),
        divergences=rng.uniform(0.0, 0.3, size=count),
    )


def sample_registration(count: int = 16, seed: int = 0) -> Registration:
    """A rigid result with one missing and one excluded keypoint; residuals about 1 mm; heatmaps included."""
    rng = np.random.default_rng(seed)
    matrix = sample_matrix()
    fixed = sample_keypoints(count, seed)
    moving = fixed.moved(np.linalg.inv(matrix))
    noisy = moving.positions + rng.normal(scale=0.6, size=(count, 3))
    moving = Keypoints(moving.labels, noisy, moving.covariances, moving.presence, moving.divergences)
    residuals = np.linalg.norm(moving.moved(matrix).positions - fixed.positions, axis=1)
    status = [KeypointStatus.USED] * count
    status[1], status[2] = KeypointStatus.MISSING, KeypointStatus.EXCLUDED
    residuals[1] = np.nan
    used = np.array([s is KeypointStatus.USED for s in status])
    form = np.diag([2e-4, 2e-4, 2e-4, 0.25])
    reasons = ["" if s is KeypointStatus.USED else f"example reason: {s.value}" for s in status]
    return Registration(
        moving_to_fixed=matrix,
        transform_type=TransformType.RIGID,
        requested_type=TransformType.RIGID,
        fixed_keypoints=fixed,
        moving_keypoints=moving,
        weights=used / used.sum(),
        status=tuple(status),
        exclusion_reasons=tuple(reasons),
        residuals=residuals,
        expected_distances=np.full(count, 1.2),
        error_floor=0.3,
        error_form=form,
        fre=float(np.sqrt((residuals[used] ** 2).mean())),
        predicted_tre=ErrorPrediction(centre=0.5, median=0.9, p95=1.2),
        similarity=SimilarityChange(before=1.05, after=1.21),
        trust=Trust(TrustLevel.GOOD),
        refined=False,
        device="cpu",
        model=ModelIdentity("brain-affine", "0.0.0", "0" * 64),
        seconds={"prepare": 0.5, "detect": 1.0, "align": 0.1, "refine": 0.0},
        fixed_heatmaps=sample_heatmaps(fixed),
        moving_heatmaps=sample_heatmaps(moving),
    )


def sample_heatmaps(keypoints: Keypoints, size: int = 24, spacing: float = 8.0) -> Heatmaps:
    """Gaussian probability maps around the keypoints, on a cubic grid around their mean."""
    grid = Grid.cubic(size, spacing, keypoints.positions.mean(axis=0))
    offsets = grid.positions()[None] - keypoints.positions[:, None]
    maps = np.exp(-(offsets**2).sum(axis=-1) / (2 * 8.0**2))
    maps /= maps.sum(axis=1, keepdims=True)
    return Heatmaps(maps.reshape(len(keypoints), size, size, size).astype(np.float32), grid)
