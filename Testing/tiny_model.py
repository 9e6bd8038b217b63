"""A complete model bundle with a network too small to be good: for tests of everything around the network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from KeypointRegistrationLib.detection.architecture import Architecture, NetworkKind
from KeypointRegistrationLib.detection.bundle import CARD_FILE, WEIGHTS_FILE
from KeypointRegistrationLib.detection.network import KeypointDetector
from safetensors.torch import save_file

KEYPOINTS, WIDTHS, SIZE, SPACING = 8, (8, 16), 16, 12.0


def write_tiny_bundle(folder: Path, name: str = "tiny") -> Path:
    """Write a bundle ``name`` with random weights below ``folder`` and return its own folder."""
    torch.manual_seed(0)
    bundle = folder / name
    bundle.mkdir(parents=True)
    save_file(KeypointDetector(KEYPOINTS, Architecture(NetworkKind.UNET, WIDTHS)).half().state_dict(), bundle / WEIGHTS_FILE)
    corners = [[x, y, z] for x in (-30.0, 30.0) for y in (-40.0, 40.0) for z in (-25.0, 25.0)]
    card = {
        "name": name,
        "version": "0.0.1",
        "title": "A tiny model",
        "summary": "For tests.",
        "limits": ["Not for anything."],
        "transform_types": ["rigid", "affine"],
        "architecture": {"kind": NetworkKind.UNET.value, "widths": list(WIDTHS)},
        "input": {"size": SIZE, "spacing_mm": SPACING},
        "keypoints": {
            "labels": [f"corner {k + 1}" for k in range(KEYPOINTS)],
            "template_mm": corners,
            "variation_mm": [3.0] * KEYPOINTS,
        },
        "calibration": {"spread_factor": 0.5, "error_floor_mm": 2.0, "familiar_spread_mm": 100.0},
        "weights": {"sha256": hashlib.sha256((bundle / WEIGHTS_FILE).read_bytes()).hexdigest()},
    }
    (bundle / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return bundle
