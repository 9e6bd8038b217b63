"""The arrangement of views for looking at motion: the user's three slice views above, the plots below."""

from __future__ import annotations

from collections.abc import Iterable

import slicer

from ..viewing.layouts import arrange, layout_node
from . import parts
from .table import frame_in_row
from .track import SceneTrack

#: Slicer's own layouts have small numbers; those of modules are above 100.
PLOT_LAYOUT = 17312

#: Layout names of the plot views, in the order of ``plots.PLOTS``.
PLOT_VIEWS = ("MotionRotation", "MotionTranslation", "MotionDisplacement")

#: Attribute of the layout node, which is saved with the scene: the user's arrangement, which comes back.
_BEFORE = "KeypointRegistration.LayoutBeforePlots"

_LABELS = ("R", "T", "D")


def show_plots(track: SceneTrack) -> None:
    """Show the plots of a track below the slices.

    Raises:
        InputError: if there are no views.
    """
    scene = track.node.GetScene()
    layout = layout_node(scene)
    if not layout.IsLayoutDescription(PLOT_LAYOUT):
        layout.AddLayoutDescription(PLOT_LAYOUT, _description())
    if not plots_are_shown(scene):
        layout.SetAttribute(_BEFORE, str(layout.GetViewArrangement()))
        arrange(layout, PLOT_LAYOUT)
    for n, name in enumerate(PLOT_VIEWS):
        view, chart = scene.GetSingletonNode(name, "vtkMRMLPlotViewNode"), track.node.GetNthNodeReference(parts.CHARTS, n)
        if view is not None:
            view.SetPlotChartNodeID(chart.GetID() if chart is not None else None)


def plots_are_shown(scene: slicer.vtkMRMLScene) -> bool:
    """Whether the views are arranged so now."""
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    return layout is not None and layout.GetViewArrangement() == PLOT_LAYOUT


def leave_plots(scene: slicer.vtkMRMLScene) -> None:
    """Go back to the user's arrangement.  Another one that the user has chosen meanwhile stays."""
    if plots_are_shown(scene):
        layout = layout_node(scene)
        before = layout.GetAttribute(_BEFORE)
        arrange(layout, int(before) if before else layout.SlicerLayoutFourUpView)


def clicked_frame(track: SceneTrack, series: slicer.vtkMRMLPlotSeriesNode | None, point: int) -> int | None:
    """The frame that a point of a plot stands for; None for a plot of something else."""
    table = track.node.GetNodeReference(parts.TABLE)
    if series is None or table is None or series.GetTableNode() is not table:
        return None
    return frame_in_row(table, point)


def _description() -> str:
    slices = (
        _view("vtkMRMLSliceNode", name, orientation=orientation, viewlabel=name[0], viewcolor=colour)
        for name, orientation, colour in (
            ("Red", "Axial", "#F34A33"),
            ("Yellow", "Sagittal", "#EDD54C"),
            ("Green", "Coronal", "#6EB04B"),
        )
    )
    plots = (_view("vtkMRMLPlotViewNode", name, viewlabel=label) for name, label in zip(PLOT_VIEWS, _LABELS, strict=True))
    rows = f'<item splitSize="600">{_row(slices)}</item><item splitSize="400">{_row(plots)}</item>'
    return f'<layout type="vertical" split="true">{rows}</layout>'


def _row(views: Iterable[str]) -> str:
    return f'<layout type="horizontal" split="true">{"".join(f"<item>{view}</item>" for view in views)}</layout>'


def _view(kind: str, name: str, **properties: str) -> str:
    entries = "".join(f'<property name="{key}" action="default">{value}</property>' for key, value in properties.items())
    return f'<view class="{kind}" singletontag="{name}">{entries}</view>'
