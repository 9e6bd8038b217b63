"""The compare section, used like a person uses it, in the application's own layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.viewing.layouts import COMPARE_LAYOUT, FIXED_VIEWS, MOVING_VIEWS
from panel_session import Session
from registered_scene import corrected
from samples import sample_registration

FOUR_UP = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def registered(session: Session) -> SceneRegistration:
    """Two scans, registered; the section is open."""
    fixed, moving = session.choose_two_volumes()
    result = add_registration(session.scene, fixed, moving, sample_registration())
    session.panel._bench.refresh()
    session.person.open_section("compareCollapsibleButton")
    return result


def add_second_result(session: Session) -> SceneRegistration:
    fixed, moving = (session.scene.GetFirstNodeByName(f"{which} head") for which in ("first", "second"))
    return add_registration(session.scene, moving, fixed, sample_registration())


def layout(session: Session) -> int:
    return session.application.layout_manager.layout


def lower(session: Session) -> np.ndarray:
    """What the lower left view shows."""
    return session.application.layout_manager.view("MovingAxial").image()


def test_comparing_shows_both_rows_and_goes_back_to_the_persons_layout(session: Session) -> None:
    result = registered(session)
    assert layout(session) == FOUR_UP and not session.person.sees("compareModeComboBox")
    session.person.click("compareButton")
    assert layout(session) == COMPARE_LAYOUT
    assert session.application.layout_manager.visible_views() == [*FIXED_VIEWS, *MOVING_VIEWS, "1"]
    layers = session.application.layout_manager.view("MovingCoronal").composite_node
    assert layers.GetBackgroundVolumeID() == result.moving_volume.GetID()
    assert "Above the fixed scan" in session.person.reads("compareMessageLabel")
    session.person.click("compareButton")
    assert layout(session) == FOUR_UP and not session.person.sees("compareModeComboBox")


def test_each_mode_shows_its_own_control_and_picture(session: Session) -> None:
    result = registered(session)
    for node in (result.fixed_points, result.moving_points):
        node.SetDisplayVisibility(False)
    session.person.click("compareButton")
    pictures = {"Moving scan": lower(session)}
    controls = {"Fade": "fadeSlider", "Flicker": "flickerSpinBox", "Checkerboard": "squareSpinBox", "Difference": ""}
    for mode, control in controls.items():
        session.person.choose("compareModeComboBox", mode)
        assert [name for name in controls.values() if name and session.person.sees(name)] == ([control] if control else [])
        if mode != "Flicker":
            pictures[mode] = lower(session)
    assert len({picture.tobytes() for picture in pictures.values()}) == len(pictures)


def test_fading_follows_the_slider(session: Session) -> None:
    registered(session)
    session.person.click("compareButton")
    session.person.choose("compareModeComboBox", "Fade")
    layers = session.application.layout_manager.view("MovingAxial").composite_node
    session.person.drag_slider("fadeSlider", 0.8)
    assert layers.GetForegroundOpacity() == pytest.approx(0.8, abs=0.02)


def test_flicker_takes_turns_by_itself_until_left(session: Session) -> None:
    registered(session)
    session.person.click("compareButton")
    session.person.choose("compareModeComboBox", "Flicker")
    session.person.type("flickerSpinBox", "0.2")
    layers = session.application.layout_manager.view("MovingAxial").composite_node
    seen: set[float] = set()

    def both_seen() -> bool:
        seen.add(layers.GetForegroundOpacity())
        return seen == {0.0, 1.0}

    session.application.wait_until(both_seen, "both scans")
    session.person.click("compareButton")
    assert layers.GetForegroundVolumeID() is None


def test_a_correction_is_followed_once_it_has_settled(session: Session) -> None:
    result = registered(session)
    session.person.click("compareButton")
    session.person.choose("compareModeComboBox", "Checkerboard")
    blend = session.scene.GetFirstNodeByName("Comparison")
    before = slicer.util.arrayFromVolume(blend).copy()
    corrected(result)
    assert np.array_equal(slicer.util.arrayFromVolume(blend), before)
    session.application.wait_until(
        lambda: not np.array_equal(slicer.util.arrayFromVolume(blend), before), "the new checkerboard"
    )


@pytest.mark.parametrize(
    "way", ["panel left", "result removed", "scene closed", "another layout chosen", "another result chosen", "reloaded"]
)
def test_every_way_out_gives_the_views_back(session: Session, way: str) -> None:
    registered(session)
    session.person.click("compareButton")
    session.person.choose("compareModeComboBox", "Difference")
    expected = FOUR_UP
    if way == "another result chosen":
        session.panel._bench.choose(add_second_result(session))
    elif way == "panel left":
        session.application.leave(session.panel)
    elif way == "result removed":
        session.person.click("removeResultButton")
    elif way == "scene closed":
        session.scene.Clear(0)
    elif way == "another layout chosen":
        expected = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
        session.application.layout_manager.setLayout(expected)
        assert not session.person.widget("compareButton").isChecked()
    else:
        session.panel = session.application.reload(session.panel)
    assert layout(session) == expected
    assert session.scene.GetFirstNodeByName("Comparison") is None
    assert not session.application.layout_manager._node.GetAttributeNames()


def test_deleting_a_scan_while_comparing_is_said_and_left(session: Session) -> None:
    result = registered(session)
    session.person.click("compareButton")
    session.scene.RemoveNode(result.moving_volume)
    session.application.process_events()
    assert layout(session) == FOUR_UP
    assert not session.person.can_click("compareButton")


def test_a_scene_saved_while_comparing_opens_in_the_persons_layout(session: Session, tmp_path: Path) -> None:
    registered(session)
    session.person.click("compareButton")
    session.person.choose("compareModeComboBox", "Checkerboard")
    save_scene(session.scene, tmp_path / "scene.mrb")
    load_scene(session.scene, tmp_path / "scene.mrb")
    session.application.process_events()
    assert layout(session) == FOUR_UP
    session.person.click("compareButton")
    assert layout(session) == COMPARE_LAYOUT
