"""Probability maps of keypoints as overlays: where the network saw the anatomy, and how sharply."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import slicer
from numpy.typing import NDArray

from ...detection.heatmaps import Heatmaps
from .. import hierarchy
from ..nodes import batch, put_under
from ..notes.names import shown_names
from ..results import handle
from ..results.handle import SceneRegistration
from ..sides import Side
from ..viewing.slices import slice_layers, slice_views
from .anchors import place_on_scan, required_points, required_scan
from .colours import HEAT
from .legends import Corner, set_legend_views, show_legend
from .overlays import put_on_top, show_overlay, take_away

__all__ = ["Side", "content_threshold", "hide_heatmap", "probability_density", "set_heatmap_views", "show_heatmap"]

_ROLES = {Side.FIXED: handle.FIXED_HEATMAP, Side.MOVING: handle.MOVING_HEATMAP}
_TITLE_WIDTH = 24  # letters: the legends of both scans must fit beside each other
_CORNERS = {Side.FIXED: Corner.BOTTOM_RIGHT, Side.MOVING: Corner.BOTTOM_LEFT}


def show_heatmap(
    added: SceneRegistration,
    heatmaps: Heatmaps,
    side: Side,
    keypoint: int | None = None,
    *,
    content: float = 0.9,
    opacity: float = 0.6,
    views: Sequence[slicer.vtkMRMLSliceCompositeNode] | None = None,
) -> slicer.vtkMRMLScalarVolumeNode:
    """Show the map of one keypoint, or the maximum of all maps, over one scan, with a legend.

    There is one heatmap volume per scan: showing another keypoint changes its content, so that stepping through keypoints
    does not fill the scene.  It holds the probability per cm³, which does not depend on the grid, and lies on the voxels of
    the scan: it moves with it.  The volumes that the views show stay as they are.

    Args:
        added: whose scans and keypoints these are.
        heatmaps: of that scan, on a grid in world RAS mm (the moving scan's: where it was registered, before alignment).
        side: which scan.
        keypoint: index k, or None for the maximum of all, each shown where it holds the part ``content``.
        content: the threshold is set so that what is shown of a map holds this part (0 to 1) of its probability.
        opacity: of the overlay, 0 to 1.
        views: composite nodes of the slice views to show it in; None for all.

    Raises:
        ValueError: if the scan or its keypoint list is no longer in the scene: nothing says then where the map belongs.
    """
    scan, points = required_scan(added, side), required_points(added, side)
    what = "all keypoints" if keypoint is None else shown_names(added)[keypoint]
    if keypoint is None:
        density, shown_range = _all_together(heatmaps, content)
    else:
        density = probability_density(heatmaps, keypoint)
        shown_range = (content_threshold(density, content), float(density.max()))
    scene = scan.GetScene()
    chosen = slice_layers(scene) if views is None else list(views)
    with batch(scene):
        volume = heat_volume(added, side, "vtkMRMLScalarVolumeNode", f"{scan.GetName()} heatmap: {what}")
        fill(volume, density, added, side, heatmaps.grid.ijk_to_ras)
        show_overlay(volume, HEAT, shown_range, opacity, chosen)
        title = f"{textwrap.fill(what, _TITLE_WIDTH)}\nprobability, {side.value} scan"
        points.CreateDefaultDisplayNodes()
        carrier = points.GetDisplayNode()
        show_legend(volume, carrier, title, "/ cm³", HEAT, shown_range, _CORNERS[side], slice_views(scene, chosen))
    return volume


def hide_heatmap(added: SceneRegistration, side: Side) -> None:
    """Remove the heatmap of one scan with its legend, if there is one; the slice views get back what they showed."""
    volume = shown_heatmap(added, side)
    if volume is not None:
        with batch(volume.GetScene()):
            take_away(volume)
            added.adopt(_ROLES[side], None)


def shown_heatmap(added: SceneRegistration, side: Side) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume that shows heatmaps of one scan at the moment, if any."""
    return added.fixed_heatmap if side is Side.FIXED else added.moving_heatmap


def set_heatmap_views(
    added: SceneRegistration, side: Side, opacity: float, views: Sequence[slicer.vtkMRMLSliceCompositeNode]
) -> None:
    """Show the heatmap of one scan, if there is one, in these views and no others, its content unchanged."""
    volume = shown_heatmap(added, side)
    if volume is not None:
        put_on_top(volume, opacity, views)
        set_legend_views(volume, slice_views(added.scene, views))


def heat_volume(added: SceneRegistration, side: Side, kind: str, name: str) -> slicer.vtkMRMLScalarVolumeNode:
    """The one volume node that shows heatmaps of a scan, of MRML class ``kind``: made where there is none of that kind.

    Raises:
        ValueError: if the scan's keypoint list is no longer in the scene.
    """
    points = required_points(added, side)
    volume = shown_heatmap(added, side)
    if volume is not None and volume.GetClassName() != kind:
        hide_heatmap(added, side)
        volume = None
    if volume is None:
        scene = points.GetScene()
        volume = scene.AddNewNodeByClass(kind)
        added.adopt(_ROLES[side], volume)
        hierarchy.add_member(scene, volume, points)
    volume.SetName(name)
    return volume


def fill(
    volume: slicer.vtkMRMLScalarVolumeNode, values: NDArray, added: SceneRegistration, side: Side, ijk_to_ras: NDArray
) -> None:
    """Give a volume its voxels (k, j, i) on a grid in the world RAS in which the scan was registered."""
    place = place_on_scan(added, side)
    slicer.util.updateVolumeFromArray(volume, values)
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(place.from_registered @ ijk_to_ras))
    put_under(volume, place.parent)


def probability_density(heatmaps: Heatmaps, keypoint: int | None) -> NDArray[np.float32]:
    """Probability per cm³ of keypoint k, or the maximum over all keypoints (None), shape (k, j, i) of the grid."""
    probability = heatmaps.values.max(axis=0) if keypoint is None else heatmaps.values[keypoint]
    voxel_volume = abs(np.linalg.det(heatmaps.grid.ijk_to_ras[:3, :3])) / 1000  # cm³
    return np.asarray(probability / voxel_volume, dtype=np.float32)


def content_threshold(density: NDArray, content: float) -> float:
    """The value above which a map holds the part ``content`` (0 to 1) of its sum: a percentile of what it is a map of.

    The region above it is the highest-density region: the smallest that holds as much.
    """
    falling = np.sort(density, axis=None)[::-1]
    cumulative = np.cumsum(falling, dtype=float)
    position = np.searchsorted(cumulative, content * cumulative[-1])
    return float(falling[min(position, len(falling) - 1)])


def _all_together(heatmaps: Heatmaps, content: float) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """The maximum of all maps, each where it is above its own threshold, and the range of colours for it.

    Under one threshold for all, sharp maps would hide the wide ones.  The scale ends at the median of the maps' peaks: the
    few that are much sharper share its last colour.
    """
    densities = (probability_density(heatmaps, k) for k in range(len(heatmaps.values)))
    together = np.zeros(heatmaps.grid.shape, dtype=np.float32)
    thresholds, peaks = [], []
    for density in densities:
        thresholds.append(content_threshold(density, content))
        peaks.append(float(density.max()))
        np.maximum(together, np.where(density >= thresholds[-1], density, 0), out=together)
    return together, (min(thresholds), float(np.median(peaks)))
