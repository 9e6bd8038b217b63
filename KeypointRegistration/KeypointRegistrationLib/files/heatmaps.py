"""Probability maps as one 4-D NRRD file that Slicer opens as a sequence of volumes."""

from __future__ import annotations

import gzip
from pathlib import Path
from urllib.parse import quote

import numpy as np

from ..detection.heatmaps import Heatmaps

#: Maps are smooth and mostly zero: the lowest level already shrinks them well.
_COMPRESSION = 1


def write_heatmaps(path: Path, heatmaps: Heatmaps, labels: tuple[str, ...]) -> None:
    """Write K maps (each sums to 1) as float NRRD: axes I, J, K in space (LPS, as Slicer saves) and then the keypoints."""
    signs = np.array([-1.0, -1.0, 1.0])
    directions = [_vector(column * signs) for column in heatmaps.grid.ijk_to_ras[:3, :3].T]
    lines = [
        "NRRD0005",
        "type: float",
        "dimension: 4",
        "space: left-posterior-superior",
        "sizes: " + " ".join(str(n) for n in heatmaps.values.shape[::-1]),
        "space directions: " + " ".join([*directions, "none"]),
        "kinds: domain domain domain list",
        "endian: little",
        "encoding: gzip",
        "space origin: " + _vector(heatmaps.grid.ijk_to_ras[:3, 3] * signs),
        'labels: "i" "j" "k" "keypoint"',
    ]
    # Where Slicer looks for the names of a sequence's items.
    lines += ["axis 3 index type:=text", "axis 3 index values:=" + " ".join(quote(label) for label in labels)]
    with path.open("wb") as file:
        file.write(("\n".join(lines) + "\n\n").encode("utf-8"))
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_COMPRESSION) as body:
            for values in heatmaps.values:
                body.write(np.ascontiguousarray(values, dtype="<f4").data)


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(f"{value:.17g}" for value in values) + ")"
