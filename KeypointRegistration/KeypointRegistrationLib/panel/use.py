"""The use section: what else moves along, copies on the fixed grid, the inverse, hardening and export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer.util
from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..scene.results.editor import RegistrationEditor
from ..scene.results.handle import SceneRegistration
from ..scene.using.companions import carry, companions, put_back
from ..scene.using.copies import inverse_transform, resampled_copy
from ..scene.using.hardening import harden, is_hardened, unharden
from ..scene.using.reslice import Interpolation
from ..scene.using.uses import notes
from .banner import Banner
from .export import export_result
from .section import LoadUI, Section
from .workbench import Workbench

_INTERPOLATIONS = (None, Interpolation.LINEAR, Interpolation.NEAREST)


class UseSection(Section):
    """Puts the alignment to use.  Everything it makes goes when the registration is undone, but exported files."""

    ui_file = "Use.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        super().__init__(bench, load_ui)
        self._is_filling = False  # filling in the widgets is not a wish of the person
        self._shown = ""  # identifier of the result that is shown
        self._page: Path | None = None  # of the last export of this result
        ui = self.ui
        ui.interpolationComboBox.addItems([_("Automatic"), _("Linear"), _("Nearest")])
        ui.useNotesLabel.styleSheet = Banner.CAUTION.style
        ui.useCollapsibleButton.connect("contentsCollapsed(bool)", self._on_opened)
        ui.companionsComboBox.connect("checkedNodesChanged()", self._on_companions)
        ui.resampleButton.connect("clicked()", lambda: self._do(self._resample))
        ui.inverseButton.connect("clicked()", lambda: self._do(self._invert))
        ui.hardenButton.connect("clicked()", lambda: self._do(self._harden))
        ui.exportButton.connect("clicked()", lambda: self._do(self._export))
        ui.openPageButton.connect("clicked()", self._on_open_page)

    def show(self, editor: RegistrationEditor | None) -> None:
        self.ui.useCollapsibleButton.visible = editor is not None
        if editor is None or editor.result.identifier != self._shown:
            self._shown = "" if editor is None else editor.result.identifier
            self._page = None
            self._fill("")
        else:
            self._fill()

    def update(self, live: bool) -> None:
        if not live:
            self._fill()

    def enter(self) -> None:
        self._fill()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _fill(self, message: str | None = None) -> None:
        """Show how things are in the scene; what was said last stays, if there is no new message."""
        editor, ui = self.bench.editor, self.ui
        if editor is None:
            return
        result = editor.result
        usable = None not in (result.fixed_volume, result.moving_volume, result.transform)
        for widget in (ui.companionsComboBox, ui.resampleButton, ui.inverseButton, ui.hardenButton, ui.exportButton):
            widget.enabled = usable
        ui.hardenButton.text = _("Take hardening back") if is_hardened(result) else _("Harden")
        ui.openPageButton.enabled = self._page is not None
        self._tick(companions(result))
        warnings = notes(result)
        ui.useNotesLabel.text = "\n".join(warnings)
        ui.useNotesLabel.visible = bool(warnings)
        if message is not None:
            ui.useMessageLabel.text = message
        ui.useMessageLabel.visible = bool(ui.useMessageLabel.text)

    def _tick(self, carried: list) -> None:
        self._is_filling = True
        combo = self.ui.companionsComboBox
        for node in combo.checkedNodes():
            if node not in carried:
                combo.setCheckState(node, qt.Qt.Unchecked)
        for node in carried:
            combo.setCheckState(node, qt.Qt.Checked)
        self._is_filling = False

    def _do(self, action: Callable[[SceneRegistration], str]) -> None:
        """Do what the person wants with the result and tell what it says, or why that cannot be."""
        if self._is_filling or self.bench.editor is None:
            return
        try:
            result = self.bench.editor.result
            with slicer.util.WaitCursor():  # which lets the application go on: the workbench may be empty afterwards
                message = action(result)
        except InputError as error:
            message = str(error)
        self._fill(message)

    def _on_opened(self, collapsed: bool) -> None:
        """An opened section shows everything in it, also what was hidden before."""
        if not collapsed:
            self._fill()

    def _on_companions(self) -> None:
        self._do(self._carry)

    def _carry(self, result: SceneRegistration) -> str:
        ticked, carried = self.ui.companionsComboBox.checkedNodes(), companions(result)
        for node in carried:
            if node not in ticked:
                put_back(result, node)
        for node in ticked:
            if node not in carried:
                carry(result, node)
        names = ", ".join(node.GetName() for node in companions(result))
        return _("Moves along: {names}.").format(names=names) if names else _("Nothing moves along any more.")

    def _resample(self, result: SceneRegistration) -> str:
        ui = self.ui
        background = ui.backgroundEdit.text.strip()
        try:
            value = float(background) if background else None
        except ValueError as error:
            raise InputError(_("The background is no number. Give one, or leave it empty.")) from error
        interpolation = _INTERPOLATIONS[ui.interpolationComboBox.currentIndex]
        copy = resampled_copy(result, ui.resampleVolumeSelector.currentNode(), interpolation, value)
        return _("Made {name}.").format(name=copy.GetName())

    def _invert(self, result: SceneRegistration) -> str:
        return _("{name} is up to date.").format(name=inverse_transform(result).GetName())

    def _harden(self, result: SceneRegistration) -> str:
        name = result.moving_volume.GetName() if result.moving_volume is not None else ""
        if is_hardened(result):
            unharden(result)
            message = _("{name} is under its transform again.")
        else:
            harden(result)
            message = _("The alignment is now part of {name} itself.")
        self.bench.refresh()  # other sections show whether it is aligned
        return message.format(name=name)

    def _export(self, result: SceneRegistration) -> str:
        ui = self.ui
        folder = ui.exportFolderEdit.currentPath.strip()
        if not folder:
            raise InputError(_("Choose a folder to export to."))
        self._page = export_result(
            result, folder, replace_earlier=ui.replaceExportCheckBox.checked, heatmaps=ui.exportHeatmapsCheckBox.checked
        )
        ui.exportFolderEdit.addCurrentPathToHistory()
        return _("Written to {folder}.").format(folder=folder)

    def _on_open_page(self) -> None:
        if self._page is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._page)))
