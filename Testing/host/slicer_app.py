"""``slicer.app``: what the panel may ask of the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6 import QtGui

from . import pythonqt, settings

if TYPE_CHECKING:
    from .application import Application


class SlicerApp:
    """``slicer.app``: only what is needed; anything else is an AttributeError."""

    applicationName = "Slicer"

    def __init__(self, application: Application) -> None:
        self._application = application
        self._paused = 0
        self._on_startup: list[Callable[[], None]] = []

    def connect(self, signature: str, handler: Callable[[], None], /) -> bool:
        if signature != "startupCompleted()":
            pythonqt.problems.append(f"qSlicerApplication has no signal {signature}")
            return False
        self._on_startup.append(handler)
        return True

    def complete_startup(self) -> None:
        """All modules have been loaded (for tests; the application does this itself)."""
        for handler in self._on_startup:
            handler()

    def testingEnabled(self) -> bool:
        return False

    def processEvents(self) -> None:
        self._application.process_events()

    def topLevelWidgets(self) -> tuple[Any, ...]:
        return (pythonqt.wrap(self._application.main_window),)

    def setOverrideCursor(self, cursor: Any) -> None:
        self._application.qt_application.setOverrideCursor(QtGui.QCursor(pythonqt.unwrap(cursor)))

    def restoreOverrideCursor(self) -> None:
        self._application.qt_application.restoreOverrideCursor()

    def overrideCursor(self) -> None:
        return None

    def userSettings(self) -> settings.QSettings:
        return settings.QSettings()

    def layoutManager(self) -> Any:
        return pythonqt.wrap(self._application.layout_manager)

    def pauseRender(self) -> None:
        self._paused += 1

    def resumeRender(self) -> None:
        assert self._paused > 0, "drawing is resumed more often than it was paused"
        self._paused -= 1
