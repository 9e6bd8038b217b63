"""What a person wants to see is seen, in the right views, follows corrections, and goes without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from host.views import SliceView
from KeypointRegistrationLib.registration.correction import AddedPair, Correction, PairChoice, corrected
from KeypointRegistrationLib.scene.drawing.inspection import HeatmapMode, KeypointDisplay, Wishes
from KeypointRegistrationLib.scene.nodes import batch
from KeypointRegistrationLib.scene.notes.names import rename
from KeypointRegistrationLib.scene.results import handle
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.results.points import CHOSEN_COLOUR, FIXED_STYLE
from KeypointRegistrationLib.scene.volumes import volume_from_node
from samples import sample_heatmaps, sample_registration
from test_correction import answer
from test_scene_results import node_names, two_volumes
from test_scene_views import count_of_colour

EVERYTHING = Wishes(chosen=4, heatmaps=HeatmapMode.CHOSEN, ellipsoids=2.0, arrows=5.0, error_map=True)
ORIGINAL = answer()
ORIGINAL = replace(
    ORIGINAL,
    fixed_heatmaps=sample_heatmaps(ORIGINAL.fixed_keypoints),
    moving_heatmaps=sample_heatmaps(ORIGINAL.moving_keypoints),
)


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def added(host: RealScene) -> SceneRegistration:
    return add_registration(host.scene, *two_volumes(host.scene), ORIGINAL)


def at_once(_milliseconds: int, callback: Callable[[], None]) -> None:
    callback()


def rows_of_views(host: RealScene, added: SceneRegistration) -> tuple[SliceView, SliceView]:
    fixed, moving = SliceView(host, "FixedRed"), SliceView(host, "MovingRed")
    fixed.show(added.fixed_volume)
    moving.show(added.moving_volume)
    return fixed, moving


def extra_layers(view: SliceView) -> list[str]:
    layers = view.composite_node
    found = [layers.GetNthLayerVolumeID(n) for n in range(3, 3 + layers.GetNumberOfAdditionalLayers())]
    return [view.logic.GetMRMLScene().GetNodeByID(each).GetName() for each in found if each]


def test_everything_is_shown_where_it_belongs_and_goes_without_a_trace(host: RealScene, added: SceneRegistration) -> None:
    views = rows_of_views(host, added)
    before, pictures = node_names(host.scene), [view.image() for view in views]
    display = KeypointDisplay(added, at_once)
    display.show(EVERYTHING)
    assert extra_layers(views[0]) == ["Atlas predicted error", "Atlas heatmap: point 5"]
    assert extra_layers(views[1]) == ["Brain T1 heatmap: point 5"]
    assert added.adopted(handle.FIXED_ELLIPSOIDS) and added.adopted(handle.ARROWS) and added.adopted(handle.MOVING_MARKS)
    display.hide()
    assert node_names(host.scene) == before
    for view, picture in zip(views, pictures, strict=True):
        np.testing.assert_array_equal(view.image(), picture)


def test_wishes_are_taken_back_one_by_one(host: RealScene, added: SceneRegistration) -> None:
    display = KeypointDisplay(added, at_once)
    display.show(EVERYTHING)
    display.show(replace(EVERYTHING, heatmaps=None))
    assert added.fixed_heatmap is None and added.moving_heatmap is None
    display.show(replace(EVERYTHING, ellipsoids=None, arrows=None))
    assert added.adopted(handle.FIXED_ELLIPSOIDS) is None and added.adopted(handle.ARROWS) is None
    display.show(replace(EVERYTHING, error_map=False))
    assert added.adopted(handle.ERROR_MAP) is None and added.adopted(handle.ERROR_LEGEND) is None
    display.show(replace(EVERYTHING, labels=False))
    assert not added.fixed_points.GetDisplayNode().GetPointLabelsVisibility()
    display.show(EVERYTHING)
    assert added.fixed_points.GetDisplayNode().GetPointLabelsVisibility()


def test_the_heatmap_is_that_of_the_chosen_keypoint_and_there_is_none_of_an_added_one(
    host: RealScene, added: SceneRegistration
) -> None:
    display = KeypointDisplay(added, at_once)
    correction = replace(Correction.none(ORIGINAL), added=(AddedPair("mine", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),))
    added.correct(correction, corrected(ORIGINAL, correction))
    for chosen, name in ((4, "Atlas heatmap: point 5"), (7, "Atlas heatmap: point 8")):
        display.show(replace(EVERYTHING, chosen=chosen))
        assert added.fixed_heatmap.GetName() == name
    for chosen in (len(ORIGINAL.status), None):
        display.show(replace(EVERYTHING, chosen=chosen))
        assert added.fixed_heatmap is None and added.moving_heatmap is None
    for mode in (HeatmapMode.HIGHEST, HeatmapMode.COLOURED):
        display.show(replace(EVERYTHING, chosen=None, heatmaps=mode))
        assert "all keypoints" in added.moving_heatmap.GetName()


def test_a_correction_is_followed_and_the_error_map_waits_for_the_end_of_a_drag(
    host: RealScene, added: SceneRegistration
) -> None:
    display = KeypointDisplay(added, at_once)
    display.show(EVERYTHING)
    arrows = added.adopted(handle.ARROWS).GetPolyData()
    error = slicer.util.arrayFromVolume(added.adopted(handle.ERROR_MAP)).copy()
    count = arrows.GetNumberOfPoints()
    before = slicer.util.arrayFromModelPoints(added.adopted(handle.ARROWS)).copy()
    correction = replace(Correction.none(ORIGINAL), fixed_positions={8: (20.0, 30.0, 40.0)})
    added.correct(correction, corrected(ORIGINAL, correction), lasting=False)
    display.refresh(live=True)
    assert added.adopted(handle.ARROWS).GetPolyData() is arrows and arrows.GetNumberOfPoints() == count
    assert (slicer.util.arrayFromModelPoints(added.adopted(handle.ARROWS)) != before).any()
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(added.adopted(handle.ERROR_MAP)), error)
    display.refresh(live=False)
    assert (slicer.util.arrayFromVolume(added.adopted(handle.ERROR_MAP)) != error).any()


def test_overlays_follow_the_views_that_change_and_come(host: RealScene, added: SceneRegistration) -> None:
    view = SliceView(host, "Red")
    display = KeypointDisplay(added, at_once)
    display.show(EVERYTHING)
    assert extra_layers(view) == []
    view.show(added.fixed_volume)
    assert "Atlas heatmap: point 5" in extra_layers(view)
    view.show(added.moving_volume)
    assert extra_layers(view) == ["Brain T1 heatmap: point 5"]
    rows = rows_of_views(host, added)
    assert "Atlas heatmap: point 5" in extra_layers(rows[0]) and extra_layers(rows[1]) == ["Brain T1 heatmap: point 5"]
    display.close()
    view.show(added.fixed_volume)
    assert extra_layers(view) == ["Brain T1 heatmap: point 5"]


def test_legends_are_only_drawn_in_views_that_have_the_overlay(host: RealScene, added: SceneRegistration) -> None:
    fixed, moving = rows_of_views(host, added)
    KeypointDisplay(added, at_once).show(replace(EVERYTHING, ellipsoids=None, arrows=None))
    shown = {}
    for legend in slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", host.scene):
        shown[legend.GetTitleText().split("\n")[0] + legend.GetTitleText()[-10:]] = list(legend.GetViewNodeIDs())
    assert shown == {
        "point 5fixed scan": [fixed.slice_node.GetID()],
        "point 5oving scan": [moving.slice_node.GetID()],
        "predicted errorfixed scan": [fixed.slice_node.GetID()],
    }


def test_everything_is_seen_again_after_a_scene_file(host: RealScene, added: SceneRegistration, tmp_path: Path) -> None:
    view = SliceView(host, "Red")
    view.show(added.fixed_volume)
    view.jump(ORIGINAL.fixed_keypoints.positions[4])
    wishes = Wishes(chosen=4, ellipsoids=2.0)
    KeypointDisplay(added, at_once).show(wishes)
    assert count_of_colour(view.image() / 255, CHOSEN_COLOUR) > 20
    save_scene(host.scene, tmp_path / "scene.mrb")
    load_scene(host.scene, tmp_path / "scene.mrb")
    (found,) = find_registrations(host.scene)
    for points in (found.fixed_points, found.moving_points):
        points.SetDisplayVisibility(False)
    KeypointDisplay(found, at_once).show(wishes)
    picture = view.image() / 255
    assert count_of_colour(picture, FIXED_STYLE.used) > 20


def test_names_of_more_than_a_hundred_points_are_never_shown(host: RealScene) -> None:
    for count, shown in ((100, True), (101, False)):
        added = add_registration(host.scene, *two_volumes(host.scene), sample_registration(count))
        display = KeypointDisplay(added, at_once)
        for wanted in (False, True):
            display.show(Wishes(labels=wanted))
        assert bool(added.fixed_points.GetDisplayNode().GetPointLabelsVisibility()) is shown


def test_a_heatmap_follows_new_names_and_a_hardened_scan(host: RealScene, added: SceneRegistration) -> None:
    display = KeypointDisplay(added, at_once)
    display.show(EVERYTHING)
    added.fixed_volume.SetName("follow-up")
    rename(added, 4, "left eye")
    display.show(EVERYTHING)
    assert added.fixed_heatmap.GetName() == "follow-up heatmap: left eye"
    aligned = volume_from_node(added.moving_heatmap).ijk_to_ras
    added.moving_volume.HardenTransform()
    display.show(EVERYTHING)
    assert added.moving_heatmap.GetParentTransformNode() is None
    np.testing.assert_allclose(volume_from_node(added.moving_heatmap).ijk_to_ras, aligned, atol=1e-6)


def test_legends_come_into_views_that_a_layout_brings_later(host: RealScene, added: SceneRegistration) -> None:
    waiting: list[Callable[[], None]] = []
    SliceView(host, "Red").show(added.fixed_volume)
    display = KeypointDisplay(added, lambda _milliseconds, callback: waiting.append(callback))
    display.show(EVERYTHING)
    view = SliceView(host, "FixedRed")
    view.show(added.fixed_volume)
    view.jump((0, 0, 500))  # nothing but the legends
    nodes = host.scene.GetNumberOfNodes()
    waiting[-1]()
    assert host.scene.GetNumberOfNodes() == nodes
    picture = view.image()
    for corner in (np.s_[200:, 200:], np.s_[:200, 200:], np.s_[:200, :200]):  # heatmap, residuals, predicted error
        assert count_of_colour(picture[corner] / 255, (1, 1, 1)) > 50
    display.close()
    waiting[-1]()


def test_models_are_drawn_in_the_views_of_their_points(host: RealScene, added: SceneRegistration) -> None:
    fixed, moving = rows_of_views(host, added)
    KeypointDisplay(added, at_once).show(EVERYTHING)
    added.fixed_points.GetDisplayNode().SetViewNodeIDs([fixed.slice_node.GetID()])
    added.moving_points.GetDisplayNode().SetViewNodeIDs([moving.slice_node.GetID()])
    for role, view in ((handle.FIXED_ELLIPSOIDS, fixed), (handle.ARROWS, fixed), (handle.MOVING_MARKS, moving)):
        assert list(added.adopted(role).GetDisplayNode().GetViewNodeIDs()) == [view.slice_node.GetID()]


def test_models_leave_views_also_where_their_points_did_so_in_a_batch(host: RealScene, added: SceneRegistration) -> None:
    fixed, moving = rows_of_views(host, added)
    for points in (added.fixed_points, added.moving_points):
        points.GetDisplayNode().SetOpacity(0.0)
    bare = moving.image()
    KeypointDisplay(added, at_once).show(Wishes(ellipsoids=3.0, labels=False))
    assert (moving.image() != bare).any()
    with batch(host.scene):
        for points in (added.fixed_points, added.moving_points):
            points.GetDisplayNode().SetViewNodeIDs([fixed.slice_node.GetID()])
    np.testing.assert_array_equal(moving.image(), bare)


def test_overlays_come_back_into_views_that_were_emptied(host: RealScene, added: SceneRegistration) -> None:
    fixed, _ = rows_of_views(host, added)
    KeypointDisplay(added, at_once).show(EVERYTHING)
    shown, layers = extra_layers(fixed), fixed.composite_node
    for layer in range(3 + layers.GetNumberOfAdditionalLayers()):
        layers.SetNthLayerVolumeID(layer, None)
    assert extra_layers(fixed) == []
    fixed.show(added.fixed_volume)
    assert extra_layers(fixed) == shown != []


def test_the_heatmap_is_drawn_over_the_error_map_whichever_came_first(host: RealScene, added: SceneRegistration) -> None:
    fixed, _ = rows_of_views(host, added)
    display = KeypointDisplay(added, at_once)
    for first in (replace(EVERYTHING, error_map=False), replace(EVERYTHING, heatmaps=None)):
        display.show(Wishes())
        display.show(first)
        display.show(EVERYTHING)
        assert extra_layers(fixed) == ["Atlas predicted error", "Atlas heatmap: point 5"]
    fixed.show(None)
    fixed.show(added.fixed_volume)
    assert extra_layers(fixed) == ["Atlas predicted error", "Atlas heatmap: point 5"]


@pytest.mark.parametrize("gone", ["fixed_points", "moving_points", "fixed_volume", "moving_volume", "transform", "record"])
def test_what_was_deleted_is_not_shown_and_the_rest_is(host: RealScene, added: SceneRegistration, gone: str) -> None:
    display = KeypointDisplay(added, at_once)
    display.show(EVERYTHING)
    host.scene.RemoveNode(getattr(added, gone))
    display.refresh(live=False)
    for wishes in (replace(EVERYTHING, chosen=6), replace(EVERYTHING, heatmaps=HeatmapMode.COLOURED), Wishes(), EVERYTHING):
        display.show(wishes)
    assert display.has_heatmaps
    display.hide()
    display.close()


def test_a_display_opened_on_a_scene_with_overlays_adopts_or_removes_them(host: RealScene, added: SceneRegistration) -> None:
    plain = node_names(host.scene)
    first = KeypointDisplay(added, at_once)
    first.show(EVERYTHING)
    first.close()
    nodes = node_names(host.scene)
    second = KeypointDisplay(added, at_once)
    assert second.shows_heatmaps
    second.show(EVERYTHING)
    assert host.scene.GetNumberOfNodes() == len(nodes)
    second.close()
    third = KeypointDisplay(added, at_once)
    third.show(Wishes())
    assert node_names(host.scene) == plain


def test_a_left_out_pair_is_marked_when_it_is_left_out(host: RealScene, added: SceneRegistration) -> None:
    display = KeypointDisplay(added, at_once)
    display.show(Wishes())
    assert added.adopted(handle.FIXED_MARKS) is None
    correction = replace(Correction.none(ORIGINAL), choices={4: PairChoice.LEAVE_OUT})
    added.correct(correction, corrected(ORIGINAL, correction))
    display.refresh(live=False)
    assert added.adopted(handle.FIXED_MARKS) is not None
