"""The arrangement of views for comparing: the fixed scan's three slices above, the moving scan's below, 3-D at the side."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import slicer

from ...geometry.errors import InputError

#: Slicer's own layouts have small numbers; those of modules are above 100.
COMPARE_LAYOUT = 17311

ORIENTATIONS = ("Axial", "Sagittal", "Coronal")
FIXED_VIEWS = tuple(f"Fixed{orientation}" for orientation in ORIENTATIONS)
MOVING_VIEWS = tuple(f"Moving{orientation}" for orientation in ORIENTATIONS)

#: Linked views follow each other within their group; Slicer's own views are in group 0.
COMPARE_GROUP = 17

_COLOURS = {"Fixed": "#3fa7d6", "Moving": "#e08a1e"}  # as the keypoints of the two scans


def layout_node(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLLayoutNode:
    """The node that says how the application's views are arranged.

    Raises:
        InputError: if there is none, as without a main window.
    """
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is None:
        raise InputError("There are no views to compare in. Open the scans in Slicer's main window.")
    return node


def register_layout(layout: slicer.vtkMRMLLayoutNode) -> None:
    """Make the arrangement known to the application."""
    if not layout.IsLayoutDescription(COMPARE_LAYOUT):
        layout.AddLayoutDescription(COMPARE_LAYOUT, _description())


def arrange(layout: slicer.vtkMRMLLayoutNode, arrangement: int) -> None:
    """Show an arrangement whole: a single view that fills the window would stay in front of it."""
    layout.RemoveAllMaximizedViewNodes()
    layout.SetViewArrangement(arrangement)


def _description() -> str:
    rows = "".join(_item(_row(side, views)) for side, views in (("Fixed", FIXED_VIEWS), ("Moving", MOVING_VIEWS)))
    slices = f'<layout type="vertical" split="true">{rows}</layout>'
    three_d = '<view class="vtkMRMLViewNode" singletontag="1"/>'
    return f'<layout type="horizontal" split="true">{_item(slices, 750)}{_item(three_d, 250)}</layout>'


def _row(side: str, names: tuple[str, ...]) -> str:
    views = (_slice_view(side, n, *pair) for n, pair in enumerate(zip(names, ORIENTATIONS, strict=True), start=1))
    return f'<layout type="horizontal" split="true">{"".join(_item(view) for view in views)}</layout>'


def _slice_view(side: str, number: int, name: str, orientation: str) -> str:
    properties = {
        "orientation": orientation,
        "viewlabel": f"{side[0]}{number}",  # numbers, as in Slicer's own layouts for comparing: FA means something else
        "viewcolor": _COLOURS[side],
        "viewgroup": str(COMPARE_GROUP),
    }
    entries = "".join(f'<property name="{key}" action="default">{value}</property>' for key, value in properties.items())
    return f'<view class="vtkMRMLSliceNode" singletontag={quoteattr(name)}>{entries}</view>'


def _item(content: str, size: int | None = None) -> str:
    attribute = "" if size is None else f' splitSize="{size}"'
    return f"<item{attribute}>{content}</item>"
