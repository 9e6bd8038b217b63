"""The colours of heatmaps."""

from __future__ import annotations

import numpy as np
import slicer

_TAG = "KeypointRegistrationHeat"

#: RGB along the scale, from pale to deep.  Lightness falls steadily, so that it can be read without telling hues apart.
#: The low end is light: overlays cannot fade out (Slicer's colour tables are opaque or not), and dark would hide anatomy.
_STOPS = ((1.0, 0.97, 0.62), (1.0, 0.80, 0.25), (0.98, 0.52, 0.12), (0.87, 0.22, 0.23), (0.62, 0.05, 0.40))


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
