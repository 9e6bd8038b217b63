"""The compare section: fixed above, moving below, in linked views; faded, flickering, as squares, as a difference."""

from __future__ import annotations

import qt
import slicer

from ..geometry.errors import InputError
from ..scene.results.editor import RegistrationEditor
from ..scene.viewing.compare import CompareMode, Comparison, leave_comparison
from .message import show_message
from .parameters import CompareChoice
from .section import LoadUI, Section
from .workbench import Workbench

_CHOICES = tuple(CompareChoice)
_MODES = {
    CompareChoice.SIDE_BY_SIDE: CompareMode.SIDE_BY_SIDE,
    CompareChoice.FADE: CompareMode.FADE,
    CompareChoice.FLICKER: CompareMode.FADE,
    CompareChoice.CHECKERBOARD: CompareMode.CHECKERBOARD,
    CompareChoice.DIFFERENCE: CompareMode.DIFFERENCE,
}
_COMPUTED = (CompareMode.CHECKERBOARD, CompareMode.DIFFERENCE)

#: Milliseconds without movement before checkerboard or difference are computed again.
_SETTLED_AFTER = 300


class CompareSection(Section):
    """Switches to the views for comparing and back.  Leaving the panel leaves the comparison."""

    ui_file = "Compare.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        super().__init__(bench, load_ui)
        self._comparison: Comparison | None = None
        self._compared = ""  # identifier of the result that is compared
        self._is_dragging = self._shows_moving = False
        self._flicker, self._settled = qt.QTimer(self.widget), qt.QTimer(self.widget)
        self._settled.setSingleShot(True)
        self._flicker.connect("timeout()", self._on_flicker)
        self._settled.connect("timeout()", self._on_settled)
        ui = self.ui
        ui.compareCollapsibleButton.connect("contentsCollapsed(bool)", self._on_opened)
        ui.compareButton.connect("toggled(bool)", self._on_compare)
        ui.compareModeComboBox.connect("currentIndexChanged(int)", self._on_mode)
        ui.fadeSlider.connect("valueChanged(double)", self._on_fade)
        ui.flickerSpinBox.connect("valueChanged(double)", self._on_period)
        ui.squareSpinBox.connect("valueChanged(double)", self._on_square)
        self._show_controls()

    def show(self, editor: RegistrationEditor | None) -> None:
        self.ui.compareCollapsibleButton.visible = editor is not None
        result = None if editor is None else editor.result
        usable = result is not None and None not in (result.fixed_volume, result.moving_volume, result.transform)
        self.ui.compareButton.enabled = usable
        if result is None or not usable or result.identifier != self._compared:
            self._leave()
            leave_comparison(slicer.mrmlScene)  # of a scene that was saved during one

    def update(self, live: bool) -> None:
        self._is_dragging = live
        if not live and self._comparison is not None:
            self._on_moved()

    def exit(self) -> None:
        self._leave()

    def close(self) -> None:
        self._leave()

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _choice(self) -> CompareChoice:
        """What the person has chosen; the list is empty before the panel is entered."""
        return _CHOICES[max(0, self.ui.compareModeComboBox.currentIndex)]

    def _on_compare(self, wanted: bool) -> None:
        editor = self.bench.editor
        if not wanted or editor is None:
            self._leave()
        elif self._comparison is None:
            try:
                self._comparison = Comparison(editor.result, self._on_moved, self._leave)
            except InputError as error:
                self.ui.compareButton.checked = False
                self._say(str(error))
                return
            self._compared = editor.result.identifier
            self._show_mode()

    def _leave(self) -> None:
        """Back to the person's own views."""
        self._flicker.stop()
        self._settled.stop()
        comparison, self._comparison, self._compared = self._comparison, None, ""
        if comparison is not None:
            comparison.leave()
        self.ui.compareButton.checked = False
        self._show_controls()

    def _on_opened(self, collapsed: bool) -> None:
        """An opened section shows everything in it, also what was hidden before."""
        if not collapsed:
            self._show_controls()

    def _on_mode(self, _index: int) -> None:
        self._show_mode()

    def _show_mode(self) -> None:
        self._show_controls()
        self._flicker.stop()
        if self._comparison is None:
            return
        try:
            self._comparison.set_square(self.ui.squareSpinBox.value)
            self._comparison.show(_MODES[self._choice])
        except InputError as error:
            self._leave()
            self._say(str(error))
            return
        if self._choice is CompareChoice.FADE:
            self._comparison.fade(self.ui.fadeSlider.value)
        elif self._choice is CompareChoice.FLICKER:
            self._on_period(self.ui.flickerSpinBox.value)
            self._on_flicker()

    def _show_controls(self) -> None:
        ui, choice, comparing = self.ui, self._choice, self._comparison is not None
        rows = {
            CompareChoice.FADE: (ui.fadeLabel, ui.fadeSlider),
            CompareChoice.FLICKER: (ui.flickerLabel, ui.flickerSpinBox),
            CompareChoice.CHECKERBOARD: (ui.squareLabel, ui.squareSpinBox),
        }
        for owner, widgets in rows.items():
            for widget in widgets:
                widget.visible = comparing and choice is owner
        for widget in (ui.compareModeLabel, ui.compareModeComboBox):
            widget.visible = comparing
        self._say(choice.explanation() if comparing else "")

    def _say(self, sentence: str) -> None:
        show_message(self.ui.compareMessageLabel, sentence)

    def _on_fade(self, opacity: float) -> None:
        if self._comparison is not None and self._choice is CompareChoice.FADE:
            self._comparison.fade(opacity)

    def _on_period(self, seconds: float) -> None:
        if self._comparison is not None and self._choice is CompareChoice.FLICKER:
            self._flicker.start(round(1000 * seconds))

    def _on_flicker(self) -> None:
        self._shows_moving = not self._shows_moving
        if self._comparison is not None:
            self._comparison.fade(1.0 if self._shows_moving else 0.0)

    def _on_square(self, millimetres: float) -> None:
        if self._comparison is not None and self._choice is CompareChoice.CHECKERBOARD:
            self._comparison.set_square(millimetres)

    def _on_moved(self) -> None:
        if _MODES[self._choice] in _COMPUTED:
            self._settled.start(_SETTLED_AFTER)

    def _on_settled(self) -> None:
        if self._comparison is None or self._is_dragging:
            return
        try:
            self._comparison.refresh()
        except InputError as error:
            self._leave()
            self._say(str(error))
