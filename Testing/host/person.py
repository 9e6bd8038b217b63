"""A person at the panel: sees what is visible, clicks and types, and can do no more than a person can."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtTest import QTest

from .application import Application


class Person:
    """Works with one panel (a scripted module's widget) in its off-screen window.  Widgets are named as in the .ui files."""

    def __init__(self, application: Application, panel: Any) -> None:
        self._application = application
        self._panel = panel

    def widget(self, name: str) -> QtWidgets.QWidget:
        """The PySide6 widget of that name, in whichever section of the panel it is."""
        self._application.process_events()
        found = [widget for root in self.roots() for widget in _named(root, name)]
        assert found, f"no widget of the panel is called {name}"
        assert len(found) == 1, f"{len(found)} widgets of the panel are called {name}"
        return found[0]

    def roots(self) -> list[QtWidgets.QWidget]:
        """What the module has put into its window; what an earlier, reloaded one left there is hidden."""
        contents = self._panel.parent.window.widget()
        children = contents.findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly)
        return [child for child in children if not child.isHidden()]

    def sees(self, name: str) -> bool:
        """Whether the widget is visible."""
        return self.widget(name).isVisible()

    def reads(self, name: str) -> str:
        """The text of a visible widget, or what a list shows as chosen."""
        assert self.sees(name), f"{name} cannot be seen"
        widget = self.widget(name)
        if isinstance(widget, QtWidgets.QComboBox):
            return widget.currentText()
        if isinstance(widget, (QtWidgets.QTextEdit, QtWidgets.QPlainTextEdit)):
            return widget.toPlainText()
        if not hasattr(widget, "text"):
            inner = _inner(widget, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox, QtWidgets.QAbstractButton)
            return inner.currentText() if isinstance(inner, QtWidgets.QComboBox) else inner.text()
        return widget.text() if callable(widget.text) else widget.text

    def can_click(self, name: str) -> bool:
        """Whether the widget is visible and enabled."""
        return self.sees(name) and self.widget(name).isEnabled()

    def tool_tip(self, name: str) -> str:
        """What the widget says when the mouse rests on it."""
        return self.widget(name).toolTip()

    def open_section(self, name: str) -> None:
        """Click the title of a collapsed section."""
        section = self.widget(name)
        if section.property("collapsed"):
            QTest.mouseClick(section, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, QtCore.QPoint(40, 10))
        self._application.process_events()

    # -- mouse ---------------------------------------------------------------------------------------------------------

    def click(self, name: str) -> None:
        """Click a button or tick box."""
        widget = self._usable(name)
        is_box = isinstance(widget, (QtWidgets.QCheckBox, QtWidgets.QRadioButton))
        target = widget
        if not isinstance(widget, QtWidgets.QAbstractButton):
            target = widget.findChild(QtWidgets.QAbstractButton) or widget
        where = QtCore.QPoint(8, target.height() // 2) if is_box else target.rect().center()
        self._mouse(target, where)

    def choose_from_menu(self, name: str, entry: str) -> None:
        """Choose from the menu of a tool button."""
        actions = [action for action in self._usable(name).menu().actions() if action.isVisible()]
        texts = [action.text() for action in actions]
        assert entry in texts, f"{name} does not offer {entry!r} but {texts}"
        action = actions[texts.index(entry)]
        assert action.isEnabled(), f"{entry!r} cannot be chosen"
        action.trigger()
        self._application.process_events()

    def choose_tab(self, name: str, title: str) -> None:
        """Click a tab by its title."""
        bar = self._usable(name).tabBar()
        titles = [bar.tabText(index) for index in range(bar.count())]
        assert title in titles, f"{name} has no tab {title!r} but {titles}"
        self._mouse(bar, bar.tabRect(titles.index(title)).center())

    def drag_slider(self, name: str, value: float) -> None:
        """Pull a slider's handle to a value, through all values between."""
        widget = self._usable(name)
        slider = widget if isinstance(widget, QtWidgets.QSlider) else widget.findChild(QtWidgets.QSlider)
        low, step = 0.0, 1.0
        if slider is not widget:
            low, step = widget.property("minimum"), widget.property("singleStep") or 1.0
        target = round((value - low) / step)
        assert slider.minimum() <= target <= slider.maximum(), f"{name} does not reach {value}"
        slider.setSliderDown(True)
        for position in _positions(slider.value(), target):
            slider.setSliderPosition(position)
            self._application.process_events()
        slider.setSliderDown(False)
        self._application.process_events()

    # -- keyboard ------------------------------------------------------------------------------------------------------

    def type(self, name: str, text: str) -> None:
        """Replace what a line, text or number box holds, and leave it: with Enter, a text box by going elsewhere."""
        widget = self._usable(name)
        editor = widget
        if not isinstance(widget, (QtWidgets.QLineEdit, QtWidgets.QPlainTextEdit, QtWidgets.QTextEdit)):
            editor = _inner(widget, QtWidgets.QLineEdit)
        assert not editor.isReadOnly(), f"nothing can be typed into {name}"
        editor.setFocus()
        QTest.keyClick(editor, QtCore.Qt.Key_A, QtCore.Qt.ControlModifier)
        QTest.keyClick(editor, QtCore.Qt.Key_Delete)
        QTest.keyClicks(editor, text)
        if isinstance(editor, QtWidgets.QLineEdit):
            QTest.keyClick(editor, QtCore.Qt.Key_Return)
        else:
            editor.clearFocus()
        self._application.process_events()

    def press(self, name: str, key: str) -> None:
        """Press a key, as in ``Ctrl+Z`` or ``Down``, while the widget has the focus."""
        widget = self._usable(name)
        widget.setFocus()
        self._application.process_events()
        combination = QtGui.QKeySequence(key)[0]
        QTest.keyClick(widget.focusProxy() or widget, combination.key(), combination.keyboardModifiers())
        self._application.process_events()

    def choose(self, name: str, text: str) -> None:
        """Choose an entry of a list with the arrow keys."""
        widget = self._usable(name)
        entries = widget if isinstance(widget, QtWidgets.QComboBox) else widget.findChild(QtWidgets.QComboBox)
        row = entries.findText(text)
        assert row >= 0, f"{name} does not offer {text!r} but {[entries.itemText(r) for r in range(entries.count())]}"
        step = QtCore.Qt.Key_Down if row > entries.currentIndex() else QtCore.Qt.Key_Up
        for _ in range(abs(row - entries.currentIndex())):
            QTest.keyClick(entries, step)
        self._application.process_events()
        assert entries.currentText() == text

    # -- tables --------------------------------------------------------------------------------------------------------

    def click_cell(self, name: str, row: int, column: int, modifier: QtCore.Qt.KeyboardModifier | None = None) -> None:
        """Click a cell of a table as it stands now, sorted or not; the table scrolls to it first."""
        table = self._usable(name)
        self._mouse(table.viewport(), self._cell(table, row, column).center(), modifier)

    def tick_cell(self, name: str, row: int, column: int) -> None:
        """Click the tick box of a cell."""
        table = self._usable(name)
        rectangle = self._cell(table, row, column)
        inside = table.cellWidget(row, column) if isinstance(table, QtWidgets.QTableWidget) else None
        if inside is not None:
            box = inside if isinstance(inside, QtWidgets.QCheckBox) else _inner(inside, QtWidgets.QCheckBox)
            self._mouse(box, QtCore.QPoint(8, box.height() // 2))
            return
        index = table.indexAt(rectangle.center())
        assert index.flags() & QtCore.Qt.ItemIsUserCheckable, f"{name} has no tick box in row {row}, column {column}"
        option = QtWidgets.QStyleOptionViewItem()
        table.initViewItemOption(option)
        option.rect = rectangle
        table.itemDelegateForIndex(index).initStyleOption(option, index)
        indicator = table.style().subElementRect(QtWidgets.QStyle.SE_ItemViewItemCheckIndicator, option, table)
        self._mouse(table.viewport(), indicator.center())

    def type_in_cell(self, name: str, row: int, column: int, text: str) -> None:
        """Double-click a cell, type, and press Enter."""
        table = self._usable(name)
        where = self._cell(table, row, column).center()
        self._mouse(table.viewport(), where)
        QTest.mouseDClick(table.viewport(), QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, where)
        self._application.process_events()
        editor = table.viewport().findChild(QtWidgets.QLineEdit)
        assert editor is not None, f"nothing can be typed into row {row}, column {column} of {name}"
        editor.selectAll()
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, QtCore.Qt.Key_Return)
        self._application.process_events()

    def click_header(self, name: str, column: int) -> None:
        """Click the title of a column."""
        header = self._usable(name).horizontalHeader()
        middle = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
        self._mouse(header.viewport(), QtCore.QPoint(middle, header.height() // 2))

    def reads_cell(self, name: str, row: int, column: int) -> str:
        """The text of a cell as it stands now."""
        model = self._visible(name).model()
        return str(model.index(row, column).data(QtCore.Qt.DisplayRole) or "")

    def reads_column(self, name: str, column: int) -> list[str]:
        """The texts of a column from top to bottom, without hidden rows."""
        table = self._visible(name)
        return [self.reads_cell(name, row, column) for row in range(table.model().rowCount()) if not table.isRowHidden(row)]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _visible(self, name: str) -> QtWidgets.QWidget:
        assert self.sees(name), f"{name} cannot be seen"
        return self.widget(name)

    def _usable(self, name: str) -> QtWidgets.QWidget:
        assert self.can_click(name), f"{name} cannot be used"
        return self.widget(name)

    def _cell(self, table: QtWidgets.QTableView, row: int, column: int) -> QtCore.QRect:
        index = table.model().index(row, column)
        assert index.isValid() and not table.isRowHidden(row), f"{table.objectName()} has no row {row}, column {column}"
        table.scrollTo(index)
        self._application.process_events()
        return table.visualRect(index)

    def _mouse(
        self, widget: QtWidgets.QWidget, where: QtCore.QPoint, modifier: QtCore.Qt.KeyboardModifier | None = None
    ) -> None:
        QTest.mouseClick(widget, QtCore.Qt.LeftButton, modifier or QtCore.Qt.NoModifier, where)
        self._application.process_events()


def _positions(start: int, end: int) -> list[int]:
    """At most eight positions from after ``start`` up to ``end``."""
    count = max(1, min(8, abs(end - start)))
    return [start + round((end - start) * step / count) for step in range(1, count + 1)]


def _named(root: QtWidgets.QWidget, name: str) -> list[QtWidgets.QWidget]:
    return ([root] if root.objectName() == name else []) + root.findChildren(QtWidgets.QWidget, name)


def _inner(widget: QtWidgets.QWidget, *kinds: type) -> QtWidgets.QWidget:
    found = next((child for kind in kinds for child in widget.findChildren(kind)), None)
    assert found is not None, f"{widget.objectName()} is no widget that a person can use like this"
    return found
