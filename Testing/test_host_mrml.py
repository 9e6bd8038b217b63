"""Nodes in the host's widgets, and the application's own face."""

from __future__ import annotations

from typing import Any

import pytest
import slicer
from host.application import Application


@pytest.fixture
def combo(application: Application) -> Any:
    """A node selector for scalar volumes, connected to the scene."""
    from host.pythonqt import wrap
    from host.widgets import qMRMLNodeComboBox

    selector = wrap(qMRMLNodeComboBox())
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(application.scene)
    return selector


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


def test_vtk_objects_keep_their_identity_in_properties(application: Application, qt: Any) -> None:
    volume, label = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"), qt.QLabel("")
    label.setProperty("volume", volume)
    assert label.property("volume") is volume


def test_the_application_offers_no_more_than_it_has(application: Application) -> None:
    for name in ("mainWindow", "styleSheet"):
        with pytest.raises(AttributeError):
            getattr(slicer.app, name)
