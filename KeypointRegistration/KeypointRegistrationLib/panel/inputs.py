"""The inputs section: which volumes, which model, which transform, and whether that is enough to begin."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..detection.bundle import Card, bundle_names, load_card
from ..geometry.errors import InputError
from .parameters import PanelParameters


class InputsSection:
    """Fills the list of models and tells what is still missing.  The other widgets are bound to the parameter node."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._parameters: PanelParameters | None = None
        self._names: tuple[str, ...] = ()
        ui.modelComboBox.connect("currentIndexChanged(int)", self._on_model_chosen)

    def show(self, parameters: PanelParameters | None) -> None:
        """Show the models and the one that ``parameters`` names; follow its choice from now on."""
        self._parameters = None  # filling the list is not choosing
        self._names = bundle_names()
        combo = self._ui.modelComboBox
        combo.clear()
        combo.addItems([_title(name) for name in self._names])
        self._parameters = parameters
        if parameters is None:
            return
        if parameters.model not in self._names and self._names:
            parameters.model = self._names[0]
        combo.currentIndex = self._names.index(parameters.model) if self._names else -1
        self._show_summary(parameters.model)

    def missing(self) -> str:
        """What is missing before a registration can begin, as a sentence; empty if nothing is."""
        parameters = self._parameters
        if parameters is None:
            return _("There is no scene.")
        if parameters.fixedVolume is None:
            return _("Select the fixed volume: the scan that stays.")
        if parameters.movingVolume is None:
            return _("Select the moving volume: the scan to align.")
        if parameters.fixedVolume is parameters.movingVolume:
            return _("Fixed and moving are the same volume. Select two different ones.")
        if not self._names:
            return _("No model is installed. Reinstall the extension.")
        card = _card(parameters.model)
        if card is not None and parameters.transformType.value not in card.transform_types:
            return _("The model {model} is not made for this transform. Choose another one.").format(model=card.title)
        return ""

    def set_enabled(self, enabled: bool) -> None:
        """Let the person change the inputs, or not while a registration runs."""
        for section in (self._ui.inputsCollapsibleButton, self._ui.advancedCollapsibleButton):
            section.enabled = enabled

    def _on_model_chosen(self, index: int) -> None:
        if self._parameters is not None and 0 <= index < len(self._names):
            self._parameters.model = self._names[index]
            self._show_summary(self._names[index])

    def _show_summary(self, name: str) -> None:
        card = _card(name)
        self._ui.modelSummaryLabel.text = "" if card is None else card.summary
        self._ui.modelSummaryLabel.toolTip = "" if card is None else "\n".join([_("Limits:"), *card.limits])


def _card(name: str) -> Card | None:
    """The card of a model, or None where it cannot be read; the worker then says why."""
    try:
        return load_card(name)
    except InputError:
        return None


def _title(name: str) -> str:
    card = _card(name)
    return name if card is None else card.title
