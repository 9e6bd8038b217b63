"""All heatmaps of a scan together, coloured per keypoint: which keypoint owns which place, and how surely."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
import slicer
from numpy.typing import NDArray

from ...detection.heatmaps import Heatmaps
from ...geometry.sampling import Grid
from ..nodes import batch, hide_from_lists
from ..notes.names import shown_names
from ..results import handle
from ..results.handle import SceneRegistration
from ..sides import Side
from ..viewing.slices import slice_layers
from .anchors import required_scan
from .heatmaps import content_threshold, fill, heat_volume, probability_density
from .overlays import put_on_top

#: Parts of the shown content, from the whole of it to the core, each drawn darker than the one before.
_LEVELS = (1.0, 0.75, 0.5, 0.25)
_LIGHTNESS = (0.82, 0.68, 0.54, 0.4)

#: Labels cannot be drawn smoothly; on a grid so much finer than the maps' own their outlines look smooth.
_REFINEMENT = 4

_GOLDEN = 0.618033988749895  # of the colour circle: neighbouring keypoints get colours that are far apart


def show_dominance(
    added: SceneRegistration,
    heatmaps: Heatmaps,
    side: Side,
    *,
    content: float = 0.9,
    opacity: float = 0.6,
    views: Sequence[slicer.vtkMRMLSliceCompositeNode] | None = None,
) -> slicer.vtkMRMLLabelMapVolumeNode:
    """Show over one scan which keypoint's map is highest, in a colour per keypoint; the darker, the surer.

    It takes the place of the scan's heatmap (``show_heatmap``), with the same arguments and errors, and is hidden with it.
    Each map is drawn where it holds the part ``content`` of its probability, in four shades for the whole of that part, 3/4,
    1/2 and 1/4 of it.  The names of the colours, which Slicer shows at the mouse, are those of the keypoints.
    """
    scan = required_scan(added, side)
    labels, grid = dominant_keypoints(heatmaps, content)
    scene = scan.GetScene()
    with batch(scene):
        volume = heat_volume(
            added, side, "vtkMRMLLabelMapVolumeNode", f"{scan.GetName()} heatmap: all keypoints, one colour each"
        )
        fill(volume, labels, added, side, grid.ijk_to_ras)
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().SetAndObserveColorNodeID(_colours(added, len(heatmaps.values)).GetID())
        put_on_top(volume, opacity, slice_layers(scene) if views is None else list(views))
    return volume


def dominant_keypoints(heatmaps: Heatmaps, content: float) -> tuple[NDArray[np.int16], Grid]:
    """Labels on a finer grid: 0 for none, else 1 + 4·k + shade (0 to 3) of the keypoint k with the highest density there."""
    coarse = heatmaps.grid
    matrix = coarse.ijk_to_ras @ np.diag([1 / _REFINEMENT] * 3 + [1.0])
    k, j, i = ((n - 1) * _REFINEMENT + 1 for n in coarse.shape)
    fine = Grid((k, j, i), matrix)
    labels = np.zeros(fine.shape, dtype=np.int16)
    highest = np.zeros(fine.shape, dtype=np.float32)
    for keypoint in range(len(heatmaps.values)):
        density = probability_density(heatmaps, keypoint)
        thresholds = [content_threshold(density, content * part) for part in _LEVELS]
        box = _box_around(density >= thresholds[0])
        values = _refined(density[box])
        place = tuple(slice(s.start * _REFINEMENT, (s.stop - 1) * _REFINEMENT + 1) for s in box)
        wins = (values >= thresholds[0]) & (values > highest[place])
        shades = np.searchsorted(thresholds[1:], values, side="right")
        labels[place][wins] = 1 + len(_LEVELS) * keypoint + shades[wins]
        highest[place][wins] = values[wins]
    return labels, fine


def keypoint_colour(keypoint: int, shade: int) -> tuple[float, float, float]:
    """RGB of a keypoint in one of the four shades."""
    return colorsys.hls_to_rgb((keypoint * _GOLDEN) % 1.0, _LIGHTNESS[shade], 0.85)


def _colours(added: SceneRegistration, count: int) -> slicer.vtkMRMLColorTableNode:
    """The registration's colour table: a name and a colour for every label."""
    node = added.adopted(handle.KEYPOINT_COLOURS)
    if node is None:
        node = slicer.vtkMRMLColorTableNode()
        node.SetTypeToUser()
        node.SetName("Keypoint colours")
        hide_from_lists(node)
        node = added.scene.AddNode(node)
        added.adopt(handle.KEYPOINT_COLOURS, node)
    with slicer.util.NodeModify(node):
        node.SetNumberOfColors(1 + count * len(_LEVELS))
        node.SetColor(0, "none", 0.0, 0.0, 0.0, 0.0)
        for k, name in enumerate(shown_names(added)[:count]):
            for shade in range(len(_LEVELS)):
                node.SetColor(1 + len(_LEVELS) * k + shade, name, *keypoint_colour(k, shade), 1.0)
    return node


def _box_around(inside: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box around what is inside, one wider on each side where the array goes on."""
    found = np.argwhere(inside)
    first, last = np.maximum(found.min(axis=0) - 1, 0), np.minimum(found.max(axis=0) + 2, inside.shape)
    return tuple(slice(int(start), int(stop)) for start, stop in zip(first, last, strict=True))


def _refined(values: NDArray) -> NDArray[np.float32]:
    """Values interpolated linearly between the points of a grid, ``_REFINEMENT`` times as densely."""
    for axis in range(3):
        values = np.moveaxis(values, axis, 0)
        at = np.arange((len(values) - 1) * _REFINEMENT + 1)
        low, part = at // _REFINEMENT, ((at % _REFINEMENT) / _REFINEMENT).astype(np.float32)[:, None, None]
        high = np.minimum(low + 1, len(values) - 1)
        values = np.moveaxis(values[low] * (1 - part) + values[high] * part, 0, axis)
    return np.asarray(values, dtype=np.float32)
