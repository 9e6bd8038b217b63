"""How the user had arranged the views, kept in the scene until it is wanted back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

import slicer

from .layouts import arrange
from .slices import slice_layers

#: Attribute of the layout node, which is saved with the scene: a scene that was saved meanwhile can be restored too.
_MEMORY = "KeypointRegistration.ViewsBefore"

_BASIC_LAYERS = 3  # background, foreground and label


def has_memory(layout: slicer.vtkMRMLLayoutNode) -> bool:
    """Whether something is remembered."""
    return layout.GetAttribute(_MEMORY) is not None


def remember(
    layout: slicer.vtkMRMLLayoutNode,
    scans: Iterable[slicer.vtkMRMLVolumeNode],
    lists: Iterable[slicer.vtkMRMLDisplayableNode],
    own_views: Iterable[str],
) -> None:
    """Keep the layout, every slice view but ``own_views``, the contrast of ``scans`` and where ``lists`` are shown."""
    scene, own = layout.GetScene(), set(own_views)
    content = {
        "layout": layout.GetViewArrangement(),
        "maximised": [layout.GetMaximizedViewNode(n).GetID() for n in range(layout.GetNumberOfMaximizedViewNodes())],
        "slices": {
            node.GetLayoutName(): _slice(node)
            for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene)
            if node.GetLayoutName() not in own
        },
        "volumes": [node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLVolumeNode", scene)],
        "layers": {view.GetLayoutName(): _layers(view) for view in slice_layers(scene) if view.GetLayoutName() not in own},
        "contrast": {
            display.GetID(): _contrast(display) for scan in scans for display in [scan.GetDisplayNode()] if display
        },
        "shown_in": {display.GetID(): list(display.GetViewNodeIDs()) for node in lists for display in displays_of(node)},
    }
    layout.SetAttribute(_MEMORY, json.dumps(content))


def restore(layout: slicer.vtkMRMLLayoutNode, temporary: int) -> None:
    """Put everything back as ``remember`` found it.  What the user has deleted meanwhile stays deleted.

    So does another layout than the ``temporary`` one, if the user has chosen it meanwhile.
    """
    scene = layout.GetScene()
    content = json.loads(layout.GetAttribute(_MEMORY))
    layout.RemoveAttribute(_MEMORY)
    if layout.GetViewArrangement() == temporary:
        arrange(layout, content["layout"])
        for view in map(scene.GetNodeByID, content["maximised"]):
            if view is not None:
                layout.AddMaximizedViewNode(view)
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene):
        if node.GetLayoutName() in content["slices"]:
            _restore_slice(node, content["slices"][node.GetLayoutName()])
    for view in slice_layers(scene):
        if view.GetLayoutName() in content["layers"]:
            _restore_layers(view, content["layers"][view.GetLayoutName()], content["volumes"])
    for identifier, contrast in content["contrast"].items():
        display = scene.GetNodeByID(identifier)
        if display is not None:
            _restore_contrast(display, contrast)
    for identifier, views in content["shown_in"].items():
        display = scene.GetNodeByID(identifier)
        if display is not None:
            display.SetViewNodeIDs(views)


def remembered_arrangement(layout: slicer.vtkMRMLLayoutNode) -> int:
    """Number of the user's own arrangement."""
    return int(json.loads(layout.GetAttribute(_MEMORY))["layout"])


def displays_of(node: slicer.vtkMRMLDisplayableNode) -> list[slicer.vtkMRMLDisplayNode]:
    """All display nodes of a node."""
    displays = (node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes()))
    return [display for display in displays if display is not None]


def _slice(node: slicer.vtkMRMLSliceNode) -> dict[str, Any]:
    return {
        "to_ras": slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()).tolist(),
        "field_of_view": list(node.GetFieldOfView()),
        "origin": list(node.GetXYZOrigin()),
        "group": node.GetViewGroup(),
    }


def _restore_slice(node: slicer.vtkMRMLSliceNode, content: dict[str, Any]) -> None:
    with slicer.util.NodeModify(node):
        node.GetSliceToRAS().DeepCopy([value for row in content["to_ras"] for value in row])
        node.SetFieldOfView(*content["field_of_view"])
        node.SetXYZOrigin(*content["origin"])
        node.SetViewGroup(content["group"])
        node.UpdateMatrices()


def _layers(view: slicer.vtkMRMLSliceCompositeNode) -> dict[str, Any]:
    count = _BASIC_LAYERS + view.GetNumberOfAdditionalLayers()
    return {
        "layers": [(view.GetNthLayerVolumeID(n), view.GetNthLayerOpacity(n)) for n in range(count)],
        "compositing": view.GetCompositing(),
        "linked": view.GetLinkedControl(),
        "hot_linked": view.GetHotLinkedControl(),
    }


def _restore_layers(view: slicer.vtkMRMLSliceCompositeNode, content: dict[str, Any], known: Collection[str]) -> None:
    """Layers on top with volumes that have come since, such as heatmaps, stay where there is room for them."""
    remembered = dict(enumerate(content["layers"]))
    with slicer.util.NodeModify(view):
        view.SetCompositing(content["compositing"])
        for n in range(max(len(remembered), _BASIC_LAYERS + view.GetNumberOfAdditionalLayers())):
            identifier, opacity = remembered.get(n, (None, 1.0))
            if identifier is not None and view.GetScene().GetNodeByID(identifier) is None:
                identifier = None
            if identifier is None and n >= _BASIC_LAYERS and view.GetNthLayerVolumeID(n) not in (None, *known):
                continue
            view.SetNthLayerVolumeID(n, identifier)
            view.SetNthLayerOpacity(n, opacity)
        view.SetLinkedControl(content["linked"])
        view.SetHotLinkedControl(content["hot_linked"])


def _contrast(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> dict[str, Any]:
    return {"auto": display.GetAutoWindowLevel(), "window": display.GetWindow(), "level": display.GetLevel()}


def _restore_contrast(display: slicer.vtkMRMLScalarVolumeDisplayNode, content: dict[str, Any]) -> None:
    with slicer.util.NodeModify(display):
        display.SetAutoWindowLevel(content["auto"])
        display.SetWindowLevel(content["window"], content["level"])
