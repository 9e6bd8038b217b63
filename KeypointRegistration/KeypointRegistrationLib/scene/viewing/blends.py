"""Two scans in one picture: squares that alternate, or their difference."""

from __future__ import annotations

import numpy as np
import slicer
from numpy.typing import NDArray

from ...geometry.sampling import Grid, coverage
from ...geometry.transforms import invert
from ..using.reslice import resliced
from ..volumes import volume_from_node

#: More voxels than this are more than the views can show, and take long to compute at every correction.
_MOST_VOXELS = 1 << 24

#: An axis of a grid is along a body axis if its step (mm) in the other directions is below this.
_ALONG = 1e-9

_TAG = "KeypointRegistration.Blend"


def checkerboard(
    fixed: slicer.vtkMRMLScalarVolumeNode, moving: slicer.vtkMRMLScalarVolumeNode, square: float
) -> NDArray[np.uint8]:
    """Cubes of side ``square`` (mm) in world RAS, alternately of the fixed and of the moving scan.

    The moving scan is taken where the scene shows it now.  Both are drawn as they are windowed in the scene, 0 to 255, on
    the grid of ``blend_grid``.
    """
    grid = blend_grid(fixed)
    one, other = (_windowed(node, grid) for node in (fixed, moving))
    is_moving = np.zeros(grid.shape, dtype=bool)
    j, i = np.ogrid[: grid.shape[1], : grid.shape[2]]
    for k, plane in enumerate(is_moving):
        for row in grid.ijk_to_ras[:3]:
            steps = [step * index for step, index in zip(row[:2], (i, j), strict=True) if abs(step) > _ALONG]
            plane ^= np.floor(sum(steps, row[2] * k + row[3]) / square) % 2 == 1
    return np.where(is_moving, other, one)


def difference(fixed: slicer.vtkMRMLScalarVolumeNode, moving: slicer.vtkMRMLScalarVolumeNode) -> NDArray[np.int16]:
    """Fixed minus moving scan, each as it is windowed in the scene: −255 to 255, 0 where they agree or one is absent."""
    grid = blend_grid(fixed)
    one, other = (_windowed(node, grid).astype(np.int16) for node in (fixed, moving))
    return np.where(coverage(volume_from_node(moving), grid), one - other, np.int16(0))


def blend_grid(fixed: slicer.vtkMRMLScalarVolumeNode) -> Grid:
    """The fixed scan's grid in world RAS, coarser by a whole factor where it has very many voxels."""
    grid = Grid.of(volume_from_node(fixed))
    factor = int(np.ceil((np.prod(grid.shape) / _MOST_VOXELS) ** (1 / 3)))
    return grid.coarsened(min(factor, *grid.shape)) if factor > 1 else grid


def show_in_hidden_volume(
    scene: slicer.vtkMRMLScene, values: NDArray, grid: Grid, shown_range: tuple[float, float]
) -> slicer.vtkMRMLScalarVolumeNode:
    """The scene's one volume for blends, with these voxels.  No list shows it, and it is not saved."""
    node = _existing(scene)
    if node is None:
        node = _add_hidden(scene, "vtkMRMLScalarVolumeNode")
        node.SetName("Comparison")
        node.SetAttribute(_TAG, "yes")
        display = _add_hidden(scene, "vtkMRMLScalarVolumeDisplayNode")
        display.SetDefaultColorMap()
        node.SetAndObserveDisplayNodeID(display.GetID())
    slicer.util.updateVolumeFromArray(node, values)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(grid.ijk_to_ras))
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevelMinMax(*shown_range)
    return node


def remove_hidden_volume(scene: slicer.vtkMRMLScene) -> None:
    """Take the volume for blends out of the scene, if there is one."""
    node = _existing(scene)
    if node is not None:
        display = node.GetDisplayNode()
        scene.RemoveNode(node)
        if display is not None:
            scene.RemoveNode(display)


def _existing(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLScalarVolumeNode | None:
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene)
    return next((node for node in volumes if node.GetAttribute(_TAG)), None)


def _add_hidden(scene: slicer.vtkMRMLScene, kind: str) -> slicer.vtkMRMLNode:
    """Hidden before it is added: whoever hears of a new node looks then."""
    node = scene.CreateNodeByClass(kind)
    node.UnRegister(None)  # the scene keeps it from now on
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return scene.AddNode(node)


def _windowed(node: slicer.vtkMRMLScalarVolumeNode, grid: Grid) -> NDArray[np.uint8]:
    """The scan on the grid in grey levels, as its display node says."""
    display = node.GetDisplayNode()
    low, high = node.GetImageData().GetScalarRange()
    if display is not None:
        low, high = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    values = resliced(node, invert(volume_from_node(node).ijk_to_ras) @ grid.ijk_to_ras, grid.shape)
    grey = np.empty(grid.shape, dtype=np.uint8)
    for k, plane in enumerate(values):
        grey[k] = np.rint(255 * np.clip((plane.astype(np.float32) - low) / max(high - low, 1e-12), 0, 1))
    return grey
