"""A person at the panel: sees what is visible, clicks and types, and can do no more than a person can."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets
from PySide6.QtTest import QTest

from .application import Application


class Person:
    """Works with one panel (a scripted module's widget) in its off-screen window.  Widgets are named as in the .ui file."""

    def __init__(self, application: Application, panel: Any) -> None:
        self._application = application
        self._panel = panel

    def widget(self, name: str) -> QtWidgets.QWidget:
        """The PySide6 widget of that name."""
        return getattr(self._panel.ui, name)._qt

    def sees(self, name: str) -> bool:
        """Whether the widget is visible."""
        self._application.process_events()
        return self.widget(name).isVisible()

    def reads(self, name: str) -> str:
        """The text of a visible widget, or what a list shows as chosen."""
        assert self.sees(name), f"{name} cannot be seen"
        widget = self.widget(name)
        if isinstance(widget, QtWidgets.QComboBox):
            return widget.currentText()
        inner = widget.findChild(QtWidgets.QComboBox)
        return widget.text() if inner is None else inner.currentText()

    def can_click(self, name: str) -> bool:
        """Whether the widget is visible and enabled."""
        return self.sees(name) and self.widget(name).isEnabled()

    def click(self, name: str) -> None:
        """Click a button or tick box."""
        assert self.can_click(name), f"{name} cannot be clicked"
        widget = self.widget(name)
        is_box = isinstance(widget, QtWidgets.QCheckBox)
        where = QtCore.QPoint(8, widget.height() // 2) if is_box else widget.rect().center()
        QTest.mouseClick(widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, where)
        self._application.process_events()

    def choose(self, name: str, text: str) -> None:
        """Choose an entry of a list with the arrow keys."""
        assert self.can_click(name), f"{name} cannot be used"
        widget = self.widget(name)
        entries = widget if isinstance(widget, QtWidgets.QComboBox) else widget.findChild(QtWidgets.QComboBox)
        row = entries.findText(text)
        assert row >= 0, f"{name} does not offer {text!r} but {[entries.itemText(r) for r in range(entries.count())]}"
        step = QtCore.Qt.Key_Down if row > entries.currentIndex() else QtCore.Qt.Key_Up
        for _ in range(abs(row - entries.currentIndex())):
            QTest.keyClick(entries, step)
        self._application.process_events()
        assert entries.currentText() == text

    def open_section(self, name: str) -> None:
        """Click the title of a collapsed section."""
        section = self.widget(name)
        if section.property("collapsed"):
            QTest.mouseClick(section, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, QtCore.QPoint(40, 10))
        self._application.process_events()
