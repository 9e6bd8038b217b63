"""After comparing, the user's own views come back exactly, whatever has happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import slicer
from compare_desk import Desk, memory_of
from host.mrml import RealScene, load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import find_registrations
from KeypointRegistrationLib.scene.viewing.compare import CompareMode, Comparison, leave_comparison
from KeypointRegistrationLib.scene.viewing.layouts import COMPARE_LAYOUT
from KeypointRegistrationLib.scene.viewing.slices import show_on_top
from KeypointRegistrationLib.scene.volumes import add_volume
from samples import sample_matrix, sample_registration, sample_volume


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def desk(host: RealScene) -> Desk:
    return Desk(host)


def rearrange(desk: Desk) -> None:
    """What a user may have set up: oblique slices, three layers and more, a contrast, linked views."""
    node, layers = desk.red.slice_node, desk.red.composite_node
    extra = add_volume(desk.scene, sample_volume("extra", size=8, spacing=20.0))
    node.SetFieldOfView(123.0, 123.0, 1.0)
    node.SetXYZOrigin(3.0, -4.0, 0.0)
    node.GetSliceToRAS().DeepCopy(sample_matrix(33).ravel().tolist())
    node.UpdateMatrices()
    layers.SetForegroundVolumeID(desk.moving.GetID())
    layers.SetForegroundOpacity(0.3)
    layers.SetNthLayerVolumeID(3, extra.GetID())
    layers.SetNthLayerOpacity(3, 0.7)
    layers.SetLinkedControl(True)
    desk.moving.GetDisplayNode().SetWindowLevel(333, 222)
    desk.result.moving_points.GetDisplayNode().SetViewNodeIDs([node.GetID()])


def disturb(desk: Desk) -> None:
    """What happens to a user's views in the meantime: they jump to points, layers come, the contrast changes."""
    node, layers = desk.red.slice_node, desk.red.composite_node
    node.JumpSliceByCentering(11.0, 12.0, 13.0)
    node.SetFieldOfView(50.0, 50.0, 1.0)
    node.SetOrientation("Sagittal")
    layers.SetBackgroundVolumeID(desk.moving.GetID())
    layers.SetForegroundOpacity(0.9)
    layers.SetNthLayerVolumeID(3, None)
    layers.SetNthLayerVolumeID(4, desk.moving.GetID())
    layers.SetLinkedControl(False)
    desk.moving.GetDisplayNode().SetWindowLevel(10, 20)
    desk.fixed.GetDisplayNode().AutoWindowLevelOn()


def test_leaving_gives_back_the_users_views_exactly(desk: Desk) -> None:
    rearrange(desk)
    desk.views()
    before, picture = memory_of(desk.scene), desk.red.image()
    comparison = Comparison(desk.result)
    for mode in CompareMode:
        comparison.show(mode)
    disturb(desk)
    comparison.leave()
    assert memory_of(desk.scene) == before
    np.testing.assert_array_equal(desk.red.image(), picture)
    assert not comparison.active


def test_a_heatmap_that_was_shown_meanwhile_stays_in_the_users_views(desk: Desk) -> None:
    rearrange(desk)
    comparison = Comparison(desk.result)
    heat = add_volume(desk.scene, sample_volume("heat", size=8, spacing=20.0))
    layers = desk.red.composite_node
    show_on_top(layers, heat, 0.6)
    comparison.leave()
    shown = [layers.GetNthLayerVolumeID(n) for n in range(3 + layers.GetNumberOfAdditionalLayers())]
    assert shown[3] == desk.scene.GetFirstNodeByName("extra").GetID() and heat.GetID() in shown


def test_undoing_the_registration_leaves_the_comparison(desk: Desk) -> None:
    left: list[None] = []
    comparison = Comparison(desk.result, on_left=lambda: left.append(None))
    comparison.show(CompareMode.CHECKERBOARD)
    desk.result.remove()
    assert left == [None]
    assert desk.layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert not comparison.active
    comparison.leave()


def test_leaving_copes_with_deleted_nodes(desk: Desk) -> None:
    rearrange(desk)
    comparison = Comparison(desk.result)
    desk.scene.RemoveNode(desk.moving)
    desk.scene.RemoveNode(desk.result.moving_points)
    with pytest.raises(InputError, match="moving volume of this registration is no longer"):
        comparison.show(CompareMode.FADE)
    comparison.leave()
    assert desk.layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert desk.red.composite_node.GetForegroundVolumeID() is None
    assert desk.red.composite_node.GetBackgroundVolumeID() == desk.fixed.GetID()


def test_closing_the_scene_goes_back_to_the_users_layout(desk: Desk) -> None:
    Comparison(desk.result)
    desk.scene.Clear(0)
    assert desk.layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert not desk.layout.GetAttributeNames()


def test_a_scene_saved_during_a_comparison_comes_back_as_the_user_had_it(desk: Desk, tmp_path: Path) -> None:
    rearrange(desk)
    to_ras = slicer.util.arrayFromVTKMatrix(desk.red.slice_node.GetSliceToRAS())
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.CHECKERBOARD)
    disturb(desk)
    save_scene(desk.scene, tmp_path / "scene.mrb")
    comparison.leave()
    load_scene(desk.scene, tmp_path / "scene.mrb")
    assert desk.layout.GetViewArrangement() == COMPARE_LAYOUT
    leave_comparison(desk.scene)
    (result,) = find_registrations(desk.scene)
    assert desk.layout.GetViewArrangement() == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    red = desk.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(red.GetSliceToRAS()), to_ras, atol=1e-6)
    layers = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(red)
    assert layers.GetBackgroundVolumeID() == result.fixed_volume.GetID()
    assert layers.GetForegroundOpacity() == pytest.approx(0.3)
    assert result.moving_volume.GetDisplayNode().GetWindow() == pytest.approx(333)
    assert desk.scene.GetFirstNodeByName("Comparison") is None


def test_without_views_it_says_so_and_changes_nothing(host: RealScene) -> None:
    fixed, moving = (add_volume(host.scene, sample_volume(name, size=8, spacing=20.0)) for name in ("one", "two"))
    result = add_registration(host.scene, fixed, moving, sample_registration())
    before = memory_of(host.scene)
    with pytest.raises(InputError, match="no views"):
        Comparison(result)
    assert memory_of(host.scene) == before
