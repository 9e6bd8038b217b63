"""What a panel reads and asks for in the host: .ui files, dialogs, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import slicer
from host.application import Application
from host.settings import QSettings
from host.uiloader import load_ui
from PySide6 import QtWidgets

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


@pytest.mark.provokes_problems
def test_a_message_box_waits_for_the_answer_that_was_prepared(application: Application) -> None:
    application.answer(QtWidgets.QMessageBox.Ok, QtWidgets.QMessageBox.Cancel)
    assert slicer.util.confirmOkCancelDisplay("Really?") is True
    assert slicer.util.confirmOkCancelDisplay("Sure?") is False
    assert application.messages == ["Really?", "Sure?"]
    slicer.util.confirmOkCancelDisplay("Nobody there?")
    assert "nobody answers" in application.problems[0]


@pytest.mark.provokes_problems
def test_files_and_texts_are_plain_and_empty_when_cancelled(application: Application, qt: Any) -> None:
    application.answer_file("/scans/head.nii.gz", "")
    application.answer_text("left ear", "")
    paths = [qt.QFileDialog.getOpenFileName(None, "Open", "", "*.nii.gz") for _ in range(2)]
    texts = [qt.QInputDialog.getText(None, "Name", "Name of the keypoint:") for _ in range(2)]
    assert paths == ["/scans/head.nii.gz", ""] and texts == ["left ear", ""]
    assert qt.QFileDialog.getSaveFileName(None, "Save") == "" and "nobody answers" in application.problems[0]


def test_what_is_internal_is_found_among_the_widgets_of_a_file_too(application: Application, tmp_path: Path) -> None:
    path = tmp_path / "panel.ui"
    path.write_text(UI.format(**{**GOOD, "widget": "ctkSliderWidget"}))
    ui = slicer.util.childWidgetVariables(slicer.util.loadUI(str(path)))
    assert {"all", "Slider", "SpinBox"} <= set(vars(ui))


# -- settings -------------------------------------------------------------------------------------------------------------


def test_settings_keep_their_types_until_the_application_is_started_again(application: Application, qt: Any) -> None:
    values = {"flag": True, "count": 3, "share": 0.5, "none": [], "one": ["a"], "names": ["a", "b"], "text": "x"}
    settings = qt.QSettings()
    settings.beginGroup("KeypointRegistration")
    for key, value in values.items():
        settings.setValue(key, value)
    settings.endGroup()
    assert slicer.app.userSettings().value("KeypointRegistration/flag") is True
    QSettings.restart()
    read = {key: qt.QSettings().value(f"KeypointRegistration/{key}") for key in values}
    assert read == {
        "flag": "true", "count": "3", "share": "0.5", "none": None, "one": "a", "names": ("a", "b"), "text": "x"
    }  # fmt: skip
    assert slicer.util.settingsValue("KeypointRegistration/flag", False, slicer.util.toBool) is True


def test_settings_take_no_keywords_and_know_what_they_hold(application: Application, qt: Any) -> None:
    settings = qt.QSettings()
    with pytest.raises(TypeError):
        settings.value("flag", False, type=bool)
    with pytest.raises(TypeError):
        settings.value(key="flag")
    settings.setValue("a/b", 1)
    assert settings.contains("a/b") and settings.allKeys() == ("a/b",) and settings.value("a/c", "default") == "default"
    settings.remove("a")
    assert settings.allKeys() == ()
