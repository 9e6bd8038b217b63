"""The result section: what the alignment does, how far it can be trusted, before and after, and undo."""

from __future__ import annotations

from typing import Any

import slicer
import slicer.util

from ..registration.result import Registration, TrustLevel
from ..scene.results import SceneRegistration, find_registrations
from .banner import Banner
from .heatmap import HeatmapControl
from .wording import (
    computation_text,
    fit_residual_text,
    predicted_error_text,
    similarity_text,
    transform_html,
    trust_html,
)

_BANNERS = {TrustLevel.GOOD: Banner.CALM, TrustLevel.CHECK: Banner.CAUTION, TrustLevel.DO_NOT_TRUST: Banner.ALARM}


class ResultSection:
    """Shows the latest registration of the scene, or none.

    It keeps nothing that the scene does not have, except the probability maps of the last run: a scene that was saved
    and loaded shows its result again.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._result: SceneRegistration | None = None
        self._heatmap = HeatmapControl(ui)
        ui.alignedCheckBox.connect("toggled(bool)", self._on_aligned)
        ui.overlayButton.connect("clicked()", self._on_overlay)
        ui.undoButton.connect("clicked()", self._on_undo)
        self.clear()

    def add(self, result: SceneRegistration, registration: Registration) -> None:
        """Show a new result.  ``registration`` is the same with its probability maps."""
        self._heatmap.keep(result, registration)
        self.refresh()

    def refresh(self) -> None:
        """Look which registration is the latest of the scene, and show it as it is now."""
        results = find_registrations(slicer.mrmlScene)
        if results:
            self._show(results[-1])
        else:
            self.clear()

    def clear(self) -> None:
        """There is no result to show."""
        self._result = None
        self._heatmap.show(None)
        self._ui.resultCollapsibleButton.visible = False

    def _show(self, result: SceneRegistration) -> None:
        registration, ui = result.registration, self._ui
        self._result = None  # filling in the widgets is not a wish of the person
        ui.trustLabel.text = trust_html(registration.trust)
        ui.trustLabel.styleSheet = _BANNERS[registration.trust.level].style
        ui.transformLabel.text = transform_html(registration)
        ui.predictedErrorValue.text = predicted_error_text(registration)
        ui.fitResidualValue.text = fit_residual_text(registration)
        ui.similarityValue.text = similarity_text(registration)
        ui.computedValue.text = computation_text(registration)
        ui.warningsLabel.text = "\n".join(registration.warnings)
        ui.warningsLabel.visible = bool(registration.warnings)
        ui.alignedCheckBox.checked = result.applied
        ui.alignedCheckBox.enabled = result.transform is not None and result.moving_volume is not None
        ui.overlayButton.enabled = result.fixed_volume is not None and result.moving_volume is not None
        self._heatmap.show(result)
        ui.resultCollapsibleButton.visible = True
        self._result = result

    def _on_aligned(self, aligned: bool) -> None:
        if self._result is not None:
            self._result.applied = aligned

    def _on_overlay(self) -> None:
        if self._result is not None:
            fixed, moving = self._result.fixed_volume, self._result.moving_volume
            slicer.util.setSliceViewerLayers(background=fixed, foreground=moving, foregroundOpacity=0.5, fit=True)

    def _on_undo(self) -> None:
        if self._result is not None:
            self._heatmap.hide()
            self._heatmap.release()
            self._result.remove()
            self.refresh()
