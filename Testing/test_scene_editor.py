"""Correcting a registration in the scene: the alignment follows, every change can be undone, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType, apply
from KeypointRegistrationLib.registration.correction import PairChoice
from KeypointRegistrationLib.registration.result import KeypointStatus, TrustLevel
from KeypointRegistrationLib.registration.table import pair_distances
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.editor import RegistrationEditor
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.results.points import points_locked
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.volumes import add_volume, local_ijk_to_ras, volume_from_node
from samples import sample_matrix, sample_volume
from test_correction import answer


class Clock:
    """The event loop: what is to happen later happens when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, Callable[[], None]]] = []

    def later(self, milliseconds: int, callback: Callable[[], None]) -> None:
        self.waiting.append((milliseconds, callback))

    def run(self, *, up_to: int = 0) -> None:
        """What is due within ``up_to`` milliseconds."""
        due = [callback for milliseconds, callback in self.waiting if milliseconds <= up_to]
        self.waiting = [entry for entry in self.waiting if entry[0] > up_to]
        for callback in due:
            callback()


class Desk:
    """A scene with one registration being corrected; the moving volume sits under a transform of the user's."""

    def __init__(self, host: RealScene) -> None:
        self.scene = host.scene
        self.fixed = add_volume(self.scene, sample_volume("fixed head"))
        self.moving = add_volume(self.scene, sample_volume("moving head", seed=1))
        parent = self.scene.AddNewNodeByClass("vtkMRMLTransformNode", "table")
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(sample_matrix(15, (3, 4, 5))))
        self.moving.SetAndObserveTransformNodeID(parent.GetID())
        self.answer = replace(answer(), fixed_heatmaps=None, moving_heatmaps=None)
        self.clock = Clock()
        self.result = add_registration(self.scene, self.fixed, self.moving, self.answer)
        self.editor = self.open(self.result)
        self.told: list[bool] = []
        self.editor.listen(self.told.append)

    def open(self, result: SceneRegistration) -> RegistrationEditor:
        return RegistrationEditor(result, self.clock.later)

    def drag(self, side: Side, keypoint: int, *offsets: tuple[float, float, float]) -> None:
        """Drag a point through offsets (world RAS mm) from where it is, as the views do."""
        node = self.result.fixed_points if side is Side.FIXED else self.result.moving_points
        start = np.array(node.GetNthControlPointPositionWorld(keypoint))
        node.InvokeEvent(node.PointStartInteractionEvent)
        for offset in offsets:
            node.SetNthControlPointPositionWorld(keypoint, *(start + offset))
            self.clock.run()
        node.InvokeEvent(node.PointEndInteractionEvent)
        self.clock.run()

    @property
    def alignment(self) -> np.ndarray:
        """What the transforms do to the moving scan as it was registered: 4×4, world to world."""
        before = sample_matrix(15, (3, 4, 5)) @ local_ijk_to_ras(self.moving)
        return volume_from_node(self.moving).ijk_to_ras @ np.linalg.inv(before)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with RealScene() as host:
        yield Desk(host)


def test_dragging_a_point_aligns_anew_at_every_move_and_is_one_step(desk: Desk) -> None:
    before = desk.alignment
    desk.drag(Side.FIXED, 0, (5, 0, 0), (10, 0, 0), (20, 0, 0))
    assert desk.told == [True, True, True, False]
    after = desk.alignment
    assert np.allclose(after, desk.editor.registration.moving_to_fixed, atol=1e-6)
    point = desk.answer.moving_keypoints.positions[[0]]
    assert (apply(after, point) - apply(before, point))[0, 0] > 0.5
    assert desk.editor.registration.status[0] is KeypointStatus.USED
    desk.editor.undo()
    assert np.allclose(desk.alignment, before, atol=1e-6)
    assert not desk.editor.can_undo and not desk.editor.is_corrected
    assert np.allclose(
        desk.result.fixed_points.GetNthControlPointPosition(0), desk.answer.fixed_keypoints.positions[0], atol=1e-6
    )
    desk.editor.redo()
    assert np.allclose(desk.alignment, after, atol=1e-6)


def test_a_moving_point_can_be_dragged_though_its_scan_follows(desk: Desk) -> None:
    desk.drag(Side.MOVING, 2, (0, 8, 0))
    assert set(desk.editor.correction.moving_positions) == {2}
    # The point stays on the anatomy where it was dropped: its place in the moving scan does not change when the scan moves.
    local = np.array(desk.result.moving_points.GetNthControlPointPosition(2))
    registered = apply(np.array(desk.result.provenance["moving"]["parent_to_world"]), local[None])[0]
    assert np.allclose(desk.editor.correction.moving_positions[2], registered, atol=1e-6)


def test_while_dragging_only_the_transform_is_touched(desk: Desk) -> None:
    text = desk.result.record.GetText()
    node = desk.result.fixed_points
    node.InvokeEvent(node.PointStartInteractionEvent)
    node.SetNthControlPointPosition(0, 1.0, 2.0, 3.0)
    desk.clock.run()
    assert desk.editor.is_corrected and desk.result.record.GetText() == text
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert desk.result.record.GetText() != text


def test_a_click_on_a_point_is_no_step(desk: Desk) -> None:
    desk.drag(Side.FIXED, 0)
    assert not desk.editor.can_undo and desk.told == []


def test_many_moves_at_one_time_are_followed_once(desk: Desk) -> None:
    node = desk.result.fixed_points
    node.InvokeEvent(node.PointStartInteractionEvent)
    for x in range(20):
        node.SetNthControlPointPosition(0, float(x), 0.0, 0.0)
    desk.clock.run()
    assert desk.told == [True]


def test_scans_that_the_user_moves_afterwards_do_not_move_keypoints(desk: Desk) -> None:
    desk.moving.GetParentTransformNode().GetParentTransformNode().SetMatrixTransformToParent(
        slicer.util.vtkMatrixFromArray(sample_matrix(40, (30, 0, 0)))
    )
    desk.clock.run()
    assert not desk.editor.is_corrected


def test_choices_weights_and_settings_are_steps(desk: Desk) -> None:
    editor = desk.editor
    editor.set_choice(4, PairChoice.LEAVE_OUT)
    editor.set_factor(6, 5.0)
    editor.set_robust(False)
    editor.set_transform_type(TransformType.AFFINE)
    assert editor.registration.status[4] is KeypointStatus.LEFT_OUT
    assert not desk.result.fixed_points.GetNthControlPointSelected(4)
    assert desk.result.fixed_points.GetNthControlPointDescription(4) == "Left out by you."
    assert editor.registration.transform_type is TransformType.AFFINE
    for _ in range(4):
        editor.undo()
    assert not editor.is_corrected and desk.result.fixed_points.GetNthControlPointSelected(4)
    editor.redo()
    editor.set_choice(4, PairChoice.AUTOMATIC)
    assert not editor.can_redo and not editor.is_corrected


def test_the_lists_give_the_residual_of_a_pair_that_is_left_out(desk: Desk) -> None:
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    expected = pair_distances(desk.editor.registration)
    for points in (desk.result.fixed_points, desk.result.moving_points):
        residuals = slicer.util.arrayFromMarkupsControlPointData(points, "residual")
        assert np.isfinite(residuals[4]) and np.allclose(residuals, expected, equal_nan=True)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(desk: Desk, factor: float) -> None:
    with pytest.raises(InputError, match="positive number"):
        desk.editor.set_factor(0, factor)


def test_reset_goes_back_to_the_network_and_can_be_undone(desk: Desk) -> None:
    desk.drag(Side.FIXED, 0, (9, 0, 0))
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    corrected = desk.alignment
    desk.editor.reset()
    assert np.allclose(desk.alignment, desk.answer.moving_to_fixed, atol=1e-6)
    desk.editor.undo()
    assert np.allclose(desk.alignment, corrected, atol=1e-6)


def test_a_pair_added_by_hand_is_in_both_lists_at_one_place_and_can_be_taken_away(desk: Desk) -> None:
    number = desk.editor.add_pair_at("by hand", (10.0, 20.0, 30.0))
    assert number == 30
    for node in (desk.result.fixed_points, desk.result.moving_points):
        assert node.GetNumberOfControlPoints() == 31 and node.GetNthControlPointLabel(30) == "by hand"
        assert np.allclose(node.GetNthControlPointPositionWorld(30), (10, 20, 30), atol=0.2)
        assert node.GetFixedNumberOfControlPoints()
    desk.drag(Side.MOVING, 30, (6, 0, 0))
    assert desk.editor.registration.residuals[30] > 2
    desk.editor.remove_pair(30)
    assert desk.result.fixed_points.GetNumberOfControlPoints() == 30
    assert not desk.editor.is_corrected
    with pytest.raises(ValueError, match="not added"):
        desk.editor.remove_pair(3)


def test_a_point_deleted_in_another_module_is_left_out_and_said_so(desk: Desk) -> None:
    node = desk.result.moving_points
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(7)
    desk.clock.run()
    assert desk.editor.registration.status[7] is KeypointStatus.LEFT_OUT
    assert "point 8" in desk.editor.message and "left out" in desk.editor.message
    assert node.GetNumberOfControlPoints() == 30 and node.GetNthControlPointLabel(7) == "point 8"
    assert np.allclose(desk.alignment, desk.editor.registration.moving_to_fixed, atol=1e-6)
    desk.editor.undo()
    assert not desk.editor.is_corrected


def test_deleting_all_points_keeps_the_alignment_and_can_be_undone(desk: Desk) -> None:
    before = desk.alignment
    node = desk.result.fixed_points
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveAllControlPoints()
    desk.clock.run()
    assert desk.editor.registration.trust.level is TrustLevel.DO_NOT_TRUST
    assert np.allclose(desk.alignment, before, atol=1e-6)
    assert "and 26 more" in desk.editor.message
    desk.editor.undo()
    assert desk.editor.registration is desk.editor.original


def test_a_missing_keypoint_that_is_placed_joins_the_fit_and_leaves_it_on_undo(desk: Desk) -> None:
    node = desk.result.fixed_points
    assert node.GetNthControlPointPositionStatus(5) == node.PositionMissing
    place = apply(desk.answer.moving_to_fixed, desk.answer.moving_keypoints.positions[[5]])[0]
    node.SetNthControlPointPosition(5, *place)
    desk.clock.run()
    assert desk.editor.registration.status[5] is KeypointStatus.USED
    desk.editor.undo()
    assert node.GetNthControlPointPositionStatus(5) == node.PositionMissing


def test_points_are_locked_until_wanted_and_when_nobody_follows_them(desk: Desk) -> None:
    assert desk.editor.locked
    desk.editor.locked = False
    assert not points_locked(desk.result.fixed_points) and not desk.editor.is_corrected
    desk.editor.close()
    assert points_locked(desk.result.fixed_points) and points_locked(desk.result.moving_points)


def test_the_similarity_is_measured_when_the_person_pauses(desk: Desk) -> None:
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    assert np.isnan(desk.editor.registration.similarity.after)
    desk.editor.set_choice(6, PairChoice.LEAVE_OUT)
    desk.told.clear()
    desk.clock.run(up_to=1000)
    assert desk.told == [False]
    assert np.isfinite(desk.editor.registration.similarity.after)


def test_a_correction_comes_back_from_a_file_and_can_be_reset(desk: Desk, tmp_path: Path) -> None:
    desk.drag(Side.FIXED, 0, (9, 0, 0))
    desk.editor.add_pair_at("by hand", (10.0, 20.0, 30.0))
    expected = desk.editor.registration
    desk.editor.close()
    save_scene(desk.scene, tmp_path / "scene.mrb")
    load_scene(desk.scene, tmp_path / "scene.mrb")
    (result,) = find_registrations(desk.scene)
    assert np.allclose(result.registration.moving_to_fixed, expected.moving_to_fixed)
    assert result.registration.status == expected.status
    editor = desk.open(result)
    desk.clock.run(up_to=1000)
    assert editor.correction.added[0].label == "by hand" and not editor.can_undo
    editor.set_choice(8, PairChoice.LEAVE_OUT)
    assert set(editor.correction.fixed_positions) == {0}
    editor.reset()
    assert np.allclose(editor.registration.moving_to_fixed, desk.answer.moving_to_fixed)
    assert result.fixed_points.GetNumberOfControlPoints() == 30


@pytest.mark.parametrize(("deleted", "words"), [("fixed_points", "fixed volume"), ("transform", "transform")])
def test_what_was_deleted_is_said_and_nothing_breaks(desk: Desk, deleted: str, words: str) -> None:
    desk.scene.RemoveNode(getattr(desk.result, deleted))
    desk.clock.run()
    assert words in desk.editor.problem
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    assert desk.editor.registration.status[4] is KeypointStatus.LEFT_OUT
    with pytest.raises(InputError, match="deleted"):
        desk.editor.add_pair_at("by hand", (0, 0, 0))


def test_a_volume_that_was_replaced_is_not_measured(desk: Desk) -> None:
    slicer.util.updateVolumeFromArray(desk.moving, np.zeros((5, 6, 7), np.int16))
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    desk.clock.run(up_to=1000)
    assert np.isnan(desk.editor.registration.similarity.after)


def test_a_closed_editor_follows_nothing(desk: Desk) -> None:
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    desk.editor.close()
    desk.told.clear()
    desk.result.fixed_points.SetNthControlPointPosition(0, 0.0, 0.0, 0.0)
    desk.clock.run(up_to=1000)
    assert desk.told == [] and not desk.editor.correction.fixed_positions


def test_a_click_does_not_lose_the_measurement(desk: Desk) -> None:
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    node = desk.result.fixed_points
    node.InvokeEvent(node.PointStartInteractionEvent)
    desk.clock.run(up_to=1000)
    node.InvokeEvent(node.PointEndInteractionEvent)
    desk.clock.run(up_to=1000)
    assert np.isfinite(desk.editor.registration.similarity.after)


def test_closing_right_after_a_change_measures_first(desk: Desk) -> None:
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    desk.editor.close()
    (result,) = find_registrations(desk.scene)
    assert np.isfinite(result.registration.similarity.after)


def test_a_correction_that_was_saved_unmeasured_is_measured_when_it_is_opened(desk: Desk) -> None:
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    record = desk.editor.result.record
    unmeasured = record.GetText()
    desk.editor.close()
    record.SetText(unmeasured)
    (again,) = find_registrations(desk.scene)
    assert np.isnan(again.registration.similarity.after)
    editor = desk.open(again)
    desk.clock.run(up_to=1000)
    assert np.isfinite(editor.registration.similarity.after)


def test_a_handle_knows_that_another_one_has_corrected_its_registration(desk: Desk) -> None:
    (other,) = find_registrations(desk.scene)
    desk.editor.set_choice(4, PairChoice.LEAVE_OUT)
    assert desk.result.is_current and not other.is_current
