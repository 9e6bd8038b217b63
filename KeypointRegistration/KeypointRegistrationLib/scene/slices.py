"""What slice views show: one more layer on top, and the user's own set-up kept and given back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

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


@dataclass(frozen=True, eq=False)
class SliceSetUp:
    """What all slice views showed, and where, at one moment.

    Attributes:
        layers: per composite node ID: volume IDs and opacities by the name of the setter that takes them.
        extra_layers: per composite node ID: volume ID and opacity of each layer beyond the label.
        planes: per slice node ID: the 4×4 slice-to-RAS matrix (RAS mm).
        fields: per slice node ID: field of view in mm and the view's origin in it.
    """

    layers: dict[str, dict[str, Any]]
    extra_layers: dict[str, list[tuple[str | None, float]]]
    planes: dict[str, NDArray[np.float64]]
    fields: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]

    @classmethod
    def of(cls, scene: slicer.vtkMRMLScene) -> SliceSetUp:
        """The set-up now."""
        views = slice_layers(scene)
        nodes = slicer.util.getNodesByClass("vtkMRMLSliceNode", scene)
        return cls(
            layers={view.GetID(): _basic_layers(view) for view in views},
            extra_layers={
                view.GetID(): [(view.GetNthLayerVolumeID(n), view.GetNthLayerOpacity(n)) for n in _layers(view)]
                for view in views
                if has_extra_layers(view)
            },
            planes={node.GetID(): slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()) for node in nodes},
            fields={node.GetID(): (node.GetFieldOfView(), node.GetXYZOrigin()) for node in nodes},
        )

    def restore(self, scene: slicer.vtkMRMLScene) -> None:
        """Give the views back what they showed; a volume or view that is gone meanwhile is left out."""

        def present(node_id: str | None) -> str | None:
            return node_id if node_id and scene.GetNodeByID(node_id) else None

        for view in slice_layers(scene):
            for setter, value in self.layers.get(view.GetID(), {}).items():
                getattr(view, setter)(present(value) if setter.endswith("ID") else value)
            if view.GetID() in self.extra_layers:
                before = self.extra_layers[view.GetID()]
                for n in reversed(_layers(view)):
                    view.SetNthLayerVolumeID(n, None)
                for n, (volume, opacity) in enumerate(before, start=_FIRST_EXTRA_LAYER):
                    view.SetNthLayerVolumeID(n, present(volume))
                    view.SetNthLayerOpacity(n, opacity)
        for node_id, plane in self.planes.items():
            node = scene.GetNodeByID(node_id)
            if node is not None:
                node.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(plane))
                field_of_view, origin = self.fields[node_id]
                node.SetFieldOfView(*field_of_view)
                node.SetXYZOrigin(*origin)
                node.UpdateMatrices()


def _basic_layers(view: slicer.vtkMRMLSliceCompositeNode) -> dict[str, Any]:
    return {
        "SetBackgroundVolumeID": view.GetBackgroundVolumeID(),
        "SetForegroundVolumeID": view.GetForegroundVolumeID(),
        "SetForegroundOpacity": view.GetForegroundOpacity(),
        "SetLabelVolumeID": view.GetLabelVolumeID(),
        "SetLabelOpacity": view.GetLabelOpacity(),
        "SetCompositing": view.GetCompositing(),
    }
