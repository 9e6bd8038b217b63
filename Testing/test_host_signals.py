"""Signals in the host: found by their full C++ signature only, and with PythonQt's treatment of handlers."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from host.application import Application


@pytest.mark.provokes_problems
def test_a_wrong_signature_returns_false_and_is_reported(application: Application, qt: Any) -> None:
    button = qt.QPushButton("")
    assert button.connect("clicked()", print) is True
    for wrong in ("clicked", "clicked(int)", "onClicked()", "currentNodeChanged(vtkMRMLNode*)"):
        assert button.connect(wrong, print) is False
    assert len(application.problems) == 4


def test_a_handler_gets_what_the_signature_offers_and_no_more_than_it_takes(qt: Any) -> None:
    button, heard = qt.QPushButton(""), []
    button.checkable = True
    button.connect("clicked()", lambda *arguments: heard.append(arguments))
    button.connect("clicked(bool)", lambda *arguments: heard.append(arguments))
    button.connect("clicked(bool)", lambda: heard.append("nothing"))
    button.click()
    assert heard == [(), (True,), "nothing"]


def test_signals_can_be_attributes_without_overloads(qt: Any) -> None:
    button, heard = qt.QPushButton(""), []
    assert button.clicked.connect(lambda: heard.append("click"))
    button.click()
    assert heard == ["click"]
    with pytest.raises(TypeError):
        _ = button.clicked[bool]


@pytest.mark.provokes_problems
def test_an_error_in_a_handler_is_swallowed_and_reported(application: Application, qt: Any) -> None:
    button = qt.QPushButton("")
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert application.problems == ["error in the handler of clicked(): ZeroDivisionError: division by zero"]


@pytest.mark.provokes_problems
def test_disconnect_needs_the_same_arguments(application: Application, qt: Any) -> None:
    button, heard = qt.QPushButton(""), []

    def handler() -> None:
        heard.append(1)

    button.connect("clicked()", handler)
    assert button.disconnect("clicked()", print) is False
    assert button.disconnect("clicked()", handler) is True
    button.click()
    assert heard == [] and len(application.problems) == 1


def test_a_connection_holds_its_handler(qt: Any) -> None:
    class Owner:
        def handle(self) -> None: ...

    button, owner = qt.QPushButton(""), Owner()
    alive = weakref.ref(owner)
    button.connect("clicked()", owner.handle)
    handler = owner.handle
    del owner
    gc.collect()
    assert alive() is not None
    button.disconnect("clicked()", handler)
    del handler
    gc.collect()
    assert alive() is None


def test_arguments_come_in_the_order_of_the_signature(qt: Any) -> None:
    table, heard = qt.QTableWidget(2, 2), []
    assert table.connect("currentCellChanged(int,int,int,int)", lambda *places: heard.append(places))
    table.setCurrentCell(1, 0)
    assert heard == [(1, 0, -1, -1)]


def test_disconnecting_without_arguments_is_an_error(qt: Any) -> None:
    button = qt.QPushButton("")
    button.connect("clicked()", print)
    with pytest.raises(TypeError):
        button.disconnect()


@pytest.mark.provokes_problems
def test_signals_that_only_a_newer_qt_has_do_not_exist(application: Application, qt: Any) -> None:
    assert qt.QCheckBox("").connect("checkStateChanged(Qt::CheckState)", print) is False
    assert len(application.problems) == 1
