"""A small head without symmetry, whose every part looks different: for tests that tell poses by looks."""

from __future__ import annotations

import numpy as np
from KeypointRegistrationLib.geometry.transforms import affine, invert
from KeypointRegistrationLib.geometry.volume import Volume
from scipy import ndimage
from scipy.spatial.transform import Rotation

AXES = np.array([34.0, 48.0, 40.0])  # mm
SPACING = 4.0  # mm
SIZE = 36
#: Points all over the head, (N, 3) RAS mm.
ANATOMY = 0.75 * AXES * Rotation.random(40, random_state=3).apply([0.0, 0.0, 1.0])


def textured_head(pose: np.ndarray, seed: int = 0, *, inverted: bool = False, shading: float = 0.0) -> Volume:
    """The head in its ``pose`` (4×4, from its own space to RAS), with noise of its own.

    ``inverted`` swaps dark and bright.  ``shading`` is by how much the logarithm of its brightness rises over 10 cm along
    R, where the coil would be: it does not turn with the head.
    """
    texture = ndimage.gaussian_filter(np.random.default_rng(7).normal(size=(SIZE,) * 3), 2.5)
    texture /= texture.std()
    own = affine(SPACING * np.eye(3), np.full(3, -SPACING * (SIZE - 1) / 2))
    kji = np.indices(texture.shape).reshape(3, -1)
    places = kji[::-1].T @ own[:3, :3].T + own[:3, 3]
    turned = places @ invert(pose)[:3, :3].T + invert(pose)[:3, 3]
    index = (turned - own[:3, 3]) / SPACING
    looks = ndimage.map_coordinates(texture, index[:, ::-1].T, order=1, mode="constant")
    distance, ray = np.linalg.norm(turned / AXES, axis=1), np.linalg.norm(turned, axis=1)
    depth = ray * (1 / np.maximum(distance, 1e-6) - 1)  # mm below the surface, along the ray from the middle
    inside = np.clip(0.5 + depth / SPACING, 0, 1)  # voxels at the surface show it in part, as a scanner's do
    values = 20 + inside * (100 + 25 * looks)
    values = (240.0 - values if inverted else values) * np.exp(shading * places[:, 0] / 100)
    values += np.random.default_rng([seed, 1]).normal(scale=3.0, size=values.shape)
    return Volume(values.reshape(texture.shape).astype(np.float32), own, f"head {seed}")
