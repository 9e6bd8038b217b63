"""One more layer on top of what slice views show, without taking away what the user has put there."""

from __future__ import annotations

from collections.abc import Iterable

import slicer

_FIRST_EXTRA_LAYER = 3  # after background, foreground and label
_REPLACED = "KeypointRegistration.ReplacedForeground"  # role and attribute on a composite node whose foreground we borrow


def slice_layers(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceCompositeNode]:
    """The composite nodes of all slice views: they say which volumes a view shows."""
    return slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode", scene)


def show_on_top(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode, opacity: float) -> None:
    """Show a volume over whatever the view shows, in an extra layer.

    Slicer before 5.10 has no extra layers: there the volume takes the place of the foreground until ``take_off``.
    """
    if has_extra_layers(view):
        layer = _layer_of(view, volume) or _free_layer(view)
        view.SetNthLayerVolumeID(layer, volume.GetID())
        view.SetNthLayerOpacity(layer, opacity)
        return
    if view.GetForegroundVolumeID() != volume.GetID():
        view.SetNodeReferenceID(_REPLACED, view.GetForegroundVolumeID())
        view.SetAttribute(_REPLACED, str(view.GetForegroundOpacity()))
    view.SetForegroundVolumeID(volume.GetID())
    view.SetForegroundOpacity(opacity)


def take_off(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode) -> None:
    """Undo ``show_on_top`` in one view.  A view that does not show the volume stays as it is."""
    if has_extra_layers(view):
        layer = _layer_of(view, volume)
        if layer:
            view.SetNthLayerVolumeID(layer, None)
    elif view.GetForegroundVolumeID() == volume.GetID() and view.GetAttribute(_REPLACED) is not None:
        view.SetForegroundVolumeID(view.GetNodeReferenceID(_REPLACED))
        view.SetForegroundOpacity(float(view.GetAttribute(_REPLACED)))
        view.SetNodeReferenceID(_REPLACED, None)
        view.RemoveAttribute(_REPLACED)


def has_extra_layers(view: slicer.vtkMRMLSliceCompositeNode) -> bool:
    """Whether this Slicer can show more than a background, a foreground and a label volume in a view."""
    return hasattr(view, "SetNthLayerVolumeID")


def _layers(view: slicer.vtkMRMLSliceCompositeNode) -> Iterable[int]:
    return range(_FIRST_EXTRA_LAYER, _FIRST_EXTRA_LAYER + view.GetNumberOfAdditionalLayers())


def _layer_of(view: slicer.vtkMRMLSliceCompositeNode, volume: slicer.vtkMRMLVolumeNode) -> int | None:
    return next((n for n in _layers(view) if view.GetNthLayerVolumeID(n) == volume.GetID()), None)


def _free_layer(view: slicer.vtkMRMLSliceCompositeNode) -> int:
    taken = [n for n in _layers(view) if view.GetNthLayerVolumeID(n)]
    return max(taken, default=_FIRST_EXTRA_LAYER - 1) + 1
