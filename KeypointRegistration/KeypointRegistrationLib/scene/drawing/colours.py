"""Colour tables that overlays, arrows and legends share.  They leave the scene with the last node that uses them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import slicer

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class ColourScale:
    """A scale of RGB colours, from low to high, as a colour table of the scene.

    Attributes:
        tag: identifies the table in a scene.
        name: what the person reads.
        stops: colours at equal distances along the scale, or, if ``discrete``, colour n for values from n to n + 1.
        discrete: whether there is nothing between the colours.
    """

    tag: str
    name: str
    stops: tuple[Colour, ...]
    discrete: bool = False


#: From pale pink to deep purple: hues that neither scans nor keypoints have.  Lightness falls steadily, so that the scale
#: can be read without telling hues apart.  The low end is light because overlays cannot fade out (Slicer's colour tables
#: are opaque or not) and dark would hide the anatomy.
HEAT = ColourScale(
    "KeypointRegistrationHeat",
    "Keypoint heat",
    ((0.99, 0.85, 0.93), (0.98, 0.60, 0.76), (0.94, 0.30, 0.63), (0.74, 0.06, 0.54), (0.42, 0.0, 0.42)),
)

#: From dark teal to bright yellow: large errors catch the eye on dark and on grey ground.  Lightness rises steadily.
MILLIMETRES = ColourScale(
    "KeypointRegistrationMillimetres",
    "Keypoint millimetres",
    ((0.05, 0.32, 0.45), (0.08, 0.52, 0.51), (0.27, 0.72, 0.42), (0.68, 0.86, 0.25), (1.0, 0.95, 0.35)),
)

_OURS = "KeypointRegistration"  # how the tags of our tables begin


def scale_end(largest: float) -> float:
    """Where a scale from 0 ends that has to hold a value above 0: the next good number."""
    step = 10 ** math.floor(math.log10(largest)) / 2
    return math.ceil(largest / step) * step


def colour_table(scene: slicer.vtkMRMLScene, scale: ColourScale) -> slicer.vtkMRMLColorTableNode:
    """The scene's colour table for a scale, made on first use."""
    existing = _existing(scene, scale)
    if existing is not None:
        return existing
    node = slicer.vtkMRMLColorTableNode()
    node.SetTypeToUser()
    node.SetName(scale.name)
    node.SetSingletonTag(scale.tag)
    positions = np.linspace(0, 1, len(scale.stops))
    levels = positions if scale.discrete else np.linspace(0, 1, 256)
    node.SetNumberOfColors(len(levels))
    for index, level in enumerate(levels):
        red, green, blue = (float(np.interp(level, positions, channel)) for channel in zip(*scale.stops, strict=True))
        node.SetColor(index, f"{level:.3f}", red, green, blue, 1.0)
    return scene.AddNode(node)


def release_colours(scene: slicer.vtkMRMLScene) -> None:
    """Take the colour tables out of the scene that nothing is shown with any more."""
    displays = slicer.util.getNodesByClass("vtkMRMLDisplayNode", scene)
    for node in slicer.util.getNodesByClass("vtkMRMLColorTableNode", scene):
        is_ours = (node.GetSingletonTag() or "").startswith(_OURS)
        if not is_ours or any(display.GetColorNode() is node for display in displays):
            continue
        storage = node.GetStorageNode()
        scene.RemoveNode(node)
        if storage is not None:
            scene.RemoveNode(storage)


def _existing(scene: slicer.vtkMRMLScene, scale: ColourScale) -> slicer.vtkMRMLColorTableNode | None:
    return scene.GetSingletonNode(scale.tag, "vtkMRMLColorTableNode")
