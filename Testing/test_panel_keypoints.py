"""The keypoints section: a person goes from keypoint to keypoint, in table and views, and sees what is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from host.mrml import load_scene, save_scene
from host.views import SliceView
from KeypointRegistrationLib.registration.result import KeypointStatus
from KeypointRegistrationLib.scene.results import handle
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.viewing.navigation import shown_position
from panel_session import Session, scene_state
from samples import sample_heatmaps, sample_volume
from test_correction import answer

ANSWER = answer()
ANSWER = replace(
    ANSWER,
    fixed_heatmaps=sample_heatmaps(ANSWER.fixed_keypoints),
    moving_heatmaps=sample_heatmaps(ANSWER.moving_keypoints),
)
WRONG, MISSING = 3, 5
NAME, STATUS, RESIDUAL = 0, 1, 2  # columns


class Inspector:
    """A session with a result, and a view of each scan."""

    def __init__(self, session: Session) -> None:
        self.session, self.person = session, session.person
        self.volumes = [session.add(sample_volume(f"{name} head", seed=n)) for n, name in enumerate(("first", "second"))]
        self.register()
        host = session.application.real_scene
        self.fixed_view, self.moving_view = SliceView(host, "FixedRed"), SliceView(host, "MovingRed")
        self.fixed_view.show(self.volumes[0])
        self.moving_view.show(self.volumes[1])

    def register(self) -> None:
        """What the panel does when a result has come."""
        result = add_registration(self.session.scene, *self.volumes, ANSWER)
        self.bench.choose(result)

    @property
    def bench(self):
        return self.session.panel._bench

    @property
    def result(self):
        return self.bench.editor.result

    def row_of(self, keypoint: int) -> int:
        return self.person.reads_column("keypointTable", NAME).index(f"point {keypoint + 1}")

    def shows(self, keypoint: int) -> bool:
        """Whether both views cut through a keypoint."""
        offsets = []
        for view, side in ((self.fixed_view, Side.FIXED), (self.moving_view, Side.MOVING)):
            offsets.append(view.slice_node.GetSliceOffset() - shown_position(self.result, side, keypoint)[2])
        return bool(np.abs(offsets).max() < 1e-6)


@pytest.fixture
def inspector(session: Session) -> Inspector:
    return Inspector(session)


def test_the_table_holds_every_keypoint_and_what_became_of_it(inspector: Inspector) -> None:
    person = inspector.person
    assert person.reads_column("keypointTable", NAME) == [f"point {k + 1}" for k in range(30)]
    statuses = person.reads_column("keypointTable", STATUS)
    assert statuses[WRONG] == "excluded" and statuses[MISSING] == "missing" and statuses[0] == "used"
    assert person.reads_cell("keypointTable", MISSING, RESIDUAL) == "–"
    assert float(person.reads_cell("keypointTable", 0, RESIDUAL)) < 3
    person.click_cell("keypointTable", WRONG, NAME)
    assert person.reads("keypointDetailLabel").startswith("point 4: excluded by the fit. Its pair is 3")


def test_choosing_rows_by_mouse_and_keys_moves_both_views(inspector: Inspector) -> None:
    person = inspector.person
    person.click_cell("keypointTable", 8, NAME)
    assert inspector.bench.selected == 8 and inspector.shows(8)
    person.press("keypointTable", "Down")
    assert inspector.bench.selected == 9 and inspector.shows(9)
    for _ in range(2):
        person.press("keypointTable", "Up")
    assert inspector.bench.selected == 7 and inspector.shows(7)


def test_clicking_a_point_in_a_view_chooses_its_row_and_moves_both_views(inspector: Inspector) -> None:
    inspector.result.applied = False
    for view, side, keypoint in ((inspector.fixed_view, Side.FIXED, 11), (inspector.moving_view, Side.MOVING, 12)):
        position = shown_position(inspector.result, side, keypoint)
        view.jump(position)
        view.zoom(60)
        view.image()
        view.click(position)
        assert inspector.bench.selected == keypoint and inspector.shows(keypoint)
        table = inspector.person.widget("keypointTable")
        rows = [index.row() for index in table.selectionModel().selectedRows()]
        assert (table.currentRow(), rows) == (keypoint, [keypoint])


def test_sorting_is_by_number_with_what_is_missing_last_and_keeps_the_choice(inspector: Inspector) -> None:
    person = inspector.person
    person.click_cell("keypointTable", 8, NAME)
    person.click_header("keypointTable", RESIDUAL)
    falling = person.reads_column("keypointTable", RESIDUAL)
    assert falling[-1] == "–" and [float(text) for text in falling[:-1]] == sorted(map(float, falling[:-1]), reverse=True)
    assert float(falling[0]) > 10, "by number, not by text"
    assert inspector.bench.selected == 8 and person.widget("keypointTable").currentRow() == inspector.row_of(8)
    person.click_header("keypointTable", RESIDUAL)
    rising = person.reads_column("keypointTable", RESIDUAL)
    assert rising[-1] == "–" and [float(text) for text in rising[:-1]] == sorted(map(float, rising[:-1]))
    person.press("keypointTable", "Home")
    person.click_header("keypointTable", NAME)
    assert person.reads_column("keypointTable", NAME) == [f"point {k + 1}" for k in range(30)]


def test_a_tick_leaves_a_pair_out_and_takes_it_in_again(inspector: Inspector) -> None:
    person, bench = inspector.person, inspector.bench
    words = person.reads("fitResidualValue")
    person.tick_cell("keypointTable", 8, NAME)
    assert bench.registration.status[8] is KeypointStatus.LEFT_OUT
    assert person.reads_cell("keypointTable", 8, STATUS) == "left out"
    assert person.reads("fitResidualValue") != words
    person.tick_cell("keypointTable", 8, NAME)
    assert bench.registration.status[8] is KeypointStatus.USED and not bench.editor.is_corrected
    person.tick_cell("keypointTable", WRONG, NAME)
    assert bench.registration.status[WRONG] is KeypointStatus.USED
    with pytest.raises(AssertionError):
        person.tick_cell("keypointTable", MISSING, NAME)
        assert bench.registration.status[MISSING] is not KeypointStatus.MISSING, "a missing pair has no tick"


def test_the_order_stays_while_corrections_change_the_numbers(inspector: Inspector) -> None:
    person = inspector.person
    person.click_header("keypointTable", RESIDUAL)
    order = person.reads_column("keypointTable", NAME)
    person.tick_cell("keypointTable", 2, NAME)
    assert person.reads_column("keypointTable", NAME) == order
    table = person.widget("keypointTable")
    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
    inspector.bench.editor.set_robust(False)
    assert table.verticalScrollBar().value() == table.verticalScrollBar().maximum(), "nor does it scroll by itself"


def test_dragging_a_point_selects_it_without_moving_the_views_and_changes_its_cells_at_once(inspector: Inspector) -> None:
    person, view = inspector.person, inspector.fixed_view
    inspector.result.moving_points.SetDisplayVisibility(False)
    person.open_section("correctCollapsibleButton")
    person.click("dragCheckBox")
    position = shown_position(inspector.result, Side.FIXED, 11)
    view.jump(position)
    view.zoom(80)
    view.image()
    other = inspector.moving_view.slice_node.GetSliceOffset()
    view.drag(position, position + np.array((15, 10, 0)))
    inspector.session.application.process_events()
    assert inspector.bench.selected == 11
    assert inspector.moving_view.slice_node.GetSliceOffset() == other
    assert person.reads_cell("keypointTable", 11, STATUS) == "used, moved"
    assert float(person.reads_cell("keypointTable", 11, RESIDUAL)) > 5


def test_an_added_pair_gets_a_row_and_loses_it_again(inspector: Inspector) -> None:
    person, editor = inspector.person, inspector.bench.editor
    editor.add_pair("landmark", (0, 0, 0), (1, 2, 3))
    inspector.bench.select(30)
    assert person.reads_cell("keypointTable", 30, STATUS).endswith("added")
    person.click("heatmapsCheckBox")
    assert inspector.result.fixed_heatmap is None
    editor.undo()
    assert len(person.reads_column("keypointTable", NAME)) == 30 and inspector.bench.selected is None
    assert person.reads("keypointDetailLabel").startswith("Select a keypoint")


def test_heatmaps_follow_the_choice_and_change_kind(inspector: Inspector) -> None:
    person, result = inspector.person, inspector.result
    person.click("heatmapsCheckBox")
    person.click_cell("keypointTable", 3, NAME)
    assert result.fixed_heatmap.GetName() == "first head heatmap: point 4"
    person.press("keypointTable", "Down")
    assert result.moving_heatmap.GetName() == "second head heatmap: point 5"
    person.choose("heatmapChoiceComboBox", "All, highest value")
    assert result.fixed_heatmap.GetName() == "first head heatmap: all keypoints"
    person.choose("heatmapChoiceComboBox", "All, one colour each")
    assert result.fixed_heatmap.IsA("vtkMRMLLabelMapVolumeNode")
    result.fixed_volume.SetName("follow-up")
    person.choose("heatmapChoiceComboBox", "All, highest value")
    assert result.fixed_heatmap.GetName() == "follow-up heatmap: all keypoints"
    person.click("heatmapsCheckBox")
    assert result.fixed_heatmap is None and result.moving_heatmap is None


def test_threshold_and_opacity_are_those_of_the_sliders(inspector: Inspector) -> None:
    person, result = inspector.person, inspector.result
    assert not person.can_click("heatmapContentSlider")
    person.click("heatmapsCheckBox")
    person.click_cell("keypointTable", 3, NAME)
    thresholds = []
    for content in ("50", "90"):
        person.type("heatmapContentSlider", content)
        thresholds.append(result.fixed_heatmap.GetDisplayNode().GetLowerThreshold())
    assert thresholds[0] > 2 * thresholds[1] > 0
    person.type("heatmapOpacitySlider", "35")
    assert inspector.fixed_view.composite_node.GetNthLayerOpacity(3) == pytest.approx(0.35)


def test_spread_residuals_and_error_are_shown_on_wish(inspector: Inspector) -> None:
    person, result = inspector.person, inspector.result
    for box, role in (
        ("ellipsoidsCheckBox", handle.MOVING_ELLIPSOIDS),
        ("arrowsCheckBox", handle.ARROWS),
        ("errorMapCheckBox", handle.ERROR_MAP),
    ):
        assert result.adopted(role) is None
        person.click(box)
        assert result.adopted(role) is not None
        person.click(box)
        assert result.adopted(role) is None
    person.click("labelsCheckBox")
    assert not result.fixed_points.GetDisplayNode().GetPointLabelsVisibility()


def test_undo_of_the_registration_takes_everything_shown_along(inspector: Inspector) -> None:
    person = inspector.person
    views = [inspector.fixed_view, inspector.moving_view]
    before = {identifier for identifier, _ in scene_state(inspector.session.scene)}
    for box in ("heatmapsCheckBox", "ellipsoidsCheckBox", "arrowsCheckBox", "errorMapCheckBox"):
        person.click(box)
    person.click_cell("keypointTable", 3, NAME)
    person.click("removeResultButton")
    left = {identifier for identifier, _ in scene_state(inspector.session.scene)}
    assert left < before and find_registrations(inspector.session.scene) == []
    assert not [node for node in left if "Legend" in node or "Fiducial" in node or "ColorTableNodeKeypoint" in node]
    assert all(view.composite_node.GetNthLayerVolumeID(n) is None for view in views for n in (3, 4, 5))
    assert not person.sees("keypointTable")


def test_what_was_shown_comes_back_with_the_scene(inspector: Inspector, tmp_path: Path) -> None:
    person, session = inspector.person, inspector.session
    person.click("heatmapsCheckBox")
    person.choose("heatmapChoiceComboBox", "All, highest value")
    person.click("arrowsCheckBox")
    save_scene(session.scene, tmp_path / "scene.mrb")
    session.scene.Clear(0)
    load_scene(session.scene, tmp_path / "scene.mrb")
    (result,) = find_registrations(session.scene)
    assert result.fixed_heatmap is not None and result.adopted(handle.ARROWS) is not None
    assert person.widget("heatmapsCheckBox").isChecked() and person.can_click("heatmapsCheckBox")
    person.choose("heatmapChoiceComboBox", "Selected keypoint")
    person.click_cell("keypointTable", 3, NAME)
    assert result.fixed_heatmap.GetName() == "first head heatmap: point 4"


def test_another_result_shows_its_own_things(inspector: Inspector) -> None:
    person = inspector.person
    person.click("ellipsoidsCheckBox")
    first = inspector.result
    inspector.register()
    second = inspector.result
    assert second.identifier != first.identifier
    assert first.adopted(handle.FIXED_ELLIPSOIDS) is None and second.adopted(handle.FIXED_ELLIPSOIDS) is not None
    inspector.bench.choose(first)
    assert first.adopted(handle.FIXED_ELLIPSOIDS) is not None and second.adopted(handle.FIXED_ELLIPSOIDS) is None


def test_deleting_parts_leaves_a_section_that_still_works(inspector: Inspector) -> None:
    person = inspector.person
    for box in ("heatmapsCheckBox", "ellipsoidsCheckBox", "arrowsCheckBox", "errorMapCheckBox"):
        person.click(box)
    for gone in ("fixed_points", "moving_points", "transform", "fixed_volume", "moving_volume"):
        if gone.endswith("points") or gone == "transform":
            inspector.register()  # one with all its parts
        person.click_cell("keypointTable", 3, NAME)
        inspector.session.scene.RemoveNode(getattr(inspector.result, gone))
        person.press("keypointTable", "Down")
        assert inspector.bench.selected == 4, gone
        for box in 2 * ("ellipsoidsCheckBox", "arrowsCheckBox", "errorMapCheckBox"):
            person.click(box)


def test_leaving_and_entering_the_module_keeps_what_was_chosen(inspector: Inspector) -> None:
    person, session = inspector.person, inspector.session
    person.click("heatmapsCheckBox")
    person.choose("heatmapChoiceComboBox", "All, one colour each")
    session.application.leave(session.panel)
    session.application.enter(session.panel)
    assert person.reads("heatmapChoiceComboBox") == "All, one colour each"
    assert inspector.result.fixed_heatmap.IsA("vtkMRMLLabelMapVolumeNode")


def test_closing_the_scene_empties_the_section(inspector: Inspector) -> None:
    person, session = inspector.person, inspector.session
    for box in ("heatmapsCheckBox", "ellipsoidsCheckBox", "arrowsCheckBox", "errorMapCheckBox"):
        person.click(box)
    person.click_cell("keypointTable", 3, NAME)
    session.scene.Clear(0)
    assert not person.sees("keypointTable")
    assert inspector.bench.selected is None
