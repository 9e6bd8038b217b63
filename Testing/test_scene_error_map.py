"""The map of the predicted error says what the formula says, over the head and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from host.views import SliceView
from KeypointRegistrationLib.geometry.accuracy import predicted_error
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.drawing.error_map import hide_error_map, set_error_map_views, show_error_map
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.viewing.slices import slice_layers
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from samples import sample_matrix, sample_registration, sample_volume
from test_scene_results import hierarchy_names, moved, node_names, put_under_new_transform

#: An error that grows from the middle to the right.
FORM = np.diag([4e-4, 1e-4, 2e-4, 1.0])
REGISTRATION = replace(sample_registration(), error_form=FORM)


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


def volumes(host: RealScene) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLScalarVolumeNode]:
    return tuple(add_volume(host.scene, sample_volume(name, seed=n)) for n, name in enumerate(("Atlas", "Brain T1")))


@pytest.fixture
def added(host: RealScene) -> SceneRegistration:
    return add_registration(host.scene, *volumes(host), REGISTRATION)


def drawn(node: slicer.vtkMRMLScalarVolumeNode) -> tuple[np.ndarray, np.ndarray]:
    """World positions (n, 3) and values (n,) of the voxels that are drawn."""
    volume = volume_from_node(node)
    inside = volume.voxels >= node.GetDisplayNode().GetLowerThreshold()
    kji = np.argwhere(inside)
    return moved(volume.ijk_to_ras, kji[:, ::-1]), volume.voxels[inside]


def test_it_holds_the_predicted_error_in_millimetres(added: SceneRegistration) -> None:
    positions, values = drawn(show_error_map(added))
    assert len(values) > 5000
    np.testing.assert_allclose(values, predicted_error(FORM, positions), rtol=1e-4)


def test_it_covers_the_head_and_not_the_background(added: SceneRegistration) -> None:
    positions, _ = drawn(show_error_map(added))
    assert (((positions / (60 + 16, 75 + 16, 65 + 16)) ** 2).sum(axis=1) < 1).all()
    covered = {tuple(p) for p in np.round(positions / 12).astype(int)}
    rng = np.random.default_rng(0)
    inside = rng.normal(size=(200, 3))
    inside *= (rng.uniform(0.1, 0.9, 200) / np.linalg.norm(inside, axis=1))[:, None] * (60, 75, 65)
    assert all(tuple(p) in covered for p in np.round(inside / 12).astype(int))


def test_a_correction_changes_its_values_and_nothing_else(added: SceneRegistration) -> None:
    node = show_error_map(added)
    where, _ = drawn(node)
    added.correct(added.correction, replace(REGISTRATION, error_form=9 * FORM))
    assert show_error_map(added) is node
    positions, values = drawn(node)
    np.testing.assert_array_equal(positions, where)
    np.testing.assert_allclose(values, 3 * predicted_error(FORM, positions), rtol=1e-4)


@pytest.mark.parametrize("change", ["moved after the map", "moved before the map", "hardened before the map"])
def test_it_stays_on_the_anatomy_wherever_the_scan_goes(host: RealScene, added: SceneRegistration, change: str) -> None:
    turn = sample_matrix(40)
    if change == "moved after the map":
        show_error_map(added)
    transform = put_under_new_transform(added.fixed_volume, turn, host.scene)
    if change == "hardened before the map":
        added.fixed_volume.HardenTransform()
    positions, values = drawn(show_error_map(added))
    assert transform is not None
    np.testing.assert_allclose(values, predicted_error(FORM, moved(np.linalg.inv(turn), positions)), rtol=1e-3)


def test_it_is_seen_with_its_legend_in_the_chosen_view_and_leaves_no_trace(
    host: RealScene, added: SceneRegistration
) -> None:
    view, other = SliceView(host, "Red", size=(300, 300)), SliceView(host, "Green", size=(300, 300))
    for each in (view, other):
        each.show(added.fixed_volume)
        each.zoom(300)
    before, items = node_names(host.scene), hierarchy_names(host.scene)
    without = view.image(), other.image()
    show_error_map(added, opacity=0.8, views=[view.composite_node])
    changed = (view.image() != without[0]).any(axis=2)
    assert changed[100:200, 100:200].mean() > 0.95
    assert changed[30:150, 5:60].sum() > 500, "the legend, at the left above"
    np.testing.assert_array_equal(other.image(), without[1])
    set_error_map_views(added, 0.8, [other.composite_node])
    np.testing.assert_array_equal(view.image(), without[0])
    assert (other.image() != without[1]).any()
    hide_error_map(added)
    np.testing.assert_array_equal(other.image(), without[1])
    assert node_names(host.scene) == before and hierarchy_names(host.scene) == items


def test_the_legend_says_millimetres(host: RealScene, added: SceneRegistration) -> None:
    show_error_map(added)
    (legend,) = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", host.scene)
    assert legend.GetTitleText() == "predicted error\nfixed scan" and legend.GetLabelFormat().endswith(" mm")


@pytest.mark.parametrize(("factor", "end"), [(1.0, 5.0), (10.0, None)])
def test_the_scale_begins_at_zero_and_small_errors_stay_at_its_low_end(
    host: RealScene, added: SceneRegistration, factor: float, end: float | None
) -> None:
    added.correct(added.correction, replace(REGISTRATION, error_form=factor**2 * FORM))
    volume = show_error_map(added)
    (legend,) = slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode", host.scene)
    lowest, highest = legend.GetPrimaryDisplayNode().GetScalarRange()
    values = slicer.util.arrayFromVolume(volume)
    assert lowest == 0 == volume.GetDisplayNode().GetLowerThreshold()
    assert highest == end if end else highest > np.percentile(values[values > 0], 95) > 5


def test_it_survives_a_scene_file_and_goes_with_the_registration(
    host: RealScene, added: SceneRegistration, tmp_path: Path
) -> None:
    SliceView(host)
    show_error_map(added)
    save_scene(host.scene, tmp_path / "scene.mrb")
    load_scene(host.scene, tmp_path / "scene.mrb")
    (found,) = find_registrations(host.scene)
    nodes = host.scene.GetNumberOfNodes()
    positions, values = drawn(show_error_map(found))
    np.testing.assert_allclose(values, predicted_error(FORM, positions), rtol=1e-3)
    assert host.scene.GetNumberOfNodes() == nodes
    found.remove()
    assert not [name for name in node_names(host.scene).values() if "redicted error" in name]
    assert all(view.GetNthLayerVolumeID(3) is None for view in slice_layers(host.scene))


def test_a_thin_scan_has_a_map_too_and_an_empty_one_is_refused(host: RealScene) -> None:
    voxels = np.zeros((2, 40, 40), dtype=np.int16)
    voxels[:, 10:30, 10:30] = 100
    thin = add_volume(host.scene, Volume(voxels, np.diag([4.0, 4.0, 30.0, 1.0]), "thin"))
    empty = add_volume(host.scene, Volume(np.zeros((8, 8, 8), dtype=np.int16), np.diag([9.0, 9.0, 9.0, 1.0]), "empty"))
    of_thin, of_empty = (
        add_registration(host.scene, fixed, moving, REGISTRATION)
        for fixed, moving in zip((thin, empty), volumes(host), strict=True)
    )
    positions, values = drawn(show_error_map(of_thin))
    np.testing.assert_allclose(values, predicted_error(FORM, positions), rtol=1e-4)
    nodes = host.scene.GetNumberOfNodes()
    with pytest.raises(InputError, match="empty"):
        show_error_map(of_empty)
    assert host.scene.GetNumberOfNodes() == nodes


def test_without_the_fixed_scan_it_is_refused(host: RealScene, added: SceneRegistration) -> None:
    host.scene.RemoveNode(added.fixed_volume)
    with pytest.raises(ValueError, match="no longer in the scene"):
        show_error_map(added)
