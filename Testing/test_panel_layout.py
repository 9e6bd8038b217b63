"""The panel as a whole: every section fits into a narrow panel, and every control can be reached without a mouse."""

from __future__ import annotations

from panel_session import Session
from PySide6 import QtCore, QtWidgets

PANEL_WIDTH = 350


def test_every_section_fits_into_a_narrow_panel_with_a_result_shown(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    window = session.panel.parent.window
    window.resize(PANEL_WIDTH, 900)
    for section in sections(session):
        section.setProperty("collapsed", False)
    session.application.process_events()
    available = window.viewport().width() - 2 * window.widget().layout().contentsMargins().left()
    wide = {root.objectName(): root.minimumSizeHint().width() for root in session.person.roots()}
    assert {name: width for name, width in wide.items() if width > available} == {}


def test_every_control_can_be_reached_with_the_tabulator(session: Session) -> None:
    kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QLineEdit, QtWidgets.QAbstractSpinBox)
    for root in session.person.roots():
        for widget in (found for kind in kinds for found in root.findChildren(kind)):
            if not widget.objectName().startswith("qt_"):
                assert widget.focusPolicy() & QtCore.Qt.TabFocus, f"{widget.objectName()} cannot be reached"


def sections(session: Session) -> list[QtWidgets.QWidget]:
    """The collapsible parts of the panel."""
    direct = QtCore.Qt.FindDirectChildrenOnly
    children = [child for root in session.person.roots() for child in root.findChildren(QtWidgets.QWidget, options=direct)]
    return [child for child in children if child.metaObject().className() == "ctkCollapsibleButton"]
