"""Colour legends in the corners of the views: one corner for each kind of thing, so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum

import slicer

from .colours import ColourScale, colour_table


class Corner(Enum):
    """Where in a view, as fractions of its width and height."""

    BOTTOM_RIGHT = (0.97, 0.08)
    BOTTOM_LEFT = (0.03, 0.08)
    TOP_RIGHT = (0.97, 0.9)
    TOP_LEFT = (0.03, 0.9)


def show_legend(
    owner: slicer.vtkMRMLDisplayableNode,
    carrier: slicer.vtkMRMLDisplayNode,
    title: str,
    unit: str,
    scale: ColourScale,
    shown_range: tuple[float, float],
    corner: Corner,
    views: Sequence[slicer.vtkMRMLAbstractViewNode] | None = None,
) -> None:
    """A legend that belongs to ``owner``, made or brought up to date.

    Args:
        owner: whose legend it is; it goes with it.
        carrier: display node that lends the legend its colours, its range and its visibility.  Slicer draws a volume's own
            legend only where the volume is background, foreground or label; an overlay in a further layer needs the display
            node of something else that is shown together with it and that does not use its own colour table.
        title: what the numbers are, of which scan.
        unit: written behind each number.
        scale: the colours.
        shown_range: the values at the ends of the scale.
        corner: where it is drawn.
        views: slice and 3-D views (their view nodes) that show it; None for all.
    """
    carrier.SetAndObserveColorNodeID(colour_table(owner.GetScene(), scale).GetID())
    carrier.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseManualScalarRange)
    carrier.SetScalarRange(*shown_range)
    legend = legend_of(owner) or slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(owner)
    _write(legend, carrier, title, _number_format(shown_range[1], unit), corner.value)
    set_legend_views(owner, views)


def renew_legend(owner: slicer.vtkMRMLDisplayableNode) -> None:
    """Bring the legend of a node, if it has one, into views that are newer than it: there, Slicer does not draw it."""
    old = legend_of(owner)
    if old is None:
        return
    carrier, views, shown = old.GetPrimaryDisplayNode(), old.GetViewNodeIDs(), old.GetVisibility()
    owner.GetScene().RemoveNode(old)
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(owner)
    _write(legend, carrier, old.GetTitleText(), old.GetLabelFormat(), old.GetPosition())
    with slicer.util.NodeModify(legend):
        legend.SetVisibility(shown)
        legend.SetViewNodeIDs(views)


def set_legend_views(owner: slicer.vtkMRMLDisplayableNode, views: Sequence[slicer.vtkMRMLAbstractViewNode] | None) -> None:
    """Let these views (None: all) draw the legend of a node, if it has one."""
    legend = legend_of(owner)
    if legend is not None:
        with slicer.util.NodeModify(legend):
            legend.SetVisibility(views is None or len(views) > 0)  # to Slicer, no views means all
            legend.SetViewNodeIDs([view.GetID() for view in views or ()])


def remove_legend(owner: slicer.vtkMRMLDisplayableNode) -> None:
    """Remove the legend of a node, if it has one; its carrier gives the colour table back."""
    legend = legend_of(owner)
    if legend is None:
        return
    carrier = legend.GetPrimaryDisplayNode()
    owner.GetScene().RemoveNode(legend)
    if carrier is not None:
        carrier.SetAndObserveColorNodeID("")


def legend_of(owner: slicer.vtkMRMLDisplayableNode) -> slicer.vtkMRMLColorLegendDisplayNode | None:
    """The legend that belongs to a node, if any."""
    displays = (owner.GetNthDisplayNode(n) for n in range(owner.GetNumberOfDisplayNodes()))
    return next((display for display in displays if display.IsA("vtkMRMLColorLegendDisplayNode")), None)


def _write(
    legend: slicer.vtkMRMLColorLegendDisplayNode,
    carrier: slicer.vtkMRMLDisplayNode,
    title: str,
    number_format: str,
    position: tuple[float, float],
) -> None:
    with slicer.util.NodeModify(legend):
        legend.SetAndObservePrimaryDisplayNode(carrier)
        legend.SetTitleText(title)
        legend.SetLabelFormat(number_format)
        legend.SetNumberOfLabels(3)
        legend.SetSize(0.17, 0.35)  # Slicer fits the letters to the width
        legend.SetPosition(*position)
        for style in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
            style.SetFontFamilyToArial()
            style.BoldOn()


def _number_format(highest: float, unit: str) -> str:
    """A printf format that gives the highest value two significant digits, and all values equally many decimals."""
    decimals = 1 - math.floor(math.log10(highest)) if highest > 0 else 0
    return f"%.{min(max(decimals, 0), 6)}f {unit}"
