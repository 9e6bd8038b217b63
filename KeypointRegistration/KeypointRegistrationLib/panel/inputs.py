"""The inputs section: which volumes and masks, which model, which transform, and whether that is enough to begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from ..detection.bundle import Card, aligning_models, load_card
from ..geometry.errors import InputError
from ..registration.options import KeypointChoice, RegistrationOptions
from ..scene.inputs import SceneInputs, Watch
from .device_note import device_note
from .model_card import card_html
from .parameters import DeviceChoice, PanelParameters

#: How long changes of the chosen nodes may go on before they are looked at, in milliseconds: a dragged keypoint moves the
#: moving volume in every frame.
_LOOK_AFTER_MS = 200


class InputsSection:
    """Fills the list of models, tells what is still missing, and what to do once nothing is.

    The other widgets are bound to the parameter node.
    """

    def __init__(self, ui: Any, changed: Callable[[], None]) -> None:
        """``changed()`` is called when a chosen node has changed by itself, and with it perhaps what is missing."""
        self._ui = ui
        self._changed = changed
        self._parameters: PanelParameters | None = None
        self._names: tuple[str, ...] = ()
        self._watch = Watch((), self._on_nodes_changed)
        self._is_waiting = False
        ui.modelComboBox.connect("currentIndexChanged(int)", self._on_model_chosen)

    def show(self, parameters: PanelParameters | None) -> None:
        """Show the models and the one that ``parameters`` names; follow its choice from now on."""
        self._parameters = None  # filling the list is not choosing
        self._names = aligning_models()
        combo = self._ui.modelComboBox
        combo.clear()
        combo.addItems([_title(name) for name in self._names])
        self._parameters = parameters
        self.refresh()
        if parameters is None:
            return
        if parameters.model not in self._names and self._names:
            parameters.model = self._names[0]
        combo.currentIndex = self._names.index(parameters.model) if self._names else -1
        self._show_card(parameters.model)

    def refresh(self) -> None:
        """Follow what the parameters name now."""
        parameters = self._parameters
        nodes = self.chosen_nodes().nodes
        if nodes != self._watch.nodes:
            self._watch.close()
            self._watch = Watch(nodes, self._on_nodes_changed)
        if parameters is None:
            return
        self._ui.deviceNoteLabel.text = device_note()
        self._ui.deviceNoteLabel.visible = parameters.device is DeviceChoice.AUTO

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
            return _("The model was not made for this transform. Select another transform or another model.")
        return self.chosen_nodes().problem()

    def chosen_nodes(self) -> SceneInputs:
        """The nodes that are chosen now."""
        chosen = self._parameters
        if chosen is None:
            return SceneInputs(None, None)
        return SceneInputs(
            chosen.fixedVolume, chosen.movingVolume, chosen.fixedMask, chosen.movingMask, chosen.initialTransform
        )

    def chosen_options(self) -> RegistrationOptions:
        """How to register, as chosen now."""
        chosen = self._parameters
        if chosen is None:
            return RegistrationOptions(heatmaps=True)
        return RegistrationOptions(
            model=chosen.model,
            transform_type=chosen.transformType.value,
            refine=chosen.refine,
            device=chosen.device.value,
            heatmaps=True,
            keypoints=KeypointChoice.AUTO if chosen.fewKeypoints else KeypointChoice.ALL,
        )

    def set_enabled(self, enabled: bool) -> None:
        """Let the person change the inputs, or not while a registration runs."""
        for section in (self._ui.inputsCollapsibleButton, self._ui.advancedCollapsibleButton):
            section.enabled = enabled

    def _on_nodes_changed(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            qt.QTimer.singleShot(_LOOK_AFTER_MS, self._tell)

    def _tell(self) -> None:
        self._is_waiting = False
        if self._parameters is not None:  # else nobody looks at the panel any more
            self._changed()

    def _on_model_chosen(self, index: int) -> None:
        if self._parameters is not None and 0 <= index < len(self._names):
            self._parameters.model = self._names[index]
            self._show_card(self._names[index])

    def _show_card(self, name: str) -> None:
        card = _card(name)
        self._ui.modelComboBox.toolTip = _("The network that finds the keypoints.") if card is None else card.summary
        self._ui.modelCardLabel.text = _("The card of this model cannot be read.") if card is None else card_html(card)


def _card(name: str) -> Card | None:
    """The card of a model, or None where it cannot be read; the worker then says why."""
    try:
        return load_card(name)
    except InputError:
        return None


def _title(name: str) -> str:
    card = _card(name)
    return name if card is None else card.title
