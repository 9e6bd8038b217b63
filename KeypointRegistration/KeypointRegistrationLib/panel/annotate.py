"""The annotate section: rating and comment of the result, and lists of them.  Its lower part names keypoints."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import datetime, timezone

import slicer
import slicer.util
from slicer.i18n import tr as _

from ..files.annotations import read_annotations, write_annotations
from ..geometry.errors import InputError
from ..review.annotation import Annotation, Rating, current_rating
from ..scene.notes.annotations import annotate, annotations_of, is_outdated, is_rating_outdated, pair_title
from ..scene.notes.worklists import adopt_everywhere, everything_annotated
from ..scene.results.editor import RegistrationEditor
from ..scene.results.handle import SceneRegistration
from .annotation_wording import annotation_history_text, annotation_text
from .file_choice import file_to_read, file_to_write
from .message import show_message
from .naming import KeypointNaming
from .section import LoadUI, Section
from .shortcuts import Shortcuts
from .workbench import Workbench

_REVIEWER = "KeypointRegistration/reviewer"  # of the application's settings
_STATUS_MS = 5000  # how long the status bar says what was rated
_LISTS = "CSV, JSON (*.csv *.json)"


class AnnotateSection(Section):
    """Lets a person say what they think of the result on the workbench, and give keypoints names.

    A comment counts when it is left, by Enter or by going on: nobody has to save it.
    """

    ui_file = "Annotate.ui"

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        super().__init__(bench, load_ui)
        ui = self.ui
        self._result: SceneRegistration | None = None
        self._comment = ""  # as it was shown: what differs from it is new
        self._entered = False
        self._shortcuts: Shortcuts | None = None
        self._buttons = {
            Rating.ACCEPT: ui.acceptButton,
            Rating.ACCEPTABLE: ui.acceptableButton,
            Rating.REJECT: ui.rejectButton,
        }
        self._raters = {rating: self._rater(rating) for rating in Rating}
        for rating, button in self._buttons.items():
            button.connect("clicked()", self._raters[rating])
        ui.reviewerEdit.text = _remembered_reviewer()
        ui.reviewerEdit.connect("editingFinished()", self._on_reviewer)
        ui.ratingCommentEdit.connect("editingFinished()", self._on_comment)
        ui.importAnnotationsButton.connect("clicked()", lambda: self._try(self._import_annotations))
        ui.exportAnnotationsButton.connect("clicked()", lambda: self._try(self._export_annotations))
        self._naming = KeypointNaming(ui, bench, self._try)
        self._say("")
        self._fill()

    # -- what the panel says -------------------------------------------------------------------------------------------

    def show(self, editor: RegistrationEditor | None) -> None:
        result = None if editor is None else editor.result
        if result is not self._result:
            self.keep_comment()
            self._result = result
            self._show_comment()
        self._naming.show(result)
        self._offer_shortcuts()
        self._fill()

    def update(self, live: bool) -> None:
        if not live:
            self._fill()

    def select(self, _keypoint: int | None) -> None:
        self._naming.select()

    def enter(self) -> None:
        self._entered = True
        self._offer_shortcuts()

    def exit(self) -> None:
        self._entered = False
        self.keep_comment()
        self._naming.keep()
        self._offer_shortcuts()

    def close(self) -> None:
        self.keep_comment()
        self._result = None
        self._naming.show(None)
        if self._shortcuts is not None:
            self._shortcuts.close()
        self._shortcuts = None

    # -- what the person does ------------------------------------------------------------------------------------------

    def rate(self, rating: Rating) -> None:
        """Rate the result on the workbench, with the comment as it stands."""
        self._try(lambda: self._annotate(rating, self._reviewer))
        if self._result is not None:  # whoever rates by keyboard may have closed the section
            said = annotation_text(self._history(), outdated=False)
            slicer.util.showStatusMessage(f"{pair_title(self._result)}: {said}", _STATUS_MS)
        self.bench.refresh()  # the worklist shows ratings too

    def keep_comment(self) -> bool:
        """Keep what was typed as comment; returns whether there was anything new.

        It is not lost if the person has emptied the reviewer: it is then of whoever rated before, or is logged in.
        """
        comment = self.ui.ratingCommentEdit.text.strip()
        can_be_kept = self._result is not None and self._result.record is not None
        if not can_be_kept or not comment or comment == self._comment:
            return False
        reviewer = self._reviewer or _remembered_reviewer()
        self._try(lambda: self._annotate(self._own_rating(reviewer), reviewer))
        return True

    @property
    def _reviewer(self) -> str:
        return self.ui.reviewerEdit.text.strip()

    def _annotate(self, rating: Rating | None, reviewer: str) -> str:
        result, ui = self._result, self.ui
        if result is None:
            return ""
        now = datetime.now(timezone.utc)
        try:
            annotate(result, Annotation(rating, reviewer, now, ui.ratingCommentEdit.text))
        finally:
            self._fill()
        self._show_comment()
        return ""

    def _own_rating(self, reviewer: str) -> Rating | None:
        """What the reviewer has rated: a comment on somebody else's rating, or after a correction, is no rating."""
        history, result = self._history(), self._result
        if result is None or not history or history[-1].reviewer != reviewer or is_outdated(result, history[-1]):
            return None
        return history[-1].rating

    def _on_comment(self) -> None:
        if self.keep_comment():
            self.bench.refresh()

    def _on_reviewer(self) -> None:
        if self._reviewer:
            slicer.app.userSettings().setValue(_REVIEWER, self._reviewer)
        if self.ui.ratingCommentEdit.text == self._comment:
            self._show_comment()

    def _import_annotations(self) -> str:
        path = file_to_read(self.widget, _("Import annotations"), _LISTS)
        if path is None:
            return ""
        self.keep_comment()
        found, listed = adopt_everywhere(slicer.mrmlScene, read_annotations(path))
        self._show_comment()
        self.bench.refresh()
        text = _("What the list says was added. Its registrations: {listed}; those known here: {found}.")
        return text.format(listed=listed, found=found)

    def _export_annotations(self) -> str:
        path = file_to_write(self.widget, _("Export annotations"), "annotations.csv", (".csv", ".json"))
        if path is None:
            return ""
        registrations = everything_annotated(slicer.mrmlScene)
        write_annotations(path, registrations)
        return _("Written to {path}. Registrations in all: {count}.").format(count=len(registrations), path=path)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _rater(self, rating: Rating) -> Callable[[], None]:
        return lambda: self.rate(rating)

    def _try(self, action: Callable[[], str]) -> None:
        """Do something and show the sentence that comes of it, or why it could not be done."""
        try:
            self._say(action())
        except InputError as error:
            self._say(str(error))

    def _say(self, sentence: str) -> None:
        show_message(self.ui.annotateMessageLabel, sentence)

    def _offer_shortcuts(self) -> None:
        if self._shortcuts is None and self._entered:
            keys = {"Alt+1": Rating.ACCEPT, "Alt+2": Rating.ACCEPTABLE, "Alt+3": Rating.REJECT}
            self._shortcuts = Shortcuts({key: self._raters[rating] for key, rating in keys.items()})
        if self._shortcuts is not None:
            self._shortcuts.switch(self._entered and self._result is not None)

    def _history(self) -> tuple[Annotation, ...]:
        try:
            return () if self._result is None else annotations_of(self._result)
        except InputError as error:
            self._say(str(error))
            return ()

    def _show_comment(self) -> None:
        """Offer the reviewer's own last comment for changes; somebody else's can be read above."""
        history = self._history()
        is_own = bool(history) and history[-1].reviewer == self._reviewer
        self._comment = history[-1].comment if is_own else ""
        self.ui.ratingCommentEdit.text = self._comment

    def _fill(self) -> None:
        history, ui = self._history(), self.ui
        has_result = self._result is not None and self._result.record is not None
        for rating, button in self._buttons.items():
            button.checked = current_rating(history) is rating
            button.enabled = has_result
        ui.ratingCommentEdit.enabled = has_result
        show_message(ui.ratedPairLabel, "" if self._result is None else pair_title(self._result))
        outdated = bool(history) and self._result is not None and is_rating_outdated(self._result)
        show_message(ui.annotationLabel, "" if self._result is None else annotation_text(history, outdated=outdated))
        ui.annotationLabel.toolTip = annotation_history_text(history)


def _remembered_reviewer() -> str:
    """Who rated the last time, or else who is logged in."""
    remembered = slicer.app.userSettings().value(_REVIEWER, "")
    if remembered:
        return str(remembered)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # where the system does not tell
        return ""
