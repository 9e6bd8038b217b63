"""A volume drawn in heat colours over other volumes, with its legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import slicer

from . import slices
from .colours import heat_colours, release_heat_colours
from .nodes import remove_node


def show_overlay(
    volume: slicer.vtkMRMLScalarVolumeNode,
    shown_range: tuple[float, float],
    opacity: float,
    views: Sequence[slicer.vtkMRMLSliceCompositeNode],
) -> None:
    """Draw a volume in heat colours on top of what ``views`` show, and in no other view.

    Values below the range are not drawn; its ends are the ends of the colour scale.
    """
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    lowest, highest = shown_range
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(heat_colours(volume.GetScene()).GetID())
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(lowest, highest)
        display.SetThreshold(lowest, max(highest, volume.GetImageData().GetScalarRange()[1]))
        display.ApplyThresholdOn()
    for view in slices.slice_layers(volume.GetScene()):
        if view in views:
            slices.show_on_top(view, volume, opacity)
        else:
            slices.take_off(view, volume)


def show_legend(
    volume: slicer.vtkMRMLScalarVolumeNode,
    title: str,
    shown_range: tuple[float, float],
    companion: slicer.vtkMRMLDisplayableNode,
    views: Sequence[slicer.vtkMRMLSliceCompositeNode],
    *,
    left: bool = False,
) -> None:
    """A colour legend for an overlay, in the same views, at their right or left edge.

    Slicer draws a volume's legend only where the volume is background, foreground or label, and not for extra layers.  The
    legend therefore takes its colours and its visibility from a ``companion`` that is shown together with the overlay and
    does not use its own colour table: a point list.
    """
    scene = volume.GetScene()
    carrier = companion.GetDisplayNode()
    carrier.SetAndObserveColorNodeID(heat_colours(scene).GetID())
    carrier.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseManualScalarRange)
    carrier.SetScalarRange(*shown_range)
    legend = _legend(volume) or slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
    with slicer.util.NodeModify(legend):
        legend.SetAndObservePrimaryDisplayNode(carrier)
        legend.SetTitleText(title)
        legend.SetLabelFormat(_number_format(shown_range[1]))
        legend.SetNumberOfLabels(3)
        legend.SetSize(0.17, 0.35)  # Slicer fits the letters to the width
        legend.SetPosition(0.03 if left else 0.97, 0.08)
        for style in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
            style.SetFontFamilyToArial()
            style.BoldOn()
        slice_nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode", scene)
        names = {view.GetLayoutName() for view in views}
        legend.SetViewNodeIDs([node.GetID() for node in slice_nodes if node.GetLayoutName() in names])


def remove_overlay(volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Remove an overlay with its legend; the slice views get back what they showed."""
    scene = volume.GetScene()
    for view in slices.slice_layers(scene):
        slices.take_off(view, volume)
    legend = _legend(volume)
    carrier = legend.GetPrimaryDisplayNode() if legend else None
    if carrier is not None:
        scene.RemoveNode(legend)
        carrier.SetAndObserveColorNodeID("")
    remove_node(scene, volume)
    release_heat_colours(scene)


def _number_format(highest: float) -> str:
    """A printf format that gives the highest value two significant digits, and all values equally many decimals."""
    decimals = 1 - math.floor(math.log10(highest)) if highest > 0 else 0
    return f"%.{min(max(decimals, 0), 6)}f / cm³"


def _legend(volume: slicer.vtkMRMLVolumeNode) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    displays = (volume.GetNthDisplayNode(n) for n in range(volume.GetNumberOfDisplayNodes()))
    return next((display for display in displays if display.IsA("vtkMRMLColorLegendDisplayNode")), None)
