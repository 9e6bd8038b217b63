"""The colours of heatmaps."""

from __future__ import annotations

import numpy as np
import slicer

_TAG = "KeypointRegistrationHeat"

#: RGB along the scale, from pale pink to deep purple: hues that neither scans nor keypoints have.  Lightness falls steadily,
#: so that the scale can be read without telling hues apart.  The low end is light because overlays cannot fade out (Slicer's
#: colour tables are opaque or not) and dark would hide the anatomy.
_STOPS = ((0.99, 0.85, 0.93), (0.98, 0.60, 0.76), (0.94, 0.30, 0.63), (0.74, 0.06, 0.54), (0.42, 0.0, 0.42))


def heat_colours(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """The scene's colour table for heatmaps, made on first use."""
    existing = _existing(scene)
    if existing is not None:
        return existing
    node = slicer.vtkMRMLColorTableNode()
    node.SetTypeToUser()
    node.SetName("Keypoint heat")
    node.SetSingletonTag(_TAG)
    node.SetNumberOfColors(256)
    positions = np.linspace(0, 1, len(_STOPS))
    for index, level in enumerate(np.linspace(0, 1, 256)):
        red, green, blue = (float(np.interp(level, positions, channel)) for channel in zip(*_STOPS, strict=True))
        node.SetColor(index, f"{level:.3f}", red, green, blue, 1.0)
    return scene.AddNode(node)


def release_heat_colours(scene: slicer.vtkMRMLScene) -> None:
    """Take the colour table out of the scene if nothing is shown with it any more."""
    node = _existing(scene)
    if node is None:
        return
    displays = slicer.util.getNodesByClass("vtkMRMLDisplayNode", scene)
    if not any(display.GetColorNode() is node for display in displays):
        storage = node.GetStorageNode()
        scene.RemoveNode(node)
        if storage is not None:
            scene.RemoveNode(storage)


def _existing(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode | None:
    return scene.GetSingletonNode(_TAG, "vtkMRMLColorTableNode")
