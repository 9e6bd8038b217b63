"""The stand-in for the application refuses what PythonQt refuses.  One test for each rule that the panel could break."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import slicer
from host.application import Application
from host.uiloader import load_ui
from PySide6 import QtWidgets


@pytest.fixture
def application() -> Iterator[Application]:
    with Application() as running:
        yield running


@pytest.fixture
def qt(application: Application) -> Any:
    import qt

    return qt


@pytest.fixture
def combo(application: Application) -> Any:
    """A node selector for scalar volumes, connected to the scene."""
    from host.pythonqt import wrap
    from host.widgets import qMRMLNodeComboBox

    selector = wrap(qMRMLNodeComboBox())
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(application.scene)
    return selector


# -- properties -----------------------------------------------------------------------------------------------------------


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


def test_an_unknown_attribute_can_neither_be_read_nor_set(qt: Any) -> None:
    label = qt.QLabel("")
    with pytest.raises(AttributeError):
        _ = label.caption
    with pytest.raises(AttributeError):
        label.caption = "text"


def test_a_virtual_method_cannot_be_replaced_on_an_instance(qt: Any) -> None:
    with pytest.raises(AttributeError):
        qt.QWidget().mousePressEvent = print


def test_a_struct_property_is_a_copy(qt: Any) -> None:
    label = qt.QLabel("")
    label.font.setBold(True)
    assert not label.font.bold()


def test_what_is_no_slot_property_or_invokable_of_a_custom_class_does_not_exist(combo: Any) -> None:
    assert combo.nodeCount() == 0
    for name in ("_candidates", "_refresh", "cpp_signals"):
        with pytest.raises(AttributeError):
            getattr(combo, name)


# -- arguments ------------------------------------------------------------------------------------------------------------


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


# -- signals --------------------------------------------------------------------------------------------------------------


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


def test_an_error_in_a_handler_is_swallowed_and_reported(application: Application, qt: Any) -> None:
    button = qt.QPushButton("")
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert application.problems == ["error in the handler of clicked(): ZeroDivisionError: division by zero"]


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


# -- enums ----------------------------------------------------------------------------------------------------------------


def test_enums_are_plain_numbers(qt: Any) -> None:
    assert isinstance(qt.Qt.AlignLeft, int) and not isinstance(qt.Qt.AlignLeft, Enum)
    assert not hasattr(qt.Qt.AlignLeft, "name")
    assert type(qt.Qt.AlignLeft | qt.Qt.AlignTop) is int
    assert qt.QMessageBox.Yes == qt.QMessageBox.StandardButton.Yes


def test_enums_and_their_combinations_can_be_given_to_properties(qt: Any) -> None:
    label = qt.QLabel("")
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignTop


# -- ownership ------------------------------------------------------------------------------------------------------------


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


# -- MRML -----------------------------------------------------------------------------------------------------------------


def test_the_wrong_vtk_class_is_a_type_error(application: Application, combo: Any) -> None:
    with pytest.raises(TypeError):
        combo.setCurrentNode(application.scene)
    with pytest.raises(TypeError):
        combo.setMRMLScene(slicer.vtkMRMLScalarVolumeNode())


def test_a_node_of_the_wrong_type_selects_none(application: Application, combo: Any) -> None:
    volume = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "volume")
    combo.noneEnabled = True
    combo.setCurrentNode(volume)
    assert combo.currentNode() is volume and combo.currentNodeID == volume.GetID()
    combo.setCurrentNode(application.scene.AddNewNodeByClass("vtkMRMLTableNode"))
    assert combo.currentNode() is None


def test_a_selector_without_none_takes_the_first_node_and_lets_go_of_a_removed_one(
    application: Application, combo: Any
) -> None:
    heard = []
    assert combo.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    first = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "first")
    second = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "second")
    application.scene.RemoveNode(first)
    assert heard == [first, second]
    application.scene.Clear(0)
    assert heard == [first, second, None]


# -- files, dialogs, parameters -------------------------------------------------------------------------------------------

UI = """<ui version="4.0"><class>Panel</class>
<widget class="qMRMLWidget" name="Panel"><layout class="QVBoxLayout" name="all">
<item><widget class="{widget}" name="{name}"><property name="{property}"><bool>true</bool></property></widget></item>
<item><widget class="qMRMLNodeComboBox" name="selector"/></item></layout></widget>
<connections><connection><sender>Panel</sender><signal>{signal}</signal><receiver>selector</receiver>
<slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""
GOOD = {
    "widget": "QPushButton",
    "name": "button",
    "property": "enabled",
    "signal": "mrmlSceneChanged(vtkMRMLScene*)",
}


def test_a_panel_file_is_loaded_and_its_scene_connection_made(application: Application, tmp_path: Path) -> None:
    path = tmp_path / "panel.ui"
    path.write_text(UI.format(**GOOD))
    widget = slicer.util.loadUI(str(path))
    ui = slicer.util.childWidgetVariables(widget)
    widget.setMRMLScene(application.scene)
    assert ui.selector.mrmlScene() is application.scene
    assert ui.button.enabled


@pytest.mark.parametrize(
    "mistake",
    [
        {"widget": "ctkMagicButton"},
        {"name": "selector"},
        {"property": "enabeld"},
        {"signal": "mrmlSceneChanged(vtkMRMLNode*)"},
    ],
)
def test_a_mistake_in_a_panel_file_is_an_error(application: Application, tmp_path: Path, mistake: dict[str, str]) -> None:
    path = tmp_path / "panel.ui"
    path.write_text(UI.format(**{**GOOD, **mistake}))
    with pytest.raises(ValueError, match=r"panel\.ui"):
        load_ui(path)


def test_a_message_box_waits_for_the_answer_that_was_prepared(application: Application) -> None:
    application.answer(QtWidgets.QMessageBox.Ok, QtWidgets.QMessageBox.Cancel)
    assert slicer.util.confirmOkCancelDisplay("Really?") is True
    assert slicer.util.confirmOkCancelDisplay("Sure?") is False
    assert application.messages == ["Really?", "Sure?"]
    slicer.util.confirmOkCancelDisplay("Nobody there?")
    assert "nobody answers" in application.problems[0]


class Kind(Enum):
    ONE = 1
    TWO = 2

    def label(self) -> str:
        return self.name.title()


def parameters_class() -> type:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        count: int = 3
        flag: bool = True
        kind: Kind = Kind.TWO

    return parameterNodeWrapper(Parameters)


def test_parameters_are_typed_and_live_in_the_scene(application: Application) -> None:
    node = application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    cls = parameters_class()
    first, second = cls(node), cls(node)
    assert (first.volume, first.count, first.flag, first.kind) == (None, 3, True, Kind.TWO)
    volume = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    first.volume, first.kind, first.flag = volume, Kind.ONE, False
    assert second.volume is volume and second.kind is Kind.ONE and second.flag is False
    assert node.GetParameter("kind") == "ONE"
    with pytest.raises(TypeError):
        first.volume = application.scene
    with pytest.raises(TypeError):
        first.count = "many"


def test_parameters_and_widgets_follow_each_other_until_disconnected(application: Application, qt: Any) -> None:
    parameters = parameters_class()(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box, kinds = qt.QCheckBox("flag"), qt.QComboBox()
    tag = parameters.connectParametersToGui({"flag": box, "kind": kinds})
    assert box.checked and kinds.currentText == "Two"
    box.click()
    assert parameters.flag is False
    parameters.kind = Kind.ONE
    assert kinds.currentText == "One"
    parameters.disconnectGui(tag)
    box.checked = True
    assert parameters.flag is False


def test_connecting_a_whole_panel_gives_no_tag_and_cannot_be_undone(application: Application, qt: Any) -> None:
    parameters = parameters_class()(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box = qt.QCheckBox("flag")
    box.setProperty("SlicerParameterName", "flag")
    tag = parameters.connectGui(_gui(box=box))
    assert tag is None
    parameters.disconnectGui(tag)
    box.click()
    assert parameters.flag is False


def _gui(**widgets: Any) -> Any:
    """What ``childWidgetVariables`` returns: an object with the widgets as attributes."""
    gui = type("Ui", (), {})()
    for name, widget in widgets.items():
        setattr(gui, name, widget)
    return gui


def test_a_widget_bound_to_no_parameter_is_an_error(application: Application, qt: Any) -> None:
    parameters = parameters_class()(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box = qt.QCheckBox("")
    box.setProperty("SlicerParameterName", "flgg")
    with pytest.raises(ValueError, match="flgg"):
        parameters.connectGui(_gui(box=box))


def test_the_application_offers_no_more_than_it_has(application: Application) -> None:
    for name in ("mainWindow", "styleSheet"):
        with pytest.raises(AttributeError):
            getattr(slicer.app, name)
