"""One more layer on top of what slice views show, without taking away what the user has put there."""

from __future__ import annotations

from collections.abc import Iterable

import slicer

_FIRST_EXTRA_LAYER = 3  # after background, foreground and label


def slice_layers(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceCompositeNode]:
    """The composite nodes of all slice views: they say which volumes a view shows."""
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", scene)


def slice_views(
    scene: slicer.vtkMRMLScene, layers: Iterable[slicer.vtkMRMLSliceCompositeNode]
) -> list[slicer.vtkMRMLSliceNode]:
    """The slice nodes of views that are given by their composite nodes."""
    names = {view.GetLayoutName() for view in layers}
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode", scene) if node.GetLayoutName() in names]


def show_on_top(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode, opacity: float) -> None:
    """Show a volume over whatever the view shows, in an extra layer."""
    layer = _layer_of(view, volume) or _free_layer(view)
    view.SetNthLayerVolumeID(layer, volume.GetID())
    view.SetNthLayerOpacity(layer, opacity)


def bring_to_top(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode) -> None:
    """Show a volume that ``show_on_top`` has put into a view over those that have come later, as opaque as it is."""
    layer = _layer_of(view, volume)
    if layer is not None and layer + 1 < _free_layer(view):
        opacity = view.GetNthLayerOpacity(layer)
        view.SetNthLayerVolumeID(layer, None)
        show_on_top(view, volume, opacity)


def take_off(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode) -> None:
    """Undo ``show_on_top`` in one view.  A view that does not show the volume stays as it is."""
    layer = _layer_of(view, volume)
    if layer is not None:
        view.SetNthLayerVolumeID(layer, None)


def _layers(view: slicer.vtkMRMLSliceCompositeNode) -> Iterable[int]:
    return range(_FIRST_EXTRA_LAYER, _FIRST_EXTRA_LAYER + view.GetNumberOfAdditionalLayers())


def _layer_of(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode) -> int | None:
    return next((n for n in _layers(view) if view.GetNthLayerVolumeID(n) == volume.GetID()), None)


def _free_layer(view: slicer.vtkMRMLSliceCompositeNode) -> int:
    taken = [n for n in _layers(view) if view.GetNthLayerVolumeID(n)]
    return max(taken, default=_FIRST_EXTRA_LAYER - 1) + 1
