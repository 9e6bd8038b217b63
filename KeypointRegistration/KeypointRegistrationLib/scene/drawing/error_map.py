"""The predicted error of the alignment everywhere in the head of the fixed scan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ...geometry.accuracy import predicted_error
from ...geometry.sampling import Grid, sample
from ...geometry.transforms import invert
from ...geometry.volume import Volume
from ...registration.region import head_region
from .. import hierarchy
from ..nodes import batch, hide_from_lists, put_under
from ..results import handle
from ..results.handle import SceneRegistration
from ..sides import Side
from ..viewing.slices import bring_to_top, slice_layers, slice_views
from ..volumes import local_ijk_to_ras, volume_from_node
from .anchors import Place, place_on_scan, required_scan
from .colours import MILLIMETRES, scale_end
from .heatmaps import shown_heatmap
from .legends import Corner, set_legend_views, show_legend
from .overlays import put_on_top, show_overlay, take_away

_SPACING = 3.0  # mm

#: The colour scale begins at 0 and ends here at least, in mm: a scale that ended at the largest error would make any error
#: look large.
_LEAST_END = 5.0

#: Value outside the head: so low that between it and any error in mm next to nothing of a voxel is drawn.
_OUTSIDE = -1e4


def show_error_map(
    added: SceneRegistration,
    *,
    opacity: float = 0.4,
    views: Sequence[slicer.vtkMRMLSliceCompositeNode] | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Show the predicted root-mean-square error (mm) over the fixed scan, or bring it up to date, with a legend.

    Only the head is covered, as far as it can be told from the background.  A map that is there already keeps its grid: only
    its values are computed anew.

    Args:
        added: whose alignment.
        opacity: of the overlay, 0 to 1.
        views: composite nodes of the slice views to show it in; None for all.

    Raises:
        ValueError: if the fixed scan is no longer in the scene.
        InputError: if it cannot be read as a scan or is empty.
    """
    place = place_on_scan(added, Side.FIXED)
    volume = added.adopted(handle.ERROR_MAP)
    with batch(added.scene):
        if volume is None:
            volume = _add_volume(added, place)
        put_under(volume, place.parent)
        shown_range = _compute(volume, added.registration.error_form, invert(place.from_registered))
        chosen = slice_layers(added.scene) if views is None else list(views)
        show_overlay(volume, MILLIMETRES, shown_range, opacity, chosen)
        _keep_under_heatmap(added, chosen)
        carrier = _legend_carrier(added)
        title = "predicted error\nfixed scan"
        show_legend(
            carrier, carrier.GetDisplayNode(), title, "mm", MILLIMETRES, shown_range, Corner.TOP_LEFT,
            slice_views(added.scene, chosen),
        )  # fmt: skip
    return volume


def set_error_map_views(added: SceneRegistration, opacity: float, views: Sequence[slicer.vtkMRMLSliceCompositeNode]) -> None:
    """Show the error map, if there is one, in these views and no others, its content unchanged."""
    volume = added.adopted(handle.ERROR_MAP)
    if volume is not None:
        put_on_top(volume, opacity, views)
        _keep_under_heatmap(added, views)
        set_legend_views(_legend_carrier(added), slice_views(added.scene, views))


def hide_error_map(added: SceneRegistration) -> None:
    """Remove the error map and its legend, if it is shown."""
    with batch(added.scene):
        for role in (handle.ERROR_MAP, handle.ERROR_LEGEND):
            node = added.adopted(role)
            if node is not None:
                take_away(node)
                added.adopt(role, None)


def _keep_under_heatmap(added: SceneRegistration, views: Sequence[slicer.vtkMRMLSliceCompositeNode]) -> None:
    """The error map covers the whole head, a heatmap one place."""
    heatmap = shown_heatmap(added, Side.FIXED)
    for view in views if heatmap is not None else ():
        bring_to_top(view, heatmap)


def _add_volume(added: SceneRegistration, place: Place) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume on a coarse grid around the head: 0 inside, ``_OUTSIDE`` outside."""
    scan = required_scan(added, Side.FIXED)
    voxels = volume_from_node(scan).voxels
    registered = Volume(voxels, invert(place.from_registered) @ local_ijk_to_ras(scan), scan.GetName())
    registered.value_range()  # raises where there is no head to be found
    grid = _coarse_grid(registered)
    head = head_region(Volume(sample(registered, grid), grid.ijk_to_ras, scan.GetName()))
    volume = added.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"{scan.GetName()} predicted error")
    added.adopt(handle.ERROR_MAP, volume)
    hierarchy.add_member(added.scene, volume, added.fixed_points or scan)
    slicer.util.updateVolumeFromArray(volume, np.where(head, 0.0, _OUTSIDE).astype(np.float32))
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(place.from_registered @ grid.ijk_to_ras))
    return volume


def _coarse_grid(scan: Volume) -> Grid:
    """A grid in the directions of the scan's voxels that covers the scan."""
    steps = np.maximum(_SPACING / scan.spacing, 1.0)
    i, j, k = np.maximum(((np.array(scan.shape[::-1]) - 1) // steps).astype(int) + 1, 2)
    return Grid((int(k), int(j), int(i)), scan.ijk_to_ras @ np.diag([*steps, 1.0]))


def _compute(
    volume: slicer.vtkMRMLScalarVolumeNode, form: NDArray[np.float64], to_registered: NDArray[np.float64]
) -> tuple[float, float]:
    """Write the error in mm where the volume is inside the head; returns the ends of the colour scale, which holds 95 %."""
    values = slicer.util.arrayFromVolume(volume)
    inside = values > _OUTSIDE / 2
    grid = Grid(values.shape, to_registered @ local_ijk_to_ras(volume))
    errors = predicted_error(form, grid.positions()[inside.ravel()])
    values[inside] = errors
    slicer.util.arrayFromVolumeModified(volume)
    return 0.0, scale_end(max(float(np.percentile(errors, 95)) if len(errors) else 0.0, _LEAST_END))


def _legend_carrier(added: SceneRegistration) -> slicer.vtkMRMLModelNode:
    """A model without any surface: Slicer draws no legend for a volume in an extra layer, but does for a visible model."""
    model = added.adopted(handle.ERROR_LEGEND)
    if model is None:
        model = slicer.vtkMRMLModelNode()
        model.SetName("Predicted error legend")
        hide_from_lists(model)
        added.scene.AddNode(model)
        model.SetAndObservePolyData(vtk.vtkPolyData())
        model.CreateDefaultDisplayNodes()
        model.GetDisplayNode().SetVisibility2D(True)
        added.adopt(handle.ERROR_LEGEND, model)
    return model
