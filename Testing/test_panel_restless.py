"""A restless person: clicks whatever can be clicked, in any order, while the scene changes underneath.

Nothing may go wrong in the log, the panel may not take anything of the user's away, and what it shows must be true.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.dialogs import clear_answers
from KeypointRegistrationLib.files.archive import save_registration
from KeypointRegistrationLib.scene.nodes import own_matrix
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.volumes import volume_from_node
from panel_session import Session
from PySide6 import QtCore, QtWidgets
from PySide6.QtTest import QTest
from samples import sample_matrix
from test_correction import answer

STEPS = 60


@pytest.fixture(scope="module")
def made_up_result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a refined answer whose parts belong together, with heatmaps."""
    path = tmp_path_factory.mktemp("result") / "result.npz"
    save_registration(path, answer(refined=True))
    return path


class Restless:
    """Does one thing after the other, the same again for the same seed."""

    def __init__(self, session: Session, seed: int, folder: Path) -> None:
        self.session, self.random, self.folder = session, random.Random(seed), folder
        self.done: list[str] = []

    def open_all_sections(self) -> None:
        for section in self.session.panel._bench.sections:
            for name in vars(section.ui):
                if name.endswith("CollapsibleButton") and self.session.person.sees(name):
                    self.session.person.open_section(name)

    def step(self) -> None:
        """One thing: mostly a click, sometimes something that happens outside the panel."""
        happenings: tuple[Callable[[], str], ...] = (
            self.drag_point,
            self.delete_node,
            self.rename,
            self.move_volume,
            self.leave,
        )
        act = self.random.choice(happenings) if self.random.random() < 0.3 else self.click
        self.done.append(act())
        self.session.application.process_events()
        clear_answers()

    def click(self) -> str:
        """Click or turn anything that can be used in some section of the panel."""
        bench = self.session.panel._bench
        if bench.editor is None and not self.session.panel._job.is_active and self.session.person.can_click("applyButton"):
            self.session.person.click("applyButton")
            return "click applyButton"
        section = self.random.choice(bench.sections)
        kinds = (QtWidgets.QAbstractButton, QtWidgets.QComboBox, QtWidgets.QAbstractSlider, QtWidgets.QTableView)
        inside = [widget for kind in kinds for widget in section.widget._qt.findChildren(kind)]
        usable = [widget for widget in inside if widget.isVisible() and widget.isEnabled()]
        if not usable:
            return "nothing to click"
        widget = self.random.choice(usable)
        self.session.application.answer_file(*[""] * 3)
        if isinstance(widget, QtWidgets.QAbstractButton):
            QTest.mouseClick(widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, QtCore.QPoint(8, widget.height() // 2))
        else:
            for key in self.random.choices((QtCore.Qt.Key_Down, QtCore.Qt.Key_Up, QtCore.Qt.Key_PageDown), k=3):
                QTest.keyClick(widget, key)
        return f"click {widget.objectName() or type(widget).__name__}"

    def drag_point(self) -> str:
        editor = self.session.panel._bench.editor
        node = editor and self.random.choice((editor.result.fixed_points, editor.result.moving_points))
        if node is None or node.GetNumberOfControlPoints() == 0:
            return "nothing to drag"
        keypoint = self.random.randrange(node.GetNumberOfControlPoints())
        node.InvokeEvent(node.PointStartInteractionEvent)
        for _ in range(3):
            position = np.array(node.GetNthControlPointPositionWorld(keypoint)) + self.random.choice((-5.0, 3.0, 40.0))
            node.SetNthControlPointPositionWorld(keypoint, *position)
            self.session.application.process_events()
        node.InvokeEvent(node.PointEndInteractionEvent)
        return f"drag {keypoint}"

    def delete_node(self) -> str:
        """Delete something that the module has made, as the user may.  Rarely, or nothing would be left."""
        editor = self.session.panel._bench.editor
        if editor is None or self.random.random() < 0.7:
            return "delete nothing"
        made = (editor.result.transform, editor.result.fixed_points, editor.result.moving_points, editor.result.record)
        node = self.random.choice([node for node in made if node is not None])
        name = node.GetName()
        self.session.scene.RemoveNode(node)
        return f"delete {name}"

    def rename(self) -> str:
        volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", self.session.scene)
        self.random.choice(volumes).SetName(f"renamed {self.random.randrange(1000)}")
        return "rename"

    def move_volume(self) -> str:
        """The user puts a transform above all that is under one."""
        transforms = slicer.util.getNodesByClass("vtkMRMLTransformNode", self.session.scene)
        parent = self.session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "of the user")
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(20, (5, 0, 0))))
        roots = [node for node in transforms if node.GetParentTransformNode() is None]
        if roots:
            self.random.choice(roots).SetAndObserveTransformNodeID(parent.GetID())
        return "move"

    def leave(self) -> str:
        self.session.application.leave(self.session.panel)
        self.session.application.enter(self.session.panel)
        return "leave and enter"


def assert_true(session: Session) -> None:
    """What the panel shows is what the scene is."""
    editor = session.panel._bench.editor
    if editor is None:
        assert not session.person.sees("trustLabel")
        return
    assert editor.registration.fixed_keypoints.positions.shape == (len(editor.registration.status), 3)
    if editor.result.transform is not None:
        outer = np.array(editor.result.provenance["moving"]["parent_to_world"])
        shown = outer @ own_matrix(editor.result.transform) @ np.linalg.inv(outer)
        assert np.allclose(shown, editor.registration.moving_to_fixed, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_breaks_whatever_a_person_does(session: Session, seed: int, tmp_path: Path) -> None:
    fixed, moving = session.choose_two_volumes()
    voxels = [volume_from_node(node).voxels.copy() for node in (fixed, moving)]
    session.worker("finishes")
    before_ids = {session.scene.GetNthNode(n).GetID() for n in range(session.scene.GetNumberOfNodes())}
    session.register()
    person = Restless(session, seed, tmp_path)
    person.open_all_sections()
    for _ in range(STEPS):
        person.step()
        assert session.application.problems == [], person.done
        if session.panel._job.is_active:
            session.wait_until_idle()
        assert_true(session)
    person.session.panel._bench.choose(None)
    for result in reversed(find_registrations(session.scene)):
        result.remove()
    assert session.application.problems == [], person.done
    for node, before in zip((fixed, moving), voxels, strict=True):
        assert node.GetScene() is session.scene, person.done
        assert np.array_equal(volume_from_node(node).voxels, before)
    if not any("record" in act for act in person.done):  # without its record, what belongs to a result is nodes like any
        assert leftovers(session, before_ids) == [], person.done


def leftovers(session: Session, before: set[str]) -> list[str]:
    """Nodes that nobody will miss and nobody has removed: all but views, which Slicer keeps, and what the user has made."""
    nodes = [session.scene.GetNthNode(n) for n in range(session.scene.GetNumberOfNodes())]
    new = [node for node in nodes if node.GetID() not in before]
    of_views = ("Slice", "Fixed", "Moving", "View", "Camera", "Layout")
    of_the_user = ("of the user", "Keypoint registration worklist", "MarkupsFiducialDisplay")
    return [node.GetName() for node in new if not (node.GetName() or "View").startswith((*of_views, *of_the_user))]


@pytest.mark.parametrize("seed", range(3))
def test_a_scene_in_any_state_can_be_saved_closed_and_loaded(session: Session, seed: int, tmp_path: Path) -> None:
    from host.mrml import load_scene, save_scene

    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    person = Restless(session, 100 + seed, tmp_path)
    person.open_all_sections()
    for _ in range(STEPS // 2):
        person.step()
        if session.panel._job.is_active:
            session.wait_until_idle()
    editor = session.panel._bench.editor
    expected = None if editor is None else editor.registration
    save_scene(session.scene, tmp_path / "scene.mrb")
    load_scene(session.scene, tmp_path / "scene.mrb")
    session.application.process_events()
    assert session.application.problems == [], person.done
    if expected is not None:
        found = [result.registration.moving_to_fixed for result in session.panel._bench.results]
        assert any(np.allclose(matrix, expected.moving_to_fixed) for matrix in found), person.done
