"""Who lives and dies in the host, as in PythonQt; timers and threads."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from host.application import Application


def test_an_object_without_parent_and_reference_dies(qt: Any) -> None:
    died = []
    label = qt.QLabel("")
    label.connect("destroyed()", lambda: died.append(True))
    del label
    gc.collect()
    assert died == [True]


def test_an_unreferenced_timer_never_fires(application: Application, qt: Any) -> None:
    fired = []

    def start(name: str) -> Any:
        timer = qt.QTimer()
        timer.connect("timeout()", lambda: fired.append(name))
        timer.setSingleShot(True)
        timer.start(0)
        return timer

    start("lost")
    _kept = start("kept")
    gc.collect()
    application.wait_until(lambda: "kept" in fired, "the timer that is kept")
    assert fired == ["kept"]


def test_a_child_survives_losing_its_reference(qt: Any) -> None:
    parent = qt.QWidget()
    child = qt.QLabel("child", parent)
    child.name = "child"
    del child
    gc.collect()
    assert [entry.text for entry in parent.children()] == ["child"]


def test_a_destroyed_object_is_false_equals_none_and_cannot_be_used(qt: Any) -> None:
    parent = qt.QWidget()
    child = qt.QLabel("", parent)
    del parent
    gc.collect()
    assert not child and child == None  # noqa: E711
    with pytest.raises(ValueError, match="destroyed"):
        _ = child.text


def test_the_same_object_is_equal_however_it_was_reached(qt: Any) -> None:
    parent = qt.QWidget()
    child = qt.QLabel("", parent)
    assert parent.children()[0] == child and child.parent() == parent


def test_items_cell_widgets_and_what_is_in_a_layout_survive(qt: Any) -> None:
    table, holder = qt.QTableWidget(1, 2), qt.QWidget()
    table.setItem(0, 0, qt.QTableWidgetItem("kept"))
    table.setCellWidget(0, 1, qt.QCheckBox("kept"))
    qt.QVBoxLayout(holder).addWidget(qt.QLabel("kept"))
    gc.collect()
    assert table.item(0, 0).text() == "kept" and table.cellWidget(0, 1).text == "kept"
    assert [child.text for child in holder.children() if child.inherits("QLabel")] == ["kept"]


def test_clearing_a_table_destroys_its_items(qt: Any) -> None:
    table, item = qt.QTableWidget(1, 1), qt.QTableWidgetItem("gone")
    table.setItem(0, 0, item)
    table.clear()
    assert not item
    with pytest.raises(ValueError, match="destroyed"):
        item.text()


@pytest.mark.parametrize("kind", ["QButtonGroup", "QDialog", "QMenu"])
def test_groups_dialogs_and_menus_without_parent_need_a_reference(qt: Any, kind: str) -> None:
    died = []
    thing = getattr(qt, kind)()
    thing.connect("destroyed()", lambda: died.append(kind))
    del thing
    gc.collect()
    assert died == [kind]


def test_a_shortcut_lives_as_long_as_its_parent(qt: Any) -> None:
    window, died = qt.QWidget(), []
    shortcut = qt.QShortcut(qt.QKeySequence("F"), window)
    shortcut.connect("destroyed()", lambda: died.append("shortcut"))
    del shortcut
    gc.collect()
    assert died == []
    del window
    gc.collect()
    assert died == ["shortcut"]


# -- timers and threads ---------------------------------------------------------------------------------------------------


def test_single_shot_of_a_timer_is_the_static_function(application: Application, qt: Any) -> None:
    timer, fired = qt.QTimer(), []
    with pytest.raises(AttributeError, match="static"):
        timer.singleShot = True
    timer.setSingleShot(True)
    assert callable(timer.singleShot) and timer.isSingleShot()
    qt.QTimer.singleShot(0, lambda: fired.append(True))
    gc.collect()
    application.wait_until(lambda: fired == [True], "the shot that nobody keeps")


def test_a_thread_of_qt_written_in_python_is_refused(qt: Any) -> None:
    for base in (qt.QThread, qt.QRunnable):
        with pytest.raises(TypeError, match="crashes"):
            type("Work", (base,), {"run": print})


@pytest.mark.provokes_problems
def test_a_python_thread_of_a_module_is_reported(application: Application, tmp_path: Path) -> None:
    path = tmp_path / "Threaded.py"
    path.write_text("import threading\nclass Threaded:\n    def __init__(self, parent):\n"
                    "        threading.Thread(target=print).start()\n")  # fmt: skip
    application.load_module(path)
    assert len(application.problems) == 1 and "stalls" in application.problems[0]


def test_overriding_what_the_host_would_never_call_is_refused(qt: Any) -> None:
    with pytest.raises(TypeError, match="never call"):
        type("Label", (qt.QLabel,), {"mousePressEvent": print})
