"""Which frame of a sequence is shown, and who wants to know."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk


class Playing:
    """Calls ``changed()`` when a sequence browser shows another frame, begins to play, or stops.

    Attributes:
        browser: that is followed, or None.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.browser: slicer.vtkMRMLSequenceBrowserNode | None = None
        self._changed = changed
        self._observation = 0

    def follow(self, browser: slicer.vtkMRMLSequenceBrowserNode | None) -> None:
        """Follow this browser from now on, or none."""
        if browser is self.browser:
            return
        if self.browser is not None:
            self.browser.RemoveObserver(self._observation)
        self.browser = browser
        if browser is not None:
            self._observation = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_event: self._changed())

    @property
    def frame(self) -> int:
        """Index of the frame that is shown; −1 where none is."""
        return -1 if self.browser is None else self.browser.GetSelectedItemNumber()

    @property
    def frames(self) -> int:
        """How many there are."""
        return 0 if self.browser is None else self.browser.GetNumberOfItems()

    @property
    def is_playing(self) -> bool:
        """Whether frame follows frame at the moment."""
        return self.browser is not None and bool(self.browser.GetPlaybackActive())

    def go_to(self, frame: int) -> None:
        """Show a frame, if there is such a one."""
        if self.browser is not None and 0 <= frame < self.frames:
            self.browser.SetSelectedItemNumber(frame)
