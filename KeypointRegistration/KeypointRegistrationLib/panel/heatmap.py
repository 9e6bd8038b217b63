"""The heatmap of one keypoint over both scans."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..detection.heatmaps import Heatmaps
from ..registration.result import Registration
from ..scene.heatmaps import Side, hide_heatmap, show_heatmap
from ..scene.results import SceneRegistration


class HeatmapControl:
    """Lets the person switch the heatmaps on and choose their keypoint.

    The maps of a whole result are too large to be saved with the scene: those of the last run are kept here, in memory.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._result: SceneRegistration | None = None
        self._identifier = ""
        self._maps: dict[Side, Heatmaps] = {}
        ui.heatmapCheckBox.connect("toggled(bool)", self._on_change)
        ui.keypointComboBox.connect("currentIndexChanged(int)", self._on_change)

    def keep(self, result: SceneRegistration, registration: Registration) -> None:
        """From now on the maps of ``registration`` are at hand for ``result``; those of an earlier one are dropped."""
        maps = {Side.FIXED: registration.fixed_heatmaps, Side.MOVING: registration.moving_heatmaps}
        self._maps = {side: heatmaps for side, heatmaps in maps.items() if heatmaps is not None}
        self._identifier = result.identifier

    def show(self, result: SceneRegistration | None) -> None:
        """Offer the keypoints of a result, where its maps are at hand."""
        self._result = None  # filling in the widgets is not a wish of the person
        if result is None:
            self.release()
        available = result is not None and self._has_maps_of(result)
        combo, box = self._ui.keypointComboBox, self._ui.heatmapCheckBox
        labels = result.registration.fixed_keypoints.labels if result is not None else ()
        if tuple(combo.itemText(row) for row in range(combo.count)) != labels:
            combo.clear()
            combo.addItems(list(labels))
        box.enabled = combo.enabled = available
        box.checked = available and result is not None and result.fixed_heatmap is not None
        box.toolTip = (
            _("Show where the network sees the chosen keypoint in both scans, as a coloured overlay in the slice views.")
            if available
            else _("Heatmaps are at hand after a run of this session. Apply again to see them.")
        )
        self._result = result if available else None

    def hide(self) -> None:
        """Take the heatmaps out of the views."""
        if self._result is not None:
            for side in Side:
                hide_heatmap(self._result, side)

    def release(self) -> None:
        """Drop the maps: they are large, and their result is gone."""
        self._maps = {}
        self._identifier = ""

    def _has_maps_of(self, result: SceneRegistration) -> bool:
        """Whether the maps are those of this result, and what they are shown on is still there."""
        nodes = (result.fixed_volume, result.moving_volume, result.fixed_points, result.moving_points)
        return bool(self._maps) and result.identifier == self._identifier and None not in nodes

    def _on_change(self, *_changed: object) -> None:
        if self._result is None:
            return
        if not self._ui.heatmapCheckBox.checked:
            self.hide()
            return
        for side, heatmaps in self._maps.items():
            show_heatmap(self._result, heatmaps, side, self._ui.keypointComboBox.currentIndex)
