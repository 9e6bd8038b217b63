"""The keypoints section: a table of all pairs, and what the views show of them."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..registration.correction import PairChoice
from ..registration.result import KeypointStatus
from ..registration.table import keypoint_rows
from ..scene.drawing.heatmap_store import sides_without_heatmaps
from ..scene.drawing.inspection import KeypointDisplay, Wishes
from ..scene.notes.names import named
from ..scene.results.editor import RegistrationEditor
from ..scene.viewing.clicks import PointClicks
from ..scene.viewing.navigation import jump_to_keypoint
from .keypoint_table import KeypointTable
from .keypoint_wording import detail_text, missing_heatmaps_text
from .message import show_message
from .parameters import HeatmapChoice
from .section import LoadUI, Section
from .workbench import Workbench

_CHOICES = tuple(HeatmapChoice)


class KeypointsSection(Section):
    """Lets a person go from keypoint to keypoint, in the table or in the views, and choose what is drawn of them."""

    ui_file = "Keypoints.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        super().__init__(bench, load_ui)
        ui = self.ui
        self._display: KeypointDisplay | None = None
        self._clicks: PointClicks | None = None
        self._shown: RegistrationEditor | None = None
        self._is_dragging = False
        self._table = KeypointTable(ui.keypointTable, self._on_chosen, self._on_ticked)
        ui.heatmapChoiceComboBox.addItems([choice.label() for choice in _CHOICES])
        for box in (ui.heatmapsCheckBox, ui.ellipsoidsCheckBox, ui.arrowsCheckBox, ui.errorMapCheckBox, ui.labelsCheckBox):
            box.connect("toggled(bool)", self._on_wish)
        ui.heatmapChoiceComboBox.connect("currentIndexChanged(int)", self._on_wish)
        for number in (
            ui.heatmapContentSlider,
            ui.heatmapOpacitySlider,
            ui.ellipsoidMultipleSpinBox,
            ui.arrowMagnificationSpinBox,
        ):
            number.connect("valueChanged(double)", self._on_wish)
        ui.keypointsCollapsibleButton.connect("contentsCollapsed(bool)", self._on_opened)
        ui.keypointDetailLabel.text = _("Select a keypoint in the table or click one in a view.")
        self._say("")

    def show(self, editor: RegistrationEditor | None) -> None:
        if editor is not self._shown:
            self._let_go()
            self._shown = editor
            if editor is not None:
                self._take_up(editor)
        self.ui.keypointsCollapsibleButton.visible = editor is not None
        if editor is not None:
            self._fill(editor)
            self._draw()

    def update(self, live: bool) -> None:
        if self.bench.editor is None or self._display is None:
            return
        self._fill_table(self.bench.editor, live)
        try:
            self._display.refresh(live)
        except InputError as error:
            self._say(str(error))

    def select(self, keypoint: int | None) -> None:
        self._table.select(keypoint)
        self._show_detail()
        self._draw()
        if keypoint is not None and self.bench.editor is not None and not self._is_dragging:
            jump_to_keypoint(self.bench.editor.result, keypoint)

    def close(self) -> None:
        """What is shown in the views stays there."""
        if self._display is not None:
            self._display.close()
        if self._clicks is not None:
            self._clicks.close()
        self._display = self._clicks = self._shown = None

    # -- inside --------------------------------------------------------------------------------------------------------

    def _take_up(self, editor: RegistrationEditor) -> None:
        self._display = KeypointDisplay(editor.result, qt.QTimer.singleShot)
        self._clicks = PointClicks(editor.result, self._on_point)
        if self._display.shows_heatmaps:
            self.ui.heatmapsCheckBox.checked = True

    def _let_go(self) -> None:
        """Take what was drawn of the result before out of the views."""
        if self._display is not None:
            self._display.hide()
        self.close()

    def _fill(self, editor: RegistrationEditor) -> None:
        self._fill_table(editor)
        has_heatmaps = self._display is not None and self._display.has_heatmaps
        self.ui.heatmapsCheckBox.enabled = has_heatmaps
        self._say(missing_heatmaps_text(sides_without_heatmaps(editor.result)))

    def _fill_table(self, editor: RegistrationEditor, live: bool = False) -> None:
        self._table.show(keypoint_rows(named(editor.result.scene, editor.registration), editor.correction), live)
        self._table.select(self.bench.selected)
        self._show_detail()

    def _show_detail(self) -> None:
        keypoint = self.bench.selected
        text = (
            _("Select a keypoint in the table or click one in a view.")
            if keypoint is None
            else detail_text(self._table.row(keypoint))
        )
        ui = self.ui
        coloured = _CHOICES[max(ui.heatmapChoiceComboBox.currentIndex, 0)] is HeatmapChoice.COLOURED
        if coloured and ui.heatmapsCheckBox.checked:
            text += " " + _("Heatmap colours only tell neighbours apart.")
        ui.keypointDetailLabel.text = text

    def _draw(self) -> None:
        """Let the views show what the person wants."""
        ui = self.ui
        if self._display is None:
            return
        choice = _CHOICES[max(ui.heatmapChoiceComboBox.currentIndex, 0)]
        wishes = Wishes(
            chosen=self.bench.selected,
            heatmaps=choice.value if ui.heatmapsCheckBox.checked else None,
            content=ui.heatmapContentSlider.value / 100,
            opacity=ui.heatmapOpacitySlider.value / 100,
            ellipsoids=ui.ellipsoidMultipleSpinBox.value if ui.ellipsoidsCheckBox.checked else None,
            arrows=ui.arrowMagnificationSpinBox.value if ui.arrowsCheckBox.checked else None,
            error_map=ui.errorMapCheckBox.checked,
            labels=ui.labelsCheckBox.checked,
        )
        try:
            self._display.show(wishes)
        except InputError as error:
            self._say(str(error))

    def _say(self, sentence: str) -> None:
        show_message(self.ui.keypointMessageLabel, sentence)

    # -- what the person does ------------------------------------------------------------------------------------------

    def _on_wish(self, *_value: object) -> None:
        ui = self.ui
        ui.heatmapChoiceComboBox.enabled = ui.heatmapsCheckBox.checked
        ui.heatmapContentSlider.enabled = ui.heatmapOpacitySlider.enabled = ui.heatmapsCheckBox.checked
        ui.ellipsoidMultipleSpinBox.enabled = ui.ellipsoidsCheckBox.checked
        ui.arrowMagnificationSpinBox.enabled = ui.arrowsCheckBox.checked
        if self.bench.editor is not None:
            self._show_detail()
        self._draw()

    def _on_opened(self, collapsed: bool) -> None:
        """An opened section shows everything in it, also an empty message."""
        if not collapsed:
            self._say(self.ui.keypointMessageLabel.text)

    def _on_chosen(self, keypoint: int) -> None:
        self.bench.select(keypoint)

    def _on_ticked(self, keypoint: int, ticked: bool) -> None:
        """A pair that the fit would not use has to be forced in; one that was left out, or is used, is the fit's again."""
        editor = self.bench.editor
        if editor is None:
            return
        choice = PairChoice.LEAVE_OUT
        if ticked:
            unused = editor.registration.status[keypoint] in (KeypointStatus.EXCLUDED, KeypointStatus.NOT_NEEDED)
            choice = PairChoice.USE if unused else PairChoice.AUTOMATIC
        editor.set_choice(keypoint, choice)

    def _on_point(self, keypoint: int, dragged: bool) -> None:
        """A point was clicked, or is being dragged, when the views must stay as they are."""
        self._is_dragging = dragged
        self.bench.select(keypoint)
        self._is_dragging = False
        if not dragged and self.bench.editor is not None:
            jump_to_keypoint(self.bench.editor.result, keypoint)
