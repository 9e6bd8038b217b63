"""The stand-ins for CTK's and qMRML's inputs behave as a person expects, and Python sees only what the real ones show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import slicer
from host.application import Application
from host.person import Person
from PySide6 import QtWidgets

MODULE = """
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget

class SmallModule(ScriptedLoadableModule):
    pass

class SmallModuleWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        super().setup()
        for name in sorted(__import__("os").listdir(self.resourcePath("UI"))):
            widget = slicer.util.loadUI(self.resourcePath("UI/" + name))
            self.layout.addWidget(widget)
            self.ui = slicer.util.childWidgetVariables(widget)
            widget.setMRMLScene(slicer.mrmlScene)
"""
UI = """<ui version="4.0"><class>{root}</class><widget class="qMRMLWidget" name="{root}"><layout class="QVBoxLayout">
{widgets}</layout></widget></ui>"""


@pytest.fixture
def panel(application: Application, tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """Opens a panel made of ``class name`` pairs, one .ui file per argument."""

    def build(*files: str) -> SimpleNamespace:
        (tmp_path / "SmallModule.py").write_text(MODULE)
        folder = tmp_path / "Resources" / "UI"
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            entries = [entry.split() for entry in file.split(",")]
            widgets = "".join(f'<item><widget class="{kind}" name="{name}"/></item>' for kind, name in entries)
            (folder / f"{number}.ui").write_text(UI.format(root=f"Root{number}", widgets=widgets))
        opened = application.open_panel(tmp_path / "SmallModule.py")
        return SimpleNamespace(ui=opened.ui, person=Person(application, opened), widget=opened)

    return build


@pytest.mark.parametrize(
    ("kind", "python_name"),
    [
        ("ctkSliderWidget", "value"),
        ("ctkDoubleSpinBox", "value"),
        ("ctkPathLineEdit", "currentPath"),
        ("ctkDirectoryButton", "directory"),
        ("ctkCollapsibleGroupBox", "collapsed"),
        ("ctkComboBox", "defaultText"),
        ("qMRMLSliderWidget", "quantity"),
        ("qMRMLCheckableNodeComboBox", "nodeTypes"),
        ("QTableWidget", "rowCount"),
        ("QTreeWidget", "columnCount"),
        ("QTabWidget", "currentIndex"),
        ("QPlainTextEdit", "plainText"),
        ("QToolButton", "text"),
        ("QSlider", "value"),
        ("QSpinBox", "value"),
    ],
)
def test_a_panel_file_may_hold_any_of_them(panel: Callable, kind: str, python_name: str) -> None:
    widget = panel(f"{kind} thing").ui.thing
    assert not callable(getattr(widget, python_name))
    with pytest.raises(AttributeError):
        widget.somethingElse = 1
    for hidden in ("_slider", "_box", "_line"):
        with pytest.raises(AttributeError):
            getattr(widget, hidden)


def test_a_widget_is_found_in_any_file_of_the_panel_and_a_doubled_name_is_an_error(panel: Callable) -> None:
    person = panel("QPushButton first,QPushButton doubled", "QPushButton second,QPushButton doubled").person
    assert person.sees("first") and person.sees("second")
    with pytest.raises(AssertionError, match="2 widgets"):
        person.widget("doubled")


def test_a_slider_and_its_number_follow_each_other(panel: Callable) -> None:
    opened, heard = panel("ctkSliderWidget opacity"), []
    slider = opened.ui.opacity
    slider.singleStep, slider.maximum = 0.1, 1.0
    assert slider.connect("valueChanged(double)", heard.append)
    opened.person.drag_slider("opacity", 0.5)
    assert slider.value == pytest.approx(0.5) and heard[-1] == pytest.approx(0.5) and len(heard) > 1
    opened.person.type("opacity", "0.2")
    assert slider.value == pytest.approx(0.2)


def test_without_tracking_a_slider_speaks_once_it_is_let_go(panel: Callable) -> None:
    opened, heard = panel("ctkSliderWidget opacity"), []
    opened.ui.opacity.tracking = False
    opened.ui.opacity.connect("valueChanged(double)", heard.append)
    opened.person.drag_slider("opacity", 40)
    assert heard == [40.0]


def test_a_person_types_and_leaves_with_enter(panel: Callable) -> None:
    opened, heard = panel("QLineEdit line,QPlainTextEdit text"), []
    opened.ui.line.connect("editingFinished()", lambda: heard.append(opened.ui.line.text))
    opened.person.type("line", "a name")
    opened.person.type("text", "a comment")
    assert heard[0] == "a name" and opened.person.reads("text") == "a comment"


@pytest.mark.provokes_problems
def test_files_and_folders_are_chosen_in_prepared_dialogs(application: Application, panel: Callable, tmp_path: Path) -> None:
    opened, heard = panel("ctkPathLineEdit path,ctkDirectoryButton folder"), []
    opened.ui.path.connect("currentPathChanged(QString)", heard.append)
    opened.ui.folder.connect("directorySelected(QString)", heard.append)
    application.answer_file(tmp_path / "list.csv", "", tmp_path)
    opened.person.click("path")
    opened.person.click("path")
    assert opened.ui.path.currentPath == heard[0] == str(tmp_path / "list.csv")
    opened.person.click("folder")
    assert opened.ui.folder.directory == heard[1] == str(tmp_path)
    opened.person.click("folder")
    assert len(application.problems) == 1 and "nobody answers" in application.problems[0]


def test_filters_of_a_path_are_read_from_the_panel_file(application: Application, tmp_path: Path) -> None:
    import ctk
    from host.uiloader import load_ui

    path = tmp_path / "panel.ui"
    path.write_text(
        """<ui version="4.0"><class>Path</class><widget class="ctkPathLineEdit" name="Path"><property name="filters">
        <set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable</set></property></widget></ui>"""
    )
    assert load_ui(path).property("filters") == ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable


def test_nodes_can_be_ticked_in_a_checkable_list(application: Application, panel: Callable) -> None:
    import qt

    opened, heard = panel("qMRMLCheckableNodeComboBox nodes"), []
    nodes, person = opened.ui.nodes, opened.person
    nodes.nodeTypes = ["vtkMRMLModelNode"]
    nodes.setMRMLScene(application.scene)
    nodes.connect("checkedNodesChanged()", lambda: heard.append(len(nodes.checkedNodes())))
    model = application.scene.AddNewNodeByClass("vtkMRMLModelNode", "skull")
    assert person.widget("nodes").findChild(QtWidgets.QComboBox).placeholderText() == "None"
    nodes.setCheckState(model, qt.Qt.Checked)
    assert nodes.checkedNodes() == (model,)
    assert person.widget("nodes").findChild(QtWidgets.QComboBox).placeholderText() == "skull"
    application.scene.AddNewNodeByClass("vtkMRMLModelNode", "skin")
    assert nodes.checkedNodes() == (model,)
    application.scene.RemoveNode(model)
    assert nodes.checkedNodes() == () and heard == [1, 0]
    with pytest.raises(TypeError):
        nodes.setCheckState(application.scene, qt.Qt.Checked)


def test_a_table_is_clicked_ticked_sorted_and_edited(panel: Callable) -> None:
    import qt

    opened, heard = panel("QTableWidget table"), []
    table, person = opened.ui.table, opened.person
    table.setColumnCount(2)
    table.setRowCount(3)
    for row, value in enumerate((3.0, 1.0, 2.0)):
        tick = qt.QTableWidgetItem(f"point {row}")
        tick.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEditable)
        tick.setCheckState(qt.Qt.Checked)
        table.setItem(row, 0, tick)
        number = qt.QTableWidgetItem()
        number.setData(qt.Qt.DisplayRole, value)
        table.setItem(row, 1, number)
    table.sortingEnabled = True
    assert table.connect("currentCellChanged(int,int,int,int)", lambda row, *_: heard.append(row))
    assert table.connect("itemChanged(QTableWidgetItem*)", lambda item: heard.append(item.text()))
    person.click_header("table", 1)
    assert person.reads_column("table", 0) == ["point 1", "point 2", "point 0"]
    person.click_cell("table", 2, 1)
    assert table.currentRow() == 2 and heard[-1] == 2
    person.press("table", "Up")
    assert table.currentRow() == 1
    person.tick_cell("table", 1, 0)
    assert table.item(1, 0).checkState() == qt.Qt.Unchecked and heard[-1] == "point 2"
    person.type_in_cell("table", 0, 0, "left ear")
    assert person.reads_cell("table", 0, 0) == "left ear"


def test_a_shortcut_works_from_anywhere_in_the_window_while_it_is_kept(panel: Callable) -> None:
    import qt

    opened, heard = panel("QPushButton button"), []
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Z"), opened.ui.button)
    shortcut.setContext(qt.Qt.WindowShortcut)
    shortcut.connect("activated()", lambda: heard.append("undo"))
    opened.person.press("button", "Ctrl+Z")
    assert heard == ["undo"]
    shortcut.setEnabled(False)
    opened.person.press("button", "Ctrl+Z")
    assert heard == ["undo"]


def test_a_shortcut_of_the_main_window_is_heard_in_the_panel(panel: Callable) -> None:
    import qt

    opened, heard = panel("QPushButton button"), []
    shortcut = qt.QShortcut(slicer.util.mainWindow())
    shortcut.setKey(qt.QKeySequence("F"))
    shortcut.connect("activated()", lambda: heard.append("flicker"))
    opened.person.press("button", "F")
    assert heard == ["flicker"]


def test_an_entry_of_a_tool_button_and_a_tab_are_chosen(panel: Callable) -> None:
    import qt

    opened, heard = panel("QToolButton more,QTabWidget tabs"), []
    menu = qt.QMenu(opened.ui.more)
    menu.addAction("Copy").connect("triggered()", lambda: heard.append("copy"))
    opened.ui.more.setMenu(menu)
    opened.person.choose_from_menu("more", "Copy")
    assert heard == ["copy"]
    with pytest.raises(AssertionError, match="does not offer"):
        opened.person.choose_from_menu("more", "Paste")
    for title in ("One", "Two"):
        opened.ui.tabs.addTab(qt.QWidget(), title)
    opened.person.choose_tab("tabs", "Two")
    assert opened.ui.tabs.currentIndex == 1


def test_what_cannot_be_used_cannot_be_used(panel: Callable) -> None:
    opened = panel("QPushButton off,QLineEdit fixed,QPushButton hidden")
    opened.ui.off.enabled = False
    opened.ui.fixed.readOnly = True
    opened.ui.hidden.visible = False
    for use in (
        lambda: opened.person.click("off"),
        lambda: opened.person.click("hidden"),
        lambda: opened.person.type("fixed", "x"),
        lambda: opened.person.widget("nobody"),
    ):
        with pytest.raises(AssertionError):
            use()
    assert isinstance(opened.person.widget("off"), QtWidgets.QPushButton)


def test_nothing_is_opened_in_the_browser(application: Application) -> None:
    import qt
    from host.dialogs import QDesktopServices

    assert qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/help"))
    assert QDesktopServices.shown == ["https://example.org/help"]
