"""The fixed scan above, the moving one below, in linked views: side by side, faded, as a checkerboard, as a difference."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..nodes import batch
from ..results.placement import present
from ..volumes import volume_from_node
from . import layouts, view_memory
from .blends import blend_grid, checkerboard, difference, remove_hidden_volume, show_in_hidden_volume
from .fitting import FittedViews

if TYPE_CHECKING:
    from ..results.handle import SceneRegistration


class CompareMode(Enum):
    """What the lower row shows; the upper one always shows the fixed scan."""

    SIDE_BY_SIDE = "side by side"
    FADE = "fade"
    CHECKERBOARD = "checkerboard"
    DIFFERENCE = "difference"


class Comparison:
    """One result, compared in a layout of its own until ``leave``.

    The user's own layout, slice views and contrast are remembered in the scene and come back; their views are not used.
    It is also left when the scene is closed.
    """

    def __init__(
        self,
        result: SceneRegistration,
        on_moved: Callable[[], None] | None = None,
        on_left: Callable[[], None] | None = None,
    ) -> None:
        """Switch to the layout.

        ``on_moved`` is called, often, when one of the scans moves: see ``refresh``.  ``on_left`` is called when the user
        has chosen another layout, which then stays, or when the scene is closed.

        Raises:
            InputError: if a scan is gone or cannot be shown, or there are no views.  Nothing has changed then.
        """
        fixed, moving, _ = present(result)
        for node in (fixed, moving):
            volume_from_node(node)
        self._result = result
        self._layout = layouts.layout_node(result.scene)
        self._mode, self._opacity, self._square = CompareMode.SIDE_BY_SIDE, 0.5, 20.0
        leave_comparison(result.scene)
        layouts.register_layout(self._layout)
        lists = [node for node in (result.fixed_points, result.moving_points) if node is not None]
        own_views = (*layouts.FIXED_VIEWS, *layouts.MOVING_VIEWS)
        view_memory.remember(self._layout, (fixed, moving), lists, own_views)
        layouts.arrange(self._layout, layouts.COMPARE_LAYOUT)
        with batch(result.scene):
            _prepare_views(result.scene)
            _show_only_in_own_row(result)
            self._show()
        # not in the batch, in which models do not notice that slices move
        self._fitted = FittedViews(_own_slices(result.scene), volume_from_node(fixed).corners, _middle(result))
        self._observations: list[tuple[vtk.vtkWeakReference, int]] = []
        if on_moved is not None:
            for node in (fixed, moving):
                self._observe(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, on_moved)
        self._on_left = on_left
        self._observe(result.scene, slicer.vtkMRMLScene.StartCloseEvent, self._on_close)
        self._observe(self._layout, vtk.vtkCommand.ModifiedEvent, self._on_layout)
        self._is_saving = False
        self._observe(result.scene, slicer.vtkMRMLScene.StartSaveEvent, self._on_save)
        self._observe(result.scene, slicer.vtkMRMLScene.EndSaveEvent, self._on_saved)

    @property
    def active(self) -> bool:
        """Whether the layout is still shown: it is not after ``leave``, nor when the registration was undone."""
        return view_memory.has_memory(self._layout)

    def show(self, mode: CompareMode) -> None:
        """Change what the lower row shows."""
        self._mode = mode
        self._show()

    def fade(self, opacity: float) -> None:
        """In fade mode: from the fixed scan alone (0) to the moving one alone (1).  Flicker is the two in turn."""
        self._opacity = opacity
        for view in _layers(self._result.scene, layouts.MOVING_VIEWS):
            view.SetForegroundOpacity(opacity if self._mode is CompareMode.FADE else 0.0)

    def set_square(self, millimetres: float) -> None:
        """Side of the checkerboard's squares."""
        if millimetres != self._square:
            self._square = millimetres
            self.refresh()

    def refresh(self) -> None:
        """Compute checkerboard or difference again, where the scans are now.  The other modes follow by themselves."""
        if self._mode in (CompareMode.CHECKERBOARD, CompareMode.DIFFERENCE):
            self._show()

    def leave(self) -> None:
        """Go back to the user's own layout and views."""
        for node, tag in self._observations:
            if node.Get() is not None:
                node.Get().RemoveObserver(tag)
        self._observations = []
        self._fitted.close()
        leave_comparison(self._result.scene)

    def _on_close(self) -> None:
        self.leave()
        if self._on_left is not None:
            self._on_left()

    def _on_save(self) -> None:
        """A file gets the user's own arrangement: whoever loads it may not know ours, and would see no views at all."""
        self._is_saving = True
        layouts.arrange(self._layout, view_memory.remembered_arrangement(self._layout))

    def _on_saved(self) -> None:
        layouts.arrange(self._layout, layouts.COMPARE_LAYOUT)
        self._is_saving = False

    def _on_layout(self) -> None:
        if not self._is_saving and self._layout.GetViewArrangement() != layouts.COMPARE_LAYOUT:
            self._on_close()

    def _show(self) -> None:
        fixed, moving, _ = present(self._result)
        scene = self._result.scene
        for view in _layers(scene, layouts.FIXED_VIEWS):
            _set_layers(view, fixed, None, 0.0)
        if self._mode is CompareMode.SIDE_BY_SIDE:
            lower, over, opacity = moving, None, 0.0
        elif self._mode is CompareMode.FADE:
            lower, over, opacity = fixed, moving, self._opacity
        else:
            lower, over, opacity = self._blend(fixed, moving), None, 0.0
        for view in _layers(scene, layouts.MOVING_VIEWS):
            _set_layers(view, lower, over, opacity)

    def _blend(
        self, fixed: slicer.vtkMRMLScalarVolumeNode, moving: slicer.vtkMRMLScalarVolumeNode
    ) -> slicer.vtkMRMLScalarVolumeNode:
        scene, grid = fixed.GetScene(), blend_grid(fixed)
        if self._mode is CompareMode.CHECKERBOARD:
            return show_in_hidden_volume(scene, checkerboard(fixed, moving, self._square), grid, (0.0, 255.0))
        return show_in_hidden_volume(scene, difference(fixed, moving), grid, (-255.0, 255.0))

    def _observe(self, node: vtk.vtkObject, event: int, call: Callable[[], None]) -> None:
        reference = vtk.vtkWeakReference()
        reference.Set(node)
        self._observations.append((reference, node.AddObserver(event, lambda *_: call())))


def leave_comparison(scene: slicer.vtkMRMLScene) -> None:
    """Restore the user's views if they are remembered: after a comparison, or in a scene that was saved during one."""
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is None or not view_memory.has_memory(layout):
        return
    view_memory.restore(layout, layouts.COMPARE_LAYOUT)
    for view in _layers(scene, (*layouts.FIXED_VIEWS, *layouts.MOVING_VIEWS)):
        for layer in range(3 + view.GetNumberOfAdditionalLayers()):
            view.SetNthLayerVolumeID(layer, None)
    remove_hidden_volume(scene)


def _prepare_views(scene: slicer.vtkMRMLScene) -> None:
    """Both rows linked, with the orientations of the layout."""
    for names in (layouts.FIXED_VIEWS, layouts.MOVING_VIEWS):
        for name, orientation in zip(names, layouts.ORIENTATIONS, strict=True):
            node = _slice_node(scene, name)
            if node is None:
                continue
            with slicer.util.NodeModify(node):
                node.SetSaveWithScene(False)
                node.SetViewGroup(layouts.COMPARE_GROUP)
                node.SetOrientation(orientation)
            view = _composite(node)
            with slicer.util.NodeModify(view):
                view.SetSaveWithScene(False)
                view.SetLinkedControl(True)
                view.SetHotLinkedControl(True)
                view.SetDoPropagateVolumeSelection(False)


def _show_only_in_own_row(result: SceneRegistration) -> None:
    """Keypoints of one scan are not drawn on the other one's row.  In all other views they stay as they are."""
    views = slicer.util.getNodesByClass("vtkMRMLAbstractViewNode", result.scene)
    rows = (
        (result.fixed_points, layouts.FIXED_VIEWS, layouts.MOVING_VIEWS),
        (result.moving_points, layouts.MOVING_VIEWS, layouts.FIXED_VIEWS),
    )
    for points, own, foreign in rows:
        for display in view_memory.displays_of(points) if points is not None else []:
            chosen = set(display.GetViewNodeIDs()) or {view.GetID() for view in views}
            shown_in = [
                view.GetID()
                for view in views
                if view.GetLayoutName() in own or (view.GetLayoutName() not in foreign and view.GetID() in chosen)
            ]
            display.SetViewNodeIDs(shown_in)


def _middle(result: SceneRegistration) -> NDArray[np.float64]:
    """A point in the middle of the anatomy, world RAS mm: of the fixed keypoints, or of the scan."""
    points = result.fixed_points
    if points is None or points.GetNumberOfControlPoints() == 0:
        return volume_from_node(result.fixed_volume).centre
    return slicer.util.arrayFromMarkupsControlPoints(points, world=True).mean(axis=0)


def _own_slices(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLSliceNode]:
    nodes = (_slice_node(scene, name) for name in (*layouts.FIXED_VIEWS, *layouts.MOVING_VIEWS))
    return [node for node in nodes if node is not None]


def _slice_node(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLSliceNode | None:
    return scene.GetSingletonNode(name, "vtkMRMLSliceNode")


def _composite(node: slicer.vtkMRMLSliceNode) -> slicer.vtkMRMLSliceCompositeNode:
    """The layers of a slice view; made here where the application has not yet."""
    existing = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node)
    if existing is not None:
        return existing
    composite = slicer.vtkMRMLSliceCompositeNode()
    composite.SetSingletonTag(node.GetLayoutName())
    composite.SetLayoutName(node.GetLayoutName())
    return node.GetScene().AddNode(composite)


def _layers(scene: slicer.vtkMRMLScene, names: tuple[str, ...]) -> list[slicer.vtkMRMLSliceCompositeNode]:
    nodes = (_slice_node(scene, name) for name in names)
    return [_composite(node) for node in nodes if node is not None]


def _set_layers(
    view: slicer.vtkMRMLSliceCompositeNode,
    background: slicer.vtkMRMLVolumeNode,
    foreground: slicer.vtkMRMLVolumeNode | None,
    opacity: float,
) -> None:
    with slicer.util.NodeModify(view):
        view.SetBackgroundVolumeID(background.GetID())
        view.SetForegroundVolumeID(foreground.GetID() if foreground else None)
        view.SetForegroundOpacity(opacity)
