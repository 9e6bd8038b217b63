"""What a person wants to see of the keypoints of a registration, and the views that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import slicer
import vtk

from ..nodes import at_end_of_batch
from ..notes.names import shown_names
from ..results import handle
from ..results.editor import Later
from ..results.handle import SceneRegistration
from ..results.points import show_labels
from ..sides import Side
from ..viewing.navigation import views_of
from ..viewing.slices import slice_layers
from .anchors import place_on_scan, points_of, scan_of
from .arrows import hide_arrows, show_arrows
from .dominance import show_dominance
from .ellipsoids import hide_ellipsoids, show_ellipsoids
from .error_map import hide_error_map, set_error_map_views, show_error_map
from .heatmap_store import has_scan_and_points, showable_heatmaps, sides_without_heatmaps
from .heatmaps import hide_heatmap, set_heatmap_views, show_heatmap
from .legends import renew_legend
from .marks import hide_marks, show_marks

_ERROR_OPACITY = 0.4
_WITH_LEGENDS = (handle.FIXED_HEATMAP, handle.MOVING_HEATMAP, handle.ARROWS, handle.ERROR_LEGEND)
_MODELS = {
    Side.FIXED: (handle.FIXED_ELLIPSOIDS, handle.FIXED_MARKS, handle.ARROWS),
    Side.MOVING: (handle.MOVING_ELLIPSOIDS, handle.MOVING_MARKS),
}


class HeatmapMode(Enum):
    """Which heatmaps are shown."""

    CHOSEN = "chosen"  # of the chosen keypoint
    HIGHEST = "highest"  # of all keypoints, the highest value at each place
    COLOURED = "coloured"  # of all keypoints, in a colour for each


@dataclass(frozen=True)
class Wishes:
    """What a person wants to see.

    Attributes:
        chosen: number of the keypoint that is looked at, or None.
        heatmaps: which, or None for no heatmaps.
        content: part (0 to 1) of a map's probability that is shown.
        opacity: of heatmaps, 0 to 1.
        ellipsoids: half axes in standard deviations, or None for no ellipsoids.
        arrows: magnification, or None for no arrows.
        error_map: whether the predicted error is shown.
        labels: whether names are shown beside the points, where there are not too many.
    """

    chosen: int | None = None
    heatmaps: HeatmapMode | None = None
    content: float = 0.9
    opacity: float = 0.6
    ellipsoids: float | None = None
    arrows: float | None = None
    error_map: bool = False
    labels: bool = True


class KeypointDisplay:
    """Shows what a person wants to see of one registration, in all views that there are and that come, until ``close``.

    What cannot be shown, because its scan or its points were deleted or there are no heatmaps, is not.
    """

    def __init__(self, added: SceneRegistration, later: Later) -> None:
        """``later`` does something when the views of a new layout are there."""
        self._added, self._later = added, later
        self._wishes: Wishes | None = None
        self._drawn: tuple[object, ...] | None = None  # what the heatmaps in the views were drawn from
        self._is_busy = False
        self._followed: set[str] = set()
        self._views: dict[Side, list[str]] = {}
        self._observations: list[tuple[vtk.vtkWeakReference, int]] = []
        self._observe(added.scene, slicer.vtkMRMLScene.NodeAddedEvent, self._follow_views)
        self._followed |= self._view_ids()
        self._follow_views()
        for side in Side:
            points = points_of(added, side)
            if points is not None and points.GetDisplayNode() is not None:
                self._observe(points.GetDisplayNode(), vtk.vtkCommand.ModifiedEvent, self._on_views_changed)

    @property
    def has_heatmaps(self) -> bool:
        """Whether heatmaps of this registration can be shown."""
        return len(sides_without_heatmaps(self._added)) < len(Side)

    @property
    def shows_heatmaps(self) -> bool:
        """Whether there are heatmaps in the views, as after reading a scene."""
        return self._added.fixed_heatmap is not None or self._added.moving_heatmap is not None

    def show(self, wishes: Wishes) -> None:
        """Show what is wanted, and nothing else.  What is shown already stays as it is.

        Raises:
            InputError: if the fixed scan cannot be read for the error map.  All else is shown then.
        """
        before, self._wishes = self._wishes, wishes
        with self._busy():
            if before is None:  # models that came with a scene are not in all slice views
                self._hide_models()
            self._show_heatmaps(wishes)
            if wishes.labels != (before is None or before.labels):
                self._show_labels(wishes)
            self._show_models(wishes)
            self._restrict_models()
            if before is None or wishes.error_map != before.error_map:
                self._show_error_map(wishes)

    def refresh(self, live: bool) -> None:
        """The registration was corrected: what depends on it follows; ``live`` while a point is being dragged.

        Raises:
            InputError: as ``show``.
        """
        if self._wishes is None:
            return
        with self._busy():
            self._show_models(self._wishes)
            if not live:
                self._show_heatmaps(self._wishes)
                self._restrict_models()
                self._show_error_map(self._wishes)

    def hide(self) -> None:
        """Take everything away."""
        self._wishes, self._drawn = None, None
        with self._busy():
            for side in Side:
                hide_heatmap(self._added, side)
            self._hide_models()
            hide_error_map(self._added)

    def close(self) -> None:
        """Follow the views no more; what is shown stays."""
        for reference, tag in self._observations:
            if reference.Get() is not None:
                reference.Get().RemoveObserver(tag)
        self._observations = []
        self._wishes = None

    # -- inside --------------------------------------------------------------------------------------------------------

    def _heat_state(self, wishes: Wishes) -> tuple[object, ...]:
        """All that heatmaps depend on: what is wanted, what keypoints are called, and where the scans are."""
        if wishes.heatmaps is None:
            return ()
        chosen = wishes.chosen if wishes.heatmaps is HeatmapMode.CHOSEN else None
        wanted = (wishes.heatmaps, wishes.content, wishes.opacity, chosen)
        places = [place_on_scan(self._added, side) for side in Side if has_scan_and_points(self._added, side)]
        where = tuple((place.parent and place.parent.GetID(), place.from_registered.tobytes()) for place in places)
        called = tuple(scan.GetName() for scan in (scan_of(self._added, side) for side in Side) if scan is not None)
        return (wanted, where, called, shown_names(self._added))

    def _show_heatmaps(self, wishes: Wishes) -> None:
        state = self._heat_state(wishes)
        if state == self._drawn:
            return
        self._drawn = state
        added = self._added
        for side in Side:
            maps = showable_heatmaps(added, side) if wishes.heatmaps is not None else None
            views = self._views_with(side)
            has_map = wishes.chosen is not None and maps is not None and wishes.chosen < len(maps.values)
            if maps is None or (wishes.heatmaps is HeatmapMode.CHOSEN and not has_map):
                hide_heatmap(added, side)
            elif wishes.heatmaps is HeatmapMode.COLOURED:
                show_dominance(added, maps, side, content=wishes.content, opacity=wishes.opacity, views=views)
            else:
                keypoint = wishes.chosen if wishes.heatmaps is HeatmapMode.CHOSEN else None
                show_heatmap(added, maps, side, keypoint, content=wishes.content, opacity=wishes.opacity, views=views)

    def _show_models(self, wishes: Wishes) -> None:
        added = self._added
        for side in Side:
            if points_of(added, side) is None:
                hide_ellipsoids(added, side)
                hide_marks(added, side)
                continue
            show_marks(added, side, wishes.chosen)
            if wishes.ellipsoids is None:
                hide_ellipsoids(added, side)
            else:
                show_ellipsoids(added, side, wishes.ellipsoids)
        if wishes.arrows is None or added.fixed_points is None:
            hide_arrows(added)
        else:
            show_arrows(added, wishes.arrows)

    def _hide_models(self) -> None:
        for side in Side:
            hide_ellipsoids(self._added, side)
            hide_marks(self._added, side)
        hide_arrows(self._added)

    def _show_error_map(self, wishes: Wishes) -> None:
        added = self._added
        if wishes.error_map and added.fixed_volume is not None:
            show_error_map(added, opacity=_ERROR_OPACITY, views=self._views_with(Side.FIXED))
        else:
            hide_error_map(added)

    def _show_labels(self, wishes: Wishes) -> None:
        for side in Side:
            points = points_of(self._added, side)
            if points is not None:
                show_labels(points, wishes.labels and side is Side.FIXED)

    def _restrict_models(self) -> None:
        """What belongs to points is drawn in the same views as these."""
        for side, roles in _MODELS.items():
            points = points_of(self._added, side)
            views = points.GetDisplayNode().GetViewNodeIDs() if points is not None else ()
            for model in (self._added.adopted(role) for role in roles):
                if model is not None and tuple(model.GetDisplayNode().GetViewNodeIDs()) != tuple(views):
                    model.GetDisplayNode().SetViewNodeIDs(list(views))

    # -- the views -----------------------------------------------------------------------------------------------------

    def _follow_views(self, *_event: object) -> None:
        """Also those that a layout brings later."""
        for layers in slice_layers(self._added.scene):
            if layers.GetID() not in self._followed:
                self._followed.add(layers.GetID())
                self._observe(layers, vtk.vtkCommand.ModifiedEvent, self._on_views_changed)
        views = self._view_ids()
        if not views <= self._followed:
            self._followed |= views
            self._later(0, self._renew_legends)

    def _views_with(self, side: Side) -> list[slicer.vtkMRMLSliceCompositeNode]:
        """The slice views of one scan that show anything: those for comparing are empty, and emptied, in other layouts."""
        return [layers for layers in views_of(self._added, side) if layers.GetBackgroundVolumeID()]

    def _view_ids(self) -> set[str]:
        return {view.GetID() for view in slicer.util.getNodesByClass("vtkMRMLAbstractViewNode", self._added.scene)}

    def _renew_legends(self) -> None:
        if self._wishes is not None:
            for role in _WITH_LEGENDS:
                owner = self._added.adopted(role)
                if owner is not None:
                    renew_legend(owner)

    def _on_views_changed(self, *_event: object) -> None:
        """A view shows other scans, or points are shown in other views: overlays and models go along.

        In a batch they wait for its end: views do not notice what happens to models before.
        """
        wishes = self._wishes
        if self._is_busy or wishes is None:
            return
        if self._added.scene.IsBatchProcessing():
            at_end_of_batch(self._added.scene, self._on_views_changed)
            return
        with self._busy():
            self._restrict_models()
            views = {side: self._views_with(side) for side in Side}
            names = {side: [view.GetID() for view in chosen] for side, chosen in views.items()}
            if names == self._views:
                return
            self._views = names
            for side, chosen in views.items():
                set_heatmap_views(self._added, side, wishes.opacity, chosen)
            set_error_map_views(self._added, _ERROR_OPACITY, views[Side.FIXED])

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Meanwhile, changes of the views are our own."""
        was_busy, self._is_busy = self._is_busy, True
        try:
            yield
        finally:
            self._is_busy = was_busy

    def _observe(self, subject: vtk.vtkObject, event: int, handler: Callable[..., None]) -> None:
        reference = vtk.vtkWeakReference()
        reference.Set(subject)
        self._observations.append((reference, subject.AddObserver(event, handler)))
