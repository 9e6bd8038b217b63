"""Properties, arguments and enums: the host refuses what PythonQt refuses, and takes what it takes.

The rules are those observed in a real Slicer; each that a panel could break has a test here or in one of the files beside.

Properties: attributes, read without a call (a_property_is_an_attribute_and_cannot_be_called), set by assignment or setter
(a_property_is_set_…), some getters stay methods (getters_that_are_no_properties_stay_methods); nothing can be added to a C++
object (an_unknown_attribute_…, a_virtual_method_…) but to a Python subclass (attributes_can_be_added_…); structs are copies
(a_struct_property_is_a_copy); other C++ methods do not exist (what_is_no_slot_…).
Arguments: no keywords (nothing_takes_keyword_arguments), ValueError (wrong_arguments_…), conversions (text_takes_anything_…,
truth_is_enough_…), no generators, tuples back (add_items_…, lists_come_back_…), bytes (bytes_come_back_…).
Enums: enums_are_plain_numbers, enums_and_their_combinations_…, a_plain_number_…; exec and exec_ (a_dialog_is_run_…).
test_host_signals.py: signatures, arguments, swallowed errors, connections that hold, lists from newer versions of Qt.
test_host_ownership.py: who survives losing its reference; timers, shortcuts, groups, tables; threads.
test_host_files.py: .ui files, names over several of them, dialogs, settings after a restart.
test_host_mrml.py: VTK objects as arguments, in properties and signals; selectors.  test_host_parameters.py: parameter nodes.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import pytest
from host.application import Application
from PySide6 import QtWidgets


def test_a_property_is_an_attribute_and_cannot_be_called(qt: Any) -> None:
    button = qt.QPushButton("Apply")
    assert button.text == "Apply"
    with pytest.raises(TypeError, match="not callable"):
        button.text()


def test_a_property_is_set_by_assignment_or_by_its_setter(qt: Any) -> None:
    label = qt.QLabel("")
    label.text = "one"
    assert label.text == "one"
    label.setText("two")
    assert label.text == "two"
    label.name = "label"
    assert label.objectName == "label"


def test_getters_that_are_no_properties_stay_methods(qt: Any) -> None:
    box = qt.QCheckBox("Refine")
    box.checked = True
    assert box.isChecked() and box.checked
    assert box.parent() is None
    holder = qt.QWidget()
    qt.QVBoxLayout(holder).addWidget(box)
    assert holder.layout().count() == 1 and qt.QTableWidgetItem("text").text() == "text"


def test_an_unknown_attribute_can_neither_be_read_nor_set(qt: Any) -> None:
    label = qt.QLabel("")
    with pytest.raises(AttributeError):
        _ = label.caption
    with pytest.raises(AttributeError):
        label.caption = "text"


def test_attributes_can_be_added_to_a_python_subclass_only(qt: Any) -> None:
    class Label(qt.QLabel):
        pass

    label = Label("")
    label.keypoint = 3
    assert label.keypoint == 3 and label.text == ""


def test_a_virtual_method_cannot_be_replaced_on_an_instance(qt: Any) -> None:
    with pytest.raises(AttributeError):
        qt.QWidget().mousePressEvent = print


def test_a_struct_property_is_a_copy(qt: Any) -> None:
    label = qt.QLabel("")
    label.font.setBold(True)
    assert not label.font.bold()


def test_what_is_no_slot_property_or_invokable_of_a_custom_class_does_not_exist(application: Application) -> None:
    from host.pythonqt import wrap
    from host.widgets import qMRMLNodeComboBox

    combo = wrap(qMRMLNodeComboBox())
    assert combo.nodeCount() == 0
    for name in ("_candidates", "_refresh", "cpp_signals"):
        with pytest.raises(AttributeError):
            getattr(combo, name)


def test_nothing_takes_keyword_arguments(qt: Any) -> None:
    with pytest.raises(TypeError, match="keyword"):
        qt.QLabel(text="x")
    with pytest.raises(TypeError, match="keyword"):
        qt.QLabel("").setText(text="x")
    with pytest.raises(TypeError, match="keyword"):
        qt.QTimer.singleShot(0, print, context=None)


def test_wrong_arguments_are_a_value_error(qt: Any) -> None:
    with pytest.raises(ValueError):
        qt.QComboBox().addItem({}, {}, {}, {})


def test_text_takes_anything_and_int_cuts_floats(qt: Any) -> None:
    label, bar = qt.QLabel(""), qt.QProgressBar()
    label.text = None
    assert label.text == "None"
    label.text = b"bytes"
    assert label.text == "b'bytes'"
    bar.value = 12.9
    assert bar.value == 12


def test_add_items_takes_a_list_but_no_generator(qt: Any) -> None:
    combo = qt.QComboBox()
    combo.addItems(["a", "b"])
    assert combo.count == 2
    with pytest.raises(ValueError):
        combo.addItems(text for text in "ab")


def test_lists_come_back_as_tuples(qt: Any) -> None:
    parent = qt.QWidget()
    _child = qt.QLabel("", parent)
    assert isinstance(parent.children(), tuple)
    assert parent.children()[0].text == ""


def test_find_children_needs_a_type(qt: Any) -> None:
    with pytest.raises(ValueError):
        qt.QWidget().findChildren()


def test_truth_is_enough_for_bool_and_numpy_scalars_are_numbers(qt: Any) -> None:
    box, table = qt.QSpinBox(), qt.QTableWidget()
    box.enabled = []
    assert not box.enabled
    box.value = np.int64(7)
    table.setRowCount(np.int32(3))
    box.setSingleStep(np.float64(2.7))
    assert (box.value, table.rowCount, box.singleStep) == (7, 3, 2)


def test_bytes_come_back_as_a_byte_array(qt: Any) -> None:
    geometry = qt.QWidget().saveGeometry()
    assert not isinstance(geometry, bytes) and isinstance(geometry.data(), bytes)


def test_enums_are_plain_numbers(qt: Any) -> None:
    assert isinstance(qt.Qt.AlignLeft, int) and not isinstance(qt.Qt.AlignLeft, Enum)
    assert not hasattr(qt.Qt.AlignLeft, "name")
    assert type(qt.Qt.AlignLeft | qt.Qt.AlignTop) is int
    assert qt.QMessageBox.Yes == qt.QMessageBox.StandardButton.Yes


def test_enums_and_their_combinations_can_be_given_to_properties(qt: Any) -> None:
    label = qt.QLabel("")
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignTop


def test_a_plain_number_is_taken_where_qt_asks_for_an_enum(qt: Any) -> None:
    item = qt.QTableWidgetItem("")
    item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
    item.setCheckState(2)
    assert item.checkState() == qt.Qt.Checked
    assert item.flags() & ~qt.Qt.ItemIsSelectable == qt.Qt.ItemIsEnabled
    with pytest.raises(ValueError):
        item.setFlags("enabled")


def test_a_dialog_is_run_by_exec_or_exec_and_an_underscore(application: Application, qt: Any) -> None:
    application.answer(QtWidgets.QMessageBox.Yes, QtWidgets.QMessageBox.No)
    box = qt.QMessageBox()
    answers = box.exec_(), box.exec()
    assert answers == (qt.QMessageBox.Yes, qt.QMessageBox.No) and type(answers[0]) is int
