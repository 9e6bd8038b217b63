"""The one result that the panel works on, and everybody in the panel who follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import slicer

from ..registration.result import Registration
from ..scene.drawing.visibility import show_points_of
from ..scene.results.editor import Later, RegistrationEditor
from ..scene.results.handle import SceneRegistration, find_registrations
from .section import Section


class Workbench:
    """Holds the result that is shown, open for correction, and the keypoint that is selected.

    It keeps nothing that the scene does not have, but the steps of undo: a scene that was saved shows its results again.

    Attributes:
        editor: of the result that is shown, or None.
        selected: number of the keypoint that is selected, or None.
        sections: who is told.
        fallback: tells which result to show where the one that is shown has gone, or none is; usually the latest.
    """

    def __init__(self, later: Later) -> None:
        """``later`` is how something is done from the event loop (``scene.results.editor.Later``)."""
        self.editor: RegistrationEditor | None = None
        self.selected: int | None = None
        self.sections: list[Section] = []
        self.fallback: Callable[[], SceneRegistration | None] = self.latest
        self._later = later
        self._is_refresh_due = False

    @property
    def results(self) -> Sequence[SceneRegistration]:
        """All registrations of the scene, in the order they were made."""
        return find_registrations(slicer.mrmlScene)

    def latest(self) -> SceneRegistration | None:
        """The registration of the scene that was made last."""
        results = self.results
        return results[-1] if results else None

    @property
    def registration(self) -> Registration | None:
        """The result that is shown, as it is now."""
        return None if self.editor is None else self.editor.registration

    def choose(self, result: SceneRegistration | None) -> None:
        """Show another result, or none."""
        if self.editor is not None:
            self.editor.close()
        self.editor, self.selected = None, None
        if result is not None:
            self.editor = RegistrationEditor(result, self._later)
            self.editor.listen(self._on_corrected)
            show_points_of(result, self.results)
        for section in self.sections:
            section.show(self.editor)

    def refresh(self) -> None:
        """The scene has changed: stay with the result that is shown, if it is still there, else show the ``fallback``."""
        results = self.results
        shown = None if self.editor is None else self.editor.result
        again = next((result for result in results if shown is not None and result.identifier == shown.identifier), None)
        if again is None:
            self.choose(self.fallback())
        elif shown is not None and not shown.is_current:  # a script has corrected it
            self.choose(again)
        else:
            for section in self.sections:
                section.show(self.editor)

    def refresh_soon(self) -> None:
        """``refresh`` from the event loop, once for all that happens until then.

        While a scene tells of a node that it is removing, nothing else in it may be added or removed: Slicer would crash.
        """
        if not self._is_refresh_due:
            self._is_refresh_due = True
            self._later(0, self._refresh_now)

    def _refresh_now(self) -> None:
        self._is_refresh_due = False
        if self.sections:  # else the panel was taken down meanwhile
            self.refresh()

    def enter(self) -> None:
        """The panel was entered."""
        self.refresh()
        for section in self.sections:
            section.enter()

    def exit(self) -> None:
        """The panel was left: the person works elsewhere, and points must not move by accident."""
        if self.editor is not None:
            self.editor.locked = True
        for section in self.sections:
            section.exit()

    def close(self) -> None:
        """Let go of everything."""
        self.choose(None)
        for section in self.sections:
            section.close()
        self.sections = []

    def select(self, keypoint: int | None) -> None:
        """Select a keypoint by its number."""
        registration = self.registration
        if registration is None or (keypoint is not None and not 0 <= keypoint < len(registration.status)):
            keypoint = None
        if keypoint == self.selected:
            return
        self.selected = keypoint
        for section in self.sections:
            section.select(keypoint)

    def _on_corrected(self, live: bool) -> None:
        registration = self.registration
        taken_away = self.selected is not None and registration is not None and self.selected >= len(registration.status)
        if taken_away:
            self.selected = None
        for section in self.sections:
            section.update(live)
        if taken_away:
            for section in self.sections:
                section.select(None)
