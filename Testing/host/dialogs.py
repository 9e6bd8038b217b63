"""Dialogs that a test answers in advance, and what else opens a window of its own.

Each class keeps its answers in a queue that is used up from the front; a dialog that nobody answers is a problem and
counts as cancelled.  ``clear_answers`` empties all of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6 import QtCore, QtGui, QtWidgets

from .pythonqt import invokable
from .signals import problems


class QMessageBox(QtWidgets.QMessageBox):
    """A message box answered with a button; ``shown`` keeps the texts."""

    answers: ClassVar[list[QtWidgets.QMessageBox.StandardButton]] = []
    shown: ClassVar[list[str]] = []

    @invokable
    def exec(self) -> int:
        return self._answered(self.text())

    @classmethod
    def _answered(cls, text: str) -> int:
        cls.shown.append(text)
        if not cls.answers:
            problems.append(f"a message box nobody answers: {text!r}")
            return int(QtWidgets.QMessageBox.Cancel.value)
        return int(cls.answers.pop(0).value)

    @staticmethod
    def question(_parent: Any, _title: str, text: str, *_buttons: Any) -> int:
        return QMessageBox._answered(text)

    information = warning = critical = question


class ctkMessageBox(QMessageBox):
    """CTK's message box, which can also be told not to come again."""


class QFileDialog(QtWidgets.QFileDialog):
    """A file dialog answered with a path ('' cancels); ``shown`` keeps the captions."""

    answers: ClassVar[list[str]] = []
    shown: ClassVar[list[str]] = []

    @staticmethod
    def _answered(caption: str) -> str:
        QFileDialog.shown.append(caption)
        if not QFileDialog.answers:
            problems.append(f"a file dialog nobody answers: {caption!r}")
            return ""
        return QFileDialog.answers.pop(0)

    @staticmethod
    def getOpenFileName(_parent: Any = None, caption: str = "", _folder: str = "", _filter: str = "") -> str:
        return QFileDialog._answered(caption)

    @staticmethod
    def getOpenFileNames(_parent: Any = None, caption: str = "", _folder: str = "", _filter: str = "") -> list[str]:
        path = QFileDialog._answered(caption)
        return [path] if path else []

    @staticmethod
    def getSaveFileName(_parent: Any = None, caption: str = "", _folder: str = "", _filter: str = "") -> str:
        return QFileDialog._answered(caption)

    @staticmethod
    def getExistingDirectory(_parent: Any = None, caption: str = "", _folder: str = "", _options: Any = None) -> str:
        return QFileDialog._answered(caption)

    @invokable
    def exec(self) -> int:
        raise NotImplementedError("ask for files with the static functions, which show the system's own dialog")


class QInputDialog(QtWidgets.QInputDialog):
    """A question for one text or number; '' cancels a text.  ``shown`` keeps the labels."""

    answers: ClassVar[list[Any]] = []
    shown: ClassVar[list[str]] = []

    @staticmethod
    def _answered(label: str, cancelled: Any) -> Any:
        QInputDialog.shown.append(label)
        if not QInputDialog.answers:
            problems.append(f"an input dialog nobody answers: {label!r}")
            return cancelled
        return QInputDialog.answers.pop(0)

    @staticmethod
    def getText(_parent: Any, _title: str, label: str, _mode: Any = None, _text: str = "") -> str:
        return QInputDialog._answered(label, "")

    @staticmethod
    def getMultiLineText(_parent: Any, _title: str, label: str, _text: str = "") -> str:
        return QInputDialog._answered(label, "")

    @staticmethod
    def getItem(_parent: Any, _title: str, label: str, items: list[str], _current: int = 0, editable: bool = True) -> str:
        answer = QInputDialog._answered(label, "")
        if answer and not editable and answer not in items:
            raise AssertionError(f"{label!r} offers {items}, not {answer!r}")
        return answer

    @staticmethod
    def getInt(_parent: Any, _title: str, label: str, value: int = 0, *_limits: int) -> int:
        return QInputDialog._answered(label, value)

    @staticmethod
    def getDouble(_parent: Any, _title: str, label: str, value: float = 0.0, *_limits: float) -> float:
        return QInputDialog._answered(label, value)


class QMenu(QtWidgets.QMenu):
    """A menu answered with the text of the entry to choose; ``shown`` keeps the entries it offered."""

    answers: ClassVar[list[str]] = []
    shown: ClassVar[list[list[str]]] = []

    @invokable
    def exec(self, _position: QtCore.QPoint | None = None) -> QtGui.QAction | None:
        entries = {action.text(): action for action in self.actions() if action.isVisible()}
        self.shown.append(list(entries))
        if not self.answers:
            problems.append(f"a menu nobody chooses from: {list(entries)}")
            return None
        chosen = entries[self.answers.pop(0)]
        assert chosen.isEnabled(), f"{chosen.text()!r} cannot be chosen"
        chosen.trigger()
        return chosen


class QDesktopServices(QtGui.QDesktopServices):
    """Opens nothing; ``shown`` keeps what would have been opened in the browser or file manager."""

    shown: ClassVar[list[str]] = []

    @staticmethod
    def openUrl(url: QtCore.QUrl) -> bool:
        QDesktopServices.shown.append(url.toString())
        return True


def clear_answers() -> None:
    """Forget prepared answers and what was shown."""
    for dialog in (QMessageBox, QFileDialog, QInputDialog, QMenu):
        dialog.answers.clear()
        dialog.shown.clear()
    QDesktopServices.shown.clear()
