"""Pictures of the sample pairs for Slicer's Sample Data: ``python Testing/thumbnails.py FIXED MOVING``.

FIXED and MOVING are two T1-weighted whole heads whose licence allows to publish pictures.  The keypoints on them are what
the bundled model finds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.files.png import png_bytes
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.sampling import Grid, sample
from KeypointRegistrationLib.geometry.transforms import apply
from KeypointRegistrationLib.geometry.volume import Volume
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

REPOSITORY = Path(__file__).resolve().parent.parent

_SIZE = (280, 260)  # rows and columns, as Sample Data shows them
_FIELD = 285.0  # mm across one head
_NEAR = 7.0  # mm: keypoints this near to the slice are drawn on it
_COLOURS = {"fixed": (90, 200, 120), "moving": (240, 150, 60)}


def main(fixed_path: str, moving_path: str) -> None:
    """Write the thumbnails beside the module's icon."""
    icons = REPOSITORY / "KeypointRegistration" / "Resources" / "Icons"
    detector = Detector("brain-affine", "cpu")
    fixed, moving = read_volume(fixed_path), read_volume(moving_path)
    upper = slice_with_keypoints(fixed, detector, 0.0, "fixed")
    pairs = {
        "KeypointRegistrationContrasts": slice_with_keypoints(fixed, detector, 24.0, "moving", inverted=True),
        "KeypointRegistrationPeople": slice_with_keypoints(moving, detector, -24.0, "moving"),
    }
    for name, lower in pairs.items():
        (icons / f"{name}.png").write_bytes(png_bytes(np.concatenate([upper[:-1], np.full_like(upper[:2], 90), lower[1:]])))


def slice_with_keypoints(
    scan: Volume, detector: Detector, degrees: float, role: str, inverted: bool = False
) -> NDArray[np.uint8]:
    """The head's middle sagittal slice, tilted, as seen from its left, with the keypoints near it.

    ``inverted`` darkens what is bright within the head, as another contrast does.
    """
    rows, columns = _SIZE[0] // 2, _SIZE[1]
    keypoints = detector.detect(scan).keypoints
    centre = keypoints.positions.mean(axis=0)
    tilt = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    step = _FIELD / columns
    to_ras = np.eye(4)
    to_ras[:3, :3] = tilt @ np.array([[0, 0, step], [-step, 0, 0], [0, -step, 0]], dtype=float)
    to_ras[:3, 3] = centre - to_ras[:3, :3] @ [(columns - 1) / 2, (rows - 1) / 2, 0]
    values = sample(scan, Grid((1, rows, columns), to_ras))[0]
    grey = np.clip(values / np.percentile(values, 97.0), 0, 1)
    if inverted:
        grey = 2.6 * grey * (1 - grey) ** 0.8
    picture = np.repeat((255 * np.clip(grey, 0, 1)).astype(np.uint8)[:, :, None], 3, axis=2)
    ijk = apply(np.linalg.inv(to_ras), keypoints.positions)
    j, i = np.indices((rows, columns))
    for column, row, depth in ijk[keypoints.present]:
        if abs(depth) * step < _NEAR:
            distance = np.hypot(i - column, j - row)
            picture[distance < 4.5] = 0
            picture[distance < 3.3] = _COLOURS[role]
    return picture


if __name__ == "__main__":
    main(*sys.argv[1:])
