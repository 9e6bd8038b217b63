"""A volume drawn in colours over the other volumes of slice views, and everything drawn taken away again."""

from __future__ import annotations

from collections.abc import Sequence

import slicer

from ..nodes import remove_node
from ..viewing import slices
from .colours import ColourScale, colour_table, release_colours
from .legends import remove_legend


def show_overlay(
    volume: slicer.vtkMRMLScalarVolumeNode,
    scale: ColourScale,
    shown_range: tuple[float, float],
    opacity: float,
    views: Sequence[slicer.vtkMRMLSliceCompositeNode],
) -> None:
    """Draw a volume in the colours of ``scale`` on top of what ``views`` show, and in no other view.

    Values below the range are not drawn; its ends are the ends of the colour scale.
    """
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    lowest, highest = shown_range
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colour_table(volume.GetScene(), scale).GetID())
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(lowest, highest)
        display.SetThreshold(lowest, max(highest, volume.GetImageData().GetScalarRange()[1]))
        display.ApplyThresholdOn()
    put_on_top(volume, opacity, views)


def put_on_top(volume: slicer.vtkMRMLVolumeNode, opacity: float, views: Sequence[slicer.vtkMRMLSliceCompositeNode]) -> None:
    """Show a volume on top of what ``views`` show, and in no other view."""
    for view in slices.slice_layers(volume.GetScene()):
        if view in views:
            slices.show_on_top(view, volume, opacity)
        else:
            slices.take_off(view, volume)


def take_away(node: slicer.vtkMRMLNode) -> None:
    """Remove a node that was drawn, with its legend and its colours; the views get back what they showed."""
    scene = node.GetScene()
    if node.IsA("vtkMRMLVolumeNode"):
        for view in slices.slice_layers(scene):
            slices.take_off(view, node)
    if node.IsA("vtkMRMLDisplayableNode"):
        remove_legend(node)
    remove_node(scene, node)
    release_colours(scene)
