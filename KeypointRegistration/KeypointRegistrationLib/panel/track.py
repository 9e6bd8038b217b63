"""The section for following a head through a sequence: run, table of frames, plots."""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..registration.tracking.motion_table import MotionRow
from ..registration.tracking.words import other_head_notes
from ..scene.results.editor import RegistrationEditor
from ..scene.series.finding import track_of
from ..scene.series.frames import browser_of, frame_times, is_timed
from ..scene.series.playing import Playing
from ..scene.series.track import SceneTrack
from ..worker.client import WorkerClient
from ..worker.protocol import Failed, FailureKind
from .message import show_message
from .parameters import PanelParameters
from .section import LoadUI, Section
from .track_outputs import TrackOutputs
from .track_plan import TrackPlan, plan_again, plan_all
from .track_table import TrackTable, needs_a_look
from .track_wording import frame_text, kept_text, spared_text, summary_text
from .tracking_job import TrackingJob
from .workbench import Workbench

#: Installs what a failure says is missing, and tells whether that went well.
Install = Callable[[Failed], bool]


class TrackSection(Section):
    """Shown while the moving volume plays a sequence.  The frame that the browser shows is the result on the workbench."""

    ui_file = "Track.ui"

    def __init__(
        self,
        bench: Workbench,
        load_ui: LoadUI,
        client: WorkerClient,
        parameters: Callable[[], PanelParameters | None],
        install: Install,
    ) -> None:
        """``parameters`` tells what the person has chosen; None while there is no scene."""
        super().__init__(bench, load_ui)
        self._parameters, self._install = parameters, install
        self._job = TrackingJob(client, self)
        self._again: Callable[[], str] | None = None  # the run that was asked for last, once more
        self._note = ""  # on that run, for its end
        self._track: SceneTrack | None = None
        self._rows: dict[int, MotionRow] = {}
        self._notes: tuple[str, ...] = ()  # on the reference
        self._playing = Playing(self._on_browser)
        self._shown = -1  # frame
        self._timed = False  # whether the sequence says when its frames were taken
        self._entered = self._was_playing = False
        ui = self.ui
        self._table = TrackTable(ui.trackTable, self._go_to)
        self._outputs = TrackOutputs(ui, self._try, self._go_to)
        ui.trackButton.connect("clicked()", lambda: self._try(self._start_all))
        ui.trackAgainButton.connect("clicked()", lambda: self._try(self._start_chosen))
        ui.trackCancelButton.connect("clicked()", self._on_cancel)
        ui.previousDoubtButton.connect("clicked()", lambda: self._step(-1))
        ui.nextDoubtButton.connect("clicked()", lambda: self._step(1))
        show_message(ui.trackMessageLabel, "")
        self._show_running(False)
        self.refresh()

    @property
    def is_active(self) -> bool:
        """Whether a sequence is being tracked."""
        return self._job.is_active

    # -- what the panel says -------------------------------------------------------------------------------------------

    def show(self, _editor: RegistrationEditor | None) -> None:
        self.refresh()

    def update(self, live: bool) -> None:
        editor, track = self.bench.editor, self._track
        if live or editor is None or track is None or editor.result.identifier != track.identifier:
            return
        if not editor.result.is_replaced:
            track.take_up(self._shown)
            track.show()
            self._take_rows()

    def enter(self) -> None:
        self._entered = True
        self.refresh()

    def exit(self) -> None:
        self._entered = False

    def close(self) -> None:
        self._job.close()
        self._outputs.close()
        self._playing.follow(None)

    def stop(self) -> None:
        """The scene is closed: nothing comes of what is running."""
        self._job.cancel()
        self._show_running(False)

    def refresh(self) -> None:
        """Follow what is chosen, and what the scene has of it."""
        chosen = self._parameters()
        browser = None if chosen is None else browser_of(chosen.movingVolume)
        self.ui.trackCollapsibleButton.visible = browser is not None or self.is_active
        self._playing.follow(browser)
        if browser is None:
            self._track, self._rows, self._notes = None, {}, ()
            return
        track = track_of(browser)
        if self._track is None or track is None or track.node is not self._track.node:
            self._track = track
            self._take_rows()
        else:
            self._fill()

    # -- what the job says ---------------------------------------------------------------------------------------------

    def on_progress(self, fraction: float, stage: str) -> None:
        self.ui.trackProgressBar.value = round(100 * fraction)
        self._say(_("{stage}…").format(stage=stage))

    def on_frames(self, track: SceneTrack) -> None:
        if track.browser is self._playing.browser:  # else the person looks at another series meanwhile
            self._track = track
            self._take_rows()

    def on_tracked(self, track: SceneTrack) -> None:
        self._show_running(False)
        self._say(self._note)
        self._again = None
        self.on_frames(track)
        self.bench.choose(track.registration)

    def on_failed(self, failure: Failed) -> None:
        again, self._again = self._again, None
        self._show_running(False)
        self._say(" ".join(text for text in (failure.message, kept_text(self._count())) if text))
        self.bench.refresh_soon()
        if failure.kind is FailureKind.TORCH_MISSING and again is not None and self._install(failure):
            self._try(again)

    # -- what the person does ------------------------------------------------------------------------------------------

    def _start_all(self) -> str:
        """All frames, but those that the person has corrected."""
        return self._start(lambda chosen: plan_all(chosen, self._playing.frame))

    def _start_chosen(self) -> str:
        """The selected frames."""
        frames = self._table.chosen()
        return self._start(lambda chosen: plan_again(chosen, self._track, frames))

    def _start(self, plan: Callable[[PanelParameters], TrackPlan]) -> str:
        chosen = self._parameters()
        if chosen is not None:
            planned = plan(chosen)
            self._job.start(planned)
            self._note = spared_text(len(planned.spared))
            self._again = lambda: self._start(plan)
            self.ui.trackProgressBar.value = 0
            self._show_running(True)
        return ""

    def _on_cancel(self) -> None:
        self._job.cancel()
        self._again = None
        self._show_running(False)
        self._say(_("Cancelled.") + " " + kept_text(self._count()))
        if self._track is not None:
            self._track.show()
        self.bench.refresh_soon()

    def _go_to(self, frame: int) -> None:
        """Show a frame, here and everywhere."""
        self._playing.go_to(frame)
        track, editor = self._track, self.bench.editor
        if track is None or self.is_active:
            return
        is_open = editor is not None and editor.result.identifier == track.identifier and not editor.result.is_replaced
        if not is_open:  # else its steps could not be undone any more
            self.bench.choose(track.registration)

    def _step(self, direction: int) -> None:
        """To the next frame before or after this one that a person should look at."""
        doubtful = [frame for frame, row in self._rows.items() if needs_a_look(row)]
        ahead = [frame for frame in doubtful if (frame - self._shown) * direction > 0]
        if ahead:
            self._go_to(min(ahead, key=lambda frame: abs(frame - self._shown)))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _on_browser(self) -> None:
        """Another frame is shown.  While it plays, only the table follows."""
        if not self._entered:
            return
        has_moved = self._playing.frame != self._shown or self._was_playing
        self._was_playing = self._playing.is_playing
        if self._playing.frame != self._shown:
            self._fill_shown()
        editor = self.bench.editor
        is_behind = has_moved if editor is None else editor.result.is_replaced
        if is_behind and not self._was_playing:
            self.bench.refresh_soon()

    def _take_rows(self) -> None:
        track = self._track
        self._rows, self._notes = {}, ()
        if track is not None and track.motions:
            try:
                self._rows, self._notes = {row.frame: row for row in track.rows}, other_head_notes(track.reference)
            except InputError as error:  # the reference was deleted
                self._say(str(error))
        self._fill()

    def _fill(self) -> None:
        ui, browser = self.ui, self._playing.browser
        if browser is None:
            return
        sequence = browser.GetMasterSequenceNode()
        self._timed = is_timed(sequence)
        self._table.show(frame_times(sequence), self._rows)
        ui.trackTable.visible = ui.frameLabel.visible = bool(self._rows)
        summary = summary_text(self._rows.values(), self._playing.frames, self._timed)
        show_message(ui.trackSummaryLabel, " ".join((summary, *self._notes)))
        ui.trackAgainButton.enabled = bool(self._rows) and not self.is_active
        doubts = any(needs_a_look(row) for row in self._rows.values())
        ui.previousDoubtButton.enabled = ui.nextDoubtButton.enabled = doubts
        chosen = self._parameters()
        self._outputs.show(self._track, None if chosen is None else chosen.movingVolume)
        self._fill_shown()

    def _fill_shown(self) -> None:
        self._shown = self._playing.frame
        self._table.go_to(self._shown)
        self.ui.frameLabel.text = frame_text(self._shown, self._rows.get(self._shown), self._timed)

    def _count(self) -> int:
        """How many frames the scene has the motion of."""
        return 0 if self._track is None or not self._track.is_there else len(self._track.motions)

    def _show_running(self, running: bool) -> None:
        ui = self.ui
        ui.trackProgressBar.visible = ui.trackCancelButton.visible = running
        ui.trackButton.enabled = not running
        ui.trackAgainButton.enabled = not running and bool(self._rows)
        ui.trackReferenceComboBox.enabled = not running

    def _try(self, action: Callable[[], str]) -> None:
        """Do something and show the sentence that comes of it, or why it could not be done."""
        try:
            self._say(action())
        except InputError as error:
            self._say(str(error))

    def _say(self, sentence: str) -> None:
        show_message(self.ui.trackMessageLabel, sentence)
