"""The result section: which result, what the alignment does, how far it can be trusted, before and after."""

from __future__ import annotations

from typing import Any

import slicer.util
from slicer.i18n import tr as _

from ..registration.result import Registration, TrustLevel
from ..scene.results.editor import RegistrationEditor
from ..scene.results.handle import SceneRegistration
from ..scene.using.hardening import is_hardened
from ..scene.using.uses import notes
from .banner import Banner
from .message import show_message
from .section import LoadUI, Section
from .wording import (
    computation_text,
    fit_residual_text,
    predicted_error_text,
    similarity_text,
    transform_html,
    trust_html,
)
from .workbench import Workbench

_BANNERS = {TrustLevel.GOOD: Banner.CALM, TrustLevel.CHECK: Banner.CAUTION, TrustLevel.DO_NOT_TRUST: Banner.ALARM}


class ResultSection(Section):
    """Shows one registration of the scene, and lets the person go through all of them."""

    ui_file = "Result.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        super().__init__(bench, load_ui)
        self._results: list[SceneRegistration] = []
        self._is_filling = False  # filling in the widgets is not a wish of the person
        self.ui.changesLabel.styleSheet = Banner.CAUTION.style
        self.ui.resultCollapsibleButton.connect("contentsCollapsed(bool)", self._on_opened)
        self.ui.resultComboBox.connect("currentIndexChanged(int)", self._on_chosen)
        self.ui.alignedCheckBox.connect("toggled(bool)", self._on_aligned)
        self.ui.overlayButton.connect("clicked()", self._on_overlay)
        self.ui.removeResultButton.connect("clicked()", self._on_remove)

    def show(self, editor: RegistrationEditor | None) -> None:
        self.ui.resultCollapsibleButton.visible = editor is not None
        if editor is not None:
            self._fill(editor)

    def update(self, live: bool) -> None:
        editor = self.bench.editor
        if editor is None:
            return
        self._is_filling = True
        _show_verdict(self.ui, editor.registration)
        if not live:
            self._show_changes(editor.result)
        self._is_filling = False

    def _show_changes(self, result: SceneRegistration) -> None:
        """What has happened to the scans since: a verdict on what is no longer so must not stand there alone."""
        show_message(self.ui.changesLabel, "\n".join(notes(result)))

    def _on_opened(self, collapsed: bool) -> None:
        """An opened section shows everything in it, also what was hidden before."""
        if not collapsed and self.bench.editor is not None:
            self._fill(self.bench.editor)

    def _fill(self, editor: RegistrationEditor) -> None:
        self._is_filling = True
        result, ui = editor.result, self.ui
        self._results = list(self.bench.results)
        combo = ui.resultComboBox
        combo.clear()
        combo.addItems([_title(each) for each in self._results])
        identifiers = [each.identifier for each in self._results]
        combo.currentIndex = identifiers.index(result.identifier) if result.identifier in identifiers else -1
        combo.visible = ui.resultComboLabel.visible = len(self._results) > 1
        _show_verdict(ui, editor.registration)
        self._show_changes(result)
        hardened = is_hardened(result)
        ui.alignedCheckBox.checked = result.applied or hardened
        ui.alignedCheckBox.enabled = not hardened and result.transform is not None and result.moving_volume is not None
        ui.overlayButton.enabled = result.fixed_volume is not None and result.moving_volume is not None
        self._is_filling = False

    def _on_chosen(self, index: int) -> None:
        if not self._is_filling and 0 <= index < len(self._results):
            self.bench.choose(self._results[index])

    def _on_aligned(self, aligned: bool) -> None:
        if not self._is_filling and self.bench.editor is not None:
            self.bench.editor.result.applied = aligned

    def _on_overlay(self) -> None:
        if self.bench.editor is not None:
            result = self.bench.editor.result
            slicer.util.setSliceViewerLayers(
                background=result.fixed_volume, foreground=result.moving_volume, foregroundOpacity=0.5, fit=True
            )

    def _on_remove(self) -> None:
        if self.bench.editor is not None:
            result = self.bench.editor.result
            self.bench.choose(None)
            result.remove()
            self.bench.refresh()


def _title(result: SceneRegistration) -> str:
    """What tells a result from others: the volumes as they are called now, and the kind of alignment."""
    nodes = {"fixed": result.fixed_volume, "moving": result.moving_volume}
    names = {side: result.provenance[side]["name"] if node is None else node.GetName() for side, node in nodes.items()}
    return _("{moving} → {fixed} ({kind})").format(**names, kind=result.registration.transform_type.value)


def _show_verdict(ui: Any, registration: Registration) -> None:
    ui.trustLabel.text = trust_html(registration.trust)
    ui.trustLabel.styleSheet = _BANNERS[registration.trust.level].style
    ui.transformLabel.text = transform_html(registration)
    ui.predictedErrorValue.text = predicted_error_text(registration)
    ui.fitResidualValue.text = fit_residual_text(registration)
    ui.similarityValue.text = similarity_text(registration)
    ui.computedValue.text = computation_text(registration)
    ui.warningsLabel.text = "\n".join(registration.warnings)
    ui.warningsLabel.visible = bool(registration.warnings)
