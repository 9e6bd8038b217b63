"""The host's layout manager follows the layout node and its descriptions, as Slicer's does, and offers no more."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from host.application import Application
from host.views import SliceView, ThreeDView
from PySide6 import QtGui

OWN_LAYOUT = 17999
DESCRIPTION = """<layout type="vertical" split="true"><item splitSize="300"><layout type="grid">
<item row="0" column="0"><view class="vtkMRMLSliceNode" singletontag="Upper">
<property name="orientation" action="default">Sagittal</property><property name="viewlabel" action="default">U</property>
<property name="viewcolor" action="default">#3fa7d6</property></view></item>
<item row="0" column="1"><view class="vtkMRMLViewNode" singletontag="1"/></item></layout></item>
<item splitSize="100"><view class="vtkMRMLSliceNode" singletontag="Red"/></item></layout>"""


def slice_names() -> list[str]:
    return [node.GetLayoutName() for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")]


def test_the_application_starts_with_three_slice_views_and_a_3d_view(application: Application) -> None:
    manager = slicer.app.layoutManager()
    assert manager.layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert sorted(manager.sliceViewNames()) == ["Green", "Red", "Yellow"] and manager.threeDViewCount == 1
    assert manager.sliceWidget("Red").mrmlSliceNode().GetOrientation() == "Axial"
    assert manager.sliceWidget("Upper") is None
    assert len(slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")) == 3


def test_a_layout_of_ones_own_makes_its_views_and_shows_only_those(application: Application) -> None:
    manager = slicer.app.layoutManager()
    heard: list[int] = []
    assert manager.connect("layoutChanged(int)", heard.append)
    manager.layoutLogic().GetLayoutNode().AddLayoutDescription(OWN_LAYOUT, DESCRIPTION)
    manager.setLayout(OWN_LAYOUT)
    assert heard == [OWN_LAYOUT] and manager.layout == OWN_LAYOUT
    assert application.layout_manager.visible_views() == ["Upper", "1", "Red"]
    upper = manager.sliceWidget("Upper")
    assert upper.mrmlSliceNode().GetOrientation() == "Sagittal" and upper.sliceLogic().GetSliceCompositeNode() is not None
    shown = {name: bool(manager.sliceWidget(name).mrmlSliceNode().IsMappedInLayout()) for name in manager.sliceViewNames()}
    assert shown == {"Upper": True, "Red": True, "Green": False, "Yellow": False}
    manager.layout = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert application.layout_manager.visible_views() == ["Red", "1", "Green", "Yellow"]
    assert "Upper" in slice_names()


def test_a_module_that_changes_the_layout_node_changes_the_views(application: Application) -> None:
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    assert application.layout_manager.visible_views() == ["Red", "Green", "Yellow", "Red+", "Green+", "Yellow+"]


def test_closing_the_scene_keeps_the_views(application: Application) -> None:
    before = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    application.scene.Clear(0)
    assert slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode() is before
    assert isinstance(application.layout_manager.view("Red"), SliceView)


def test_views_are_drawn_where_the_layout_puts_them(application: Application) -> None:
    voxels = np.full((20, 20, 20), 100, np.int16)
    volume = slicer.util.addVolumeFromArray(voxels, np.diag((5.0, 5.0, 5.0, 1.0)))
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 50)
    manager = application.layout_manager
    manager.sliceWidget("Red").mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    manager.sliceWidget("Red").fitSliceToBackground()
    application.viewport.resize(400, 300)
    application.main_window.show()
    manager.draw()
    application.process_events()
    picture = application.viewport.grab().toImage()
    assert QtGui.QColor(picture.pixel(100, 80)).getRgb()[:3] == (255, 255, 255)  # Red, on the upper left, shows the scan
    assert QtGui.QColor(picture.pixel(100, 230)).getRgb()[:3] == (0, 0, 0)  # Green, below it, shows nothing
    assert isinstance(manager.view("1"), ThreeDView)


def test_linked_views_of_a_group_follow_each_other(application: Application) -> None:
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    manager = slicer.app.layoutManager()
    slicer.util.addVolumeFromArray(np.zeros((20, 20, 20), np.int16))
    for name in ("Red", "Red+"):
        manager.sliceWidget(name).mrmlSliceNode().SetViewGroup(0)
        manager.sliceWidget(name).sliceController().setSliceLink(True)
    manager.sliceWidget("Red").sliceController().setSliceOffsetValue(7.0)
    assert manager.sliceWidget("Red+").mrmlSliceNode().GetSliceOffset() == pytest.approx(7.0)


def test_the_layout_manager_offers_no_more_than_slicer_shows_to_python(application: Application) -> None:
    manager = slicer.app.layoutManager()
    for name in ("view", "visible_views", "draw", "tableWidgets", "viewWidget"):
        with pytest.raises(AttributeError):
            getattr(manager, name)
    with pytest.raises(AttributeError):
        manager.lay_out = 3
    with pytest.raises(TypeError, match="not callable"):
        manager.layout()
    for name in ("draw", "let_go", "view"):
        with pytest.raises(AttributeError):
            getattr(manager.sliceWidget("Red"), name)
