"""The worklist section: many pairs, one after the other, with the keyboard if wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
import slicer.util
from slicer.i18n import tr as _

from ..files.worklist import read_worklist
from ..geometry.errors import InputError
from ..review.worklist_state import RowStatus, next_row
from ..scene.inputs import SceneInputs
from ..scene.notes.worklist import Arrival, Line, SceneWorklist
from ..scene.notes.worklists import active_worklist, close_worklist, open_worklist
from ..scene.results.editor import RegistrationEditor
from ..scene.results.handle import SceneRegistration
from .annotation_wording import line_state_text
from .file_choice import file_to_read
from .message import show_message
from .scan_loading import load_scan
from .section import LoadUI, Section
from .shortcuts import Shortcuts
from .workbench import Workbench

_PAIR, _STATE = range(2)
_MOST_REASONS = 5  # of broken lines, to be read at once

#: Starts a registration of fixed and moving volume nodes within their masks (or None).  Raises InputError if it cannot.
Start = Callable[[Any, Any, Any, Any], None]


class WorklistSection(Section):
    """Steps through the pairs of a list, or of the scene, and shows what was done with each.

    Everything it knows is in the scene: a scene that was saved and loaded goes on where the person left off.
    """

    ui_file = "Worklist.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI, start: Start, is_running: Callable[[], bool]) -> None:
        """``is_running`` tells whether a registration is running: its scans must not be taken away."""
        super().__init__(bench, load_ui)
        self._start, self._is_running = start, is_running
        bench.fallback = self._result_of_row
        self._entered = False
        self._shortcuts: Shortcuts | None = None
        ui = self.ui
        ui.openWorklistButton.connect("clicked()", lambda: self._try(self._open))
        ui.pairsOfSceneButton.connect("clicked()", lambda: self._try(self._open_pairs_of_scene))
        ui.reloadWorklistButton.connect("clicked()", lambda: self._try(self._reload))
        ui.closeWorklistButton.connect("clicked()", lambda: self._try(self._close_list))
        ui.previousRowButton.connect("clicked()", self._on_previous)
        ui.nextRowButton.connect("clicked()", self._on_next)
        ui.nextUnratedRowButton.connect("clicked()", self._on_next_unrated)
        ui.registerRowButton.connect("clicked()", lambda: self._try(self._register))
        ui.worklistTable.connect("cellActivated(int,int)", self._on_activated)
        self._prepare_table()
        self._say("")
        self._fill()

    # -- what the panel says -------------------------------------------------------------------------------------------

    def show(self, _editor: RegistrationEditor | None) -> None:
        self._fill()

    def update(self, live: bool) -> None:
        if not live:
            self._fill()

    def enter(self) -> None:
        self._entered = True
        self._fill()

    def exit(self) -> None:
        self._entered = False
        self._fill()

    def close(self) -> None:
        if self._shortcuts is not None:
            self._shortcuts.close()
        self._shortcuts = None

    def failed(self, inputs: SceneInputs, sentence: str) -> None:
        """A registration has failed.  If it was that of the current row, the row keeps the reason."""
        worklist = self._worklist
        here = Arrival() if worklist is None else worklist.here
        is_of_row = here.fixed is not None and inputs.fixed is here.fixed and inputs.moving is here.moving
        if worklist is not None and worklist.source and is_of_row:
            worklist.fail(sentence)
            self._fill()

    # -- what the person does ------------------------------------------------------------------------------------------

    def step(self, index: int) -> None:
        """Go to a row."""
        self._try(lambda: self._step(index))

    def _step(self, index: int) -> str:
        worklist = self._worklist
        if worklist is None or not 0 <= index < len(worklist.lines):
            return ""
        if self._is_running():
            raise InputError(_("A registration is running. Wait for it, or cancel it, before you go on."))
        self.bench.choose(None)  # the sections keep what is being typed about this row
        arrival = worklist.step(index, load_scan, tidy=self.ui.tidyRowsCheckBox.checked)
        self.bench.choose(arrival.result)
        if arrival.problem:
            raise InputError(arrival.problem)
        slicer.util.setSliceViewerLayers(
            background=arrival.fixed, foreground=arrival.moving, foregroundOpacity=0.5, fit=True
        )
        if arrival.result is None and self.ui.registerRowsCheckBox.checked:
            self._register()
        return ""

    def _on_previous(self) -> None:
        position = self._position
        if position is not None:
            self.step(position - 1)

    def _on_next(self) -> None:
        position = self._position
        self.step(0 if position is None else position + 1)

    def _on_next_unrated(self) -> None:
        worklist = self._worklist
        if worklist is None:
            return
        following = next_row([line.status is RowStatus.RATED for line in worklist.lines], worklist.position)
        if following is None:
            self._say(_("All rows are rated."))
        else:
            self.step(following)

    def _on_activated(self, row: int, _column: int) -> None:
        self.step(row)

    def _open(self) -> str:
        path = file_to_read(self.widget, _("Open a worklist"), "CSV (*.csv *.txt)")
        if path is None:
            return ""
        open_worklist(slicer.mrmlScene, read_worklist(path))
        return self._opened()

    def _open_pairs_of_scene(self) -> str:
        open_worklist(slicer.mrmlScene, None)
        return self._opened()

    def _reload(self) -> str:
        worklist = self._worklist
        if worklist is None or not worklist.source:
            return ""
        worklist.reopen(read_worklist(worklist.source))
        return self._opened()

    def _opened(self) -> str:
        self._fill()
        worklist = self._worklist
        broken = () if worklist is None else worklist.broken
        if not broken:
            return ""
        reasons = [_("Line {line}: {reason}").format(line=row.line, reason=row.reason) for row in broken[:_MOST_REASONS]]
        more = ["…"] if len(broken) > _MOST_REASONS else []
        return _("Lines that cannot be used: {count}.").format(count=len(broken)) + "\n" + "\n".join(reasons + more)

    def _close_list(self) -> str:
        close_worklist(slicer.mrmlScene)
        self.bench.refresh()
        return ""

    def _register(self) -> str:
        arrival = Arrival() if self._worklist is None else self._worklist.here
        if arrival.fixed is not None and arrival.moving is not None:
            self._start(arrival.fixed, arrival.moving, arrival.fixed_mask, arrival.moving_mask)
        self._fill()
        return ""

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _worklist(self) -> SceneWorklist | None:
        return active_worklist(slicer.mrmlScene)

    @property
    def _position(self) -> int | None:
        worklist = self._worklist
        return None if worklist is None else worklist.position

    def _result_of_row(self) -> SceneRegistration | None:
        """What to show for want of another result: at a row never that of another row, which would be rated instead."""
        worklist = self._worklist
        if worklist is None or worklist.position is None:
            return self.bench.latest()
        return worklist.here.result

    def _try(self, action: Callable[[], str]) -> None:
        """Do something and show the sentence that comes of it, or why it could not be done."""
        try:
            self._say(action())
        except InputError as error:
            self._say(str(error))
        self._fill()

    def _say(self, sentence: str) -> None:
        show_message(self.ui.worklistMessageLabel, sentence)

    def _offer_shortcuts(self, on: bool) -> None:
        if self._shortcuts is None and on:
            handlers = {"Alt+P": self._on_previous, "Alt+N": self._on_next, "Alt+U": self._on_next_unrated}
            self._shortcuts = Shortcuts(handlers)
        if self._shortcuts is not None:
            self._shortcuts.switch(on)

    def _prepare_table(self) -> None:
        table = self.ui.worklistTable
        table.setColumnCount(2)
        table.setHorizontalHeaderLabels([_("Pair"), _("State")])
        table.horizontalHeader().setSectionResizeMode(_PAIR, qt.QHeaderView.Stretch)
        table.horizontalHeader().setSectionResizeMode(_STATE, qt.QHeaderView.ResizeToContents)
        table.verticalHeader().setDefaultSectionSize(22)

    def _fill(self) -> None:
        worklist, ui = self._worklist, self.ui
        lines = () if worklist is None else worklist.lines
        position = None if worklist is None else worklist.position
        is_file = worklist is not None and bool(worklist.source)
        show_message(ui.worklistLabel, self._title(worklist, lines))
        ui.worklistLabel.toolTip = "" if worklist is None else worklist.source
        ui.reloadWorklistButton.enabled = is_file
        ui.closeWorklistButton.enabled = worklist is not None
        for widget in (ui.nextRowButton, ui.nextUnratedRowButton):
            widget.enabled = bool(lines)
        ui.nextRowButton.enabled = bool(lines) and position != len(lines) - 1
        ui.previousRowButton.enabled = position is not None and position > 0
        here = Arrival() if worklist is None else worklist.here
        can_register = is_file and here.fixed is not None and here.moving is not None
        ui.registerRowButton.enabled = can_register and not self._is_running()
        self._fill_table(lines, position)
        self._offer_shortcuts(self._entered and worklist is not None)

    def _title(self, worklist: SceneWorklist | None, lines: tuple[Line, ...]) -> str:
        if worklist is None:
            return ""
        rated = sum(line.status is RowStatus.RATED for line in lines)
        name = Path(worklist.source).name or _("Registrations of the scene")
        return _("{name}: {rated} of {count} rated.").format(name=name, rated=rated, count=len(lines))

    def _fill_table(self, lines: tuple[Line, ...], position: int | None) -> None:
        table = self.ui.worklistTable
        table.visible = bool(lines)
        table.setRowCount(len(lines))
        for row, line in enumerate(lines):
            for column, text in ((_PAIR, line.title), (_STATE, line_state_text(line))):
                item = table.item(row, column)
                if item is None:
                    item = qt.QTableWidgetItem()
                    table.setItem(row, column, item)
                item.setText(text)
                item.setToolTip(line.remark or line.title)
        if position is not None:
            table.setCurrentCell(position, _PAIR)
