"""Keys that work in the whole application while the panel is open, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer.util


class Shortcuts:
    """Keyboard shortcuts on the main window.  They are off until they are switched on."""

    def __init__(self, handlers: Mapping[str, Callable[[], None]]) -> None:
        """``handlers`` by their keys, as in ``Alt+1``."""
        self._connected: list[tuple[Any, Callable[[], None]]] = []
        window = slicer.util.mainWindow()
        if window is None:  # Slicer without its main window has no keyboard either
            return
        for keys, handler in handlers.items():
            shortcut = qt.QShortcut(qt.QKeySequence(keys), window)
            shortcut.setContext(qt.Qt.ApplicationShortcut)  # views may be in windows of their own
            shortcut.enabled = False
            shortcut.connect("activated()", handler)
            self._connected.append((shortcut, handler))

    def switch(self, on: bool) -> None:
        """Let the keys work, or not."""
        for shortcut, _handler in self._connected:
            shortcut.enabled = on

    def close(self) -> None:
        """Take the keys away for good: those of a reloaded panel would make the new ones ambiguous."""
        for shortcut, handler in self._connected:
            shortcut.enabled = False
            shortcut.disconnect("activated()", handler)
            shortcut.deleteLater()
        self._connected = []
