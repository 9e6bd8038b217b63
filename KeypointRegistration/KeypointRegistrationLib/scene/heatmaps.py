"""Probability maps of keypoints as overlays: where the network saw the anatomy, and how sharply."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
import slicer
from numpy.typing import NDArray

from ..detection.heatmaps import Heatmaps
from . import handle, hierarchy
from .handle import SceneRegistration
from .nodes import batch, put_under
from .overlays import remove_overlay, show_legend, show_overlay
from .slices import slice_layers


class Side(Enum):
    """Of which scan."""

    FIXED = "fixed"
    MOVING = "moving"


_ROLES = {Side.FIXED: handle.FIXED_HEATMAP, Side.MOVING: handle.MOVING_HEATMAP}


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
    does not fill the scene.  It holds the probability per cm³, which does not depend on the grid, and sits under the same
    transform as the scan's keypoints: it moves with the scan.  The volumes that the views show stay as they are.

    Args:
        added: whose scans and keypoints these are.
        heatmaps: of that scan, on a grid in world RAS mm (the moving scan's: where it was registered, before alignment).
        side: which scan.
        keypoint: index k, or None for the maximum of all.
        content: the threshold is set so that what is shown holds this part (0 to 1) of the probability.
        opacity: of the overlay, 0 to 1.
        views: composite nodes of the slice views to show it in; None for all.

    Raises:
        ValueError: if the scan or its keypoint list is no longer in the scene: nothing says then where the map belongs.
    """
    scan, points, volume = _nodes(added, side)
    if scan is None or points is None:
        raise ValueError(f"the {side.value} scan or its keypoints are no longer in the scene")
    scene = scan.GetScene()
    what = "all keypoints" if keypoint is None else added.registration.fixed_keypoints.labels[keypoint]
    density = probability_density(heatmaps, keypoint)
    shown_range = (content_threshold(density, content), float(density.max()))
    world_to_local = np.linalg.inv(np.array(added.provenance[side.value]["parent_to_world"]))
    chosen = slice_layers(scene) if views is None else list(views)
    with batch(scene):
        if volume is None:
            volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
            added.adopt(_ROLES[side], volume)
            hierarchy.add_member(scene, volume, points)
        volume.SetName(f"{scan.GetName()} heatmap: {what}")
        slicer.util.updateVolumeFromArray(volume, density)
        volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(world_to_local @ heatmaps.grid.ijk_to_ras))
        put_under(volume, points.GetParentTransformNode())
        show_overlay(volume, shown_range, opacity, chosen)
        title = f"{what}\nprobability, {side.value} scan"
        show_legend(volume, title, shown_range, points, chosen, left=side is Side.MOVING)
    return volume


def hide_heatmap(added: SceneRegistration, side: Side) -> None:
    """Remove the heatmap of one scan with its legend, if there is one; the slice views get back what they showed."""
    *_, volume = _nodes(added, side)
    if volume is not None:
        with batch(volume.GetScene()):
            remove_overlay(volume)
            added.adopt(_ROLES[side], None)


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


def _nodes(
    added: SceneRegistration, side: Side
) -> tuple[
    slicer.vtkMRMLScalarVolumeNode | None,
    slicer.vtkMRMLMarkupsFiducialNode | None,
    slicer.vtkMRMLScalarVolumeNode | None,
]:
    """Scan, point list and heatmap of one side."""
    if side is Side.FIXED:
        return added.fixed_volume, added.fixed_points, added.fixed_heatmap
    return added.moving_volume, added.moving_points, added.moving_heatmap
