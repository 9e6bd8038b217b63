"""The correct section: pairs left out, weighted, moved and added, with undo; the alignment follows at once."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..registration.correction import PairChoice
from ..scene.notes.names import shown_names
from ..scene.results.editor import RegistrationEditor
from ..scene.viewing.crosshair import crosshair_position, middle_of_slices
from .message import show_message
from .parameters import TransformChoice
from .section import LoadUI, Section
from .workbench import Workbench

_CHOICES = (PairChoice.AUTOMATIC, PairChoice.USE, PairChoice.LEAVE_OUT)
_KINDS = tuple(TransformChoice)


class CorrectSection(Section):
    """Lets a person correct the result on the workbench.  What the keypoint table changes shows here as well."""

    ui_file = "Correct.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        super().__init__(bench, load_ui)
        ui = self.ui
        self._is_filling = True  # filling in the widgets is not a wish of the person
        ui.correctTypeComboBox.addItems([kind.label() for kind in _KINDS])
        ui.choiceComboBox.addItems([_("As the fit decides"), _("Always"), _("Never")])
        self._is_filling = False
        ui.dragCheckBox.connect("toggled(bool)", self._on_drag)
        ui.correctTypeComboBox.connect("currentIndexChanged(int)", self._on_kind)
        ui.robustCheckBox.connect("toggled(bool)", self._on_robust)
        ui.keepRefinementCheckBox.connect("toggled(bool)", self._on_keep_refinement)
        ui.choiceComboBox.connect("currentIndexChanged(int)", self._on_choice)
        ui.weightSpinBox.connect("valueChanged(double)", self._on_weight)
        ui.putBackButton.connect("clicked()", self._on_put_back)
        ui.removePairButton.connect("clicked()", self._on_remove_pair)
        ui.addPairButton.connect("clicked()", self._on_add_pair)
        ui.undoButton.connect("clicked()", lambda: self._do(lambda editor: editor.undo()))
        ui.redoButton.connect("clicked()", lambda: self._do(lambda editor: editor.redo()))
        ui.resetButton.connect("clicked()", lambda: self._do(lambda editor: editor.reset()))
        self._shortcuts = [self._shortcut("Ctrl+Z", ui.undoButton), self._shortcut("Ctrl+Shift+Z", ui.redoButton)]

    def show(self, editor: RegistrationEditor | None) -> None:
        self.ui.correctCollapsibleButton.visible = editor is not None
        self._fill()

    def update(self, live: bool) -> None:
        if not live:
            self._fill()

    def select(self, _keypoint: int | None) -> None:
        self._fill()

    def exit(self) -> None:
        self._fill()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _shortcut(self, keys: str, button: object) -> object:
        shortcut = qt.QShortcut(qt.QKeySequence(keys), self.widget)
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)  # elsewhere the keys are Slicer's own
        shortcut.connect("activated()", button.click)  # type: ignore[attr-defined]
        return shortcut

    def _fill(self) -> None:
        editor, ui = self.bench.editor, self.ui
        if editor is None:
            return
        self._is_filling = True
        problem = editor.problem
        ui.dragCheckBox.checked = not editor.locked
        ui.dragCheckBox.enabled = ui.addPairButton.enabled = not problem
        ui.correctTypeComboBox.currentIndex = [kind.value for kind in _KINDS].index(editor.correction.transform_type)
        ui.robustCheckBox.checked = editor.correction.robust
        ui.keepRefinementCheckBox.checked = editor.original.refined and editor.correction.keep_refinement
        ui.keepRefinementCheckBox.enabled = editor.original.refined
        self._fill_keypoint(editor)
        ui.undoButton.enabled, ui.redoButton.enabled = editor.can_undo, editor.can_redo
        ui.resetButton.enabled = editor.is_corrected
        self._say(problem or editor.message)
        self._is_filling = False

    def _fill_keypoint(self, editor: RegistrationEditor) -> None:
        keypoint, ui = self.bench.selected, self.ui
        for widget in (ui.choiceComboBox, ui.weightSpinBox, ui.putBackButton, ui.removePairButton):
            widget.enabled = keypoint is not None
        if keypoint is None:
            ui.selectedKeypointLabel.text = _("Select a keypoint in the table or click one in a view.")
            return
        network = len(editor.original.status)
        name = shown_names(editor.result)[keypoint]
        ui.selectedKeypointLabel.text = _("Selected: {name}").format(name=name)
        ui.choiceComboBox.currentIndex = _CHOICES.index(editor.correction.choice(keypoint))
        ui.weightSpinBox.value = editor.correction.factor(keypoint)
        ui.putBackButton.enabled = keypoint < network
        ui.removePairButton.enabled = keypoint >= network

    def _say(self, sentence: str) -> None:
        show_message(self.ui.correctMessageLabel, sentence)

    def _do(self, change: Callable[[RegistrationEditor], None]) -> None:
        """Do what the person wants of the result, or say why that cannot be."""
        if self._is_filling or self.bench.editor is None:
            return
        try:
            change(self.bench.editor)
        except InputError as error:
            self._say(str(error))

    def _do_with_keypoint(self, change: Callable[[RegistrationEditor, int], None]) -> None:
        keypoint = self.bench.selected
        if keypoint is not None:
            self._do(lambda editor: change(editor, keypoint))

    def _on_drag(self, wanted: bool) -> None:
        if not self._is_filling and self.bench.editor is not None:
            self.bench.editor.locked = not wanted

    def _on_kind(self, index: int) -> None:
        self._do(lambda editor: editor.set_transform_type(_KINDS[index].value))

    def _on_robust(self, wanted: bool) -> None:
        self._do(lambda editor: editor.set_robust(wanted))

    def _on_keep_refinement(self, wanted: bool) -> None:
        self._do(lambda editor: editor.set_keep_refinement(wanted))

    def _on_choice(self, index: int) -> None:
        self._do_with_keypoint(lambda editor, keypoint: editor.set_choice(keypoint, _CHOICES[index]))

    def _on_weight(self, value: float) -> None:
        self._do_with_keypoint(lambda editor, keypoint: editor.set_factor(keypoint, value))

    def _on_put_back(self) -> None:
        self._do_with_keypoint(lambda editor, keypoint: editor.put_back(keypoint))

    def _on_remove_pair(self) -> None:
        self._do_with_keypoint(lambda editor, keypoint: editor.remove_pair(keypoint))

    def _on_add_pair(self) -> None:
        self._do(self._add_pair)

    def _add_pair(self, editor: RegistrationEditor) -> None:
        place = crosshair_position(slicer.mrmlScene)
        if place is None:
            place = middle_of_slices(slicer.mrmlScene)
        if place is None:
            raise InputError(
                _(
                    "The slice views do not say where the pair should be. Turn on the crosshair and place it, "
                    "or choose a layout with three slice views."
                )
            )
        name = self.ui.pairNameEdit.text.strip() or _("added {number}").format(number=len(editor.correction.added) + 1)
        self.bench.select(editor.add_pair_at(name, place))
        self.ui.pairNameEdit.text = ""
