"""Comparing: the rows show what they say, by real pixels, and the user's own views come back exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import RealScene, load_scene, save_scene
from host.views import SliceView
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.compare import CompareMode, Comparison, leave_comparison
from KeypointRegistrationLib.scene.handle import SceneRegistration
from KeypointRegistrationLib.scene.layouts import COMPARE_LAYOUT, FIXED_VIEWS, MOVING_VIEWS, ORIENTATIONS
from KeypointRegistrationLib.scene.results import add_registration, find_registrations
from KeypointRegistrationLib.scene.slices import show_on_top
from KeypointRegistrationLib.scene.volumes import add_volume, volume_from_node
from samples import sample_matrix, sample_registration, sample_volume
from test_scene_use import MIRRORED, SHEARED, corrected, nested

SIZE = (240, 240)


class Desk:
    """A scene with a layout logic, as the application has, the user's red view, and two registered scans."""

    def __init__(self, host: RealScene, parents: tuple[np.ndarray, ...] = (), moving: Volume | None = None) -> None:
        self.host, self.scene = host, host.scene
        self.red = SliceView(host, "Red", size=SIZE)
        self._layouts = slicer.vtkMRMLLayoutLogic()
        self._layouts.SetMRMLScene(self.scene)
        self.layout = self._layouts.GetLayoutNode()
        self.layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        registration = sample_registration()
        head = sample_volume("Atlas")
        twin = replace(head.moved(np.linalg.inv(registration.moving_to_fixed)), name="Brain T1")
        self.fixed, self.moving = (add_volume(self.scene, volume) for volume in (head, moving or twin))
        for node in (self.fixed, self.moving):
            node.GetDisplayNode().AutoWindowLevelOff()
            node.GetDisplayNode().SetWindowLevel(900, 450)
        world = np.eye(4)
        for matrix in parents:
            world = matrix @ world
        for node in (self.fixed, self.moving):
            nested(node, (np.linalg.inv(world), *parents) if parents else ())
        self.red.show(self.fixed)
        self.result: SceneRegistration = add_registration(self.scene, self.fixed, self.moving, registration)

    def views(self) -> dict[str, SliceView]:
        """Windows on the views of the comparison, as the layout manager opens them."""
        names = zip((*FIXED_VIEWS, *MOVING_VIEWS), ORIENTATIONS * 2, strict=True)
        return {name: SliceView(self.host, name, orientation, SIZE) for name, orientation in names}

    def hide_points(self) -> None:
        for node in (self.result.fixed_points, self.result.moving_points):
            node.SetDisplayVisibility(False)


@pytest.fixture
def host() -> Iterator[RealScene]:
    with RealScene() as host:
        yield host


@pytest.fixture
def desk(host: RealScene) -> Desk:
    return Desk(host)


def grey_difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def memory_of(scene: slicer.vtkMRMLScene) -> dict[str, str]:
    """Everything that the user's nodes say of themselves, but addresses and times (and slices in 3-D, which views make)."""
    texts = {}
    for n in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(n)
        name = node.GetLayoutName() if hasattr(node, "GetLayoutName") else node.GetName()
        if not node.IsA("vtkMRMLModelNode") and not any(view in name for view in (*FIXED_VIEWS, *MOVING_VIEWS)):
            lines = str(node).splitlines()
            noisy = ("Time", "Reference Count", "0x")
            texts[node.GetID()] = "\n".join(line for line in lines if not any(word in line for word in noisy))
    return texts


def test_fixed_is_above_and_moving_below_at_the_same_place(desk: Desk) -> None:
    views = desk.views()
    comparison = Comparison(desk.result)
    desk.hide_points()
    assert desk.layout.GetViewArrangement() == COMPARE_LAYOUT
    for fixed, moving, orientation in zip(FIXED_VIEWS, MOVING_VIEWS, ORIENTATIONS, strict=True):
        above, below = views[fixed], views[moving]
        assert above.slice_node.GetOrientation() == below.slice_node.GetOrientation() == orientation
        assert above.composite_node.GetBackgroundVolumeID() == desk.fixed.GetID()
        assert below.composite_node.GetBackgroundVolumeID() == desk.moving.GetID()
        assert above.image().std() > 20
        assert grey_difference(above.image(), below.image()) < 2
    desk.result.applied = False
    assert grey_difference(views["FixedAxial"].image(), views["MovingAxial"].image()) > 8
    comparison.leave()


def test_the_whole_fixed_scan_is_shown_whatever_size_the_views_get_until_the_person_zooms(desk: Desk) -> None:
    views = desk.views()
    Comparison(desk.result)
    corners = volume_from_node(desk.fixed).corners
    view = views["MovingSagittal"]
    for size in ((240, 240), (120, 300), (300, 90)):
        view.resize(size)
        rows, columns = zip(*(view.pixel(corner) for corner in corners), strict=True)
        assert min(rows) >= 0 and min(columns) >= 0 and max(rows) < size[1] and max(columns) < size[0]
        assert max(max(rows) - min(rows) - 0.9 * size[1], max(columns) - min(columns) - 0.9 * size[0]) > 0
    view.slice_node.SetFieldOfView(40.0, 12.0, 1.0)
    view.resize((200, 90))
    assert view.slice_node.GetFieldOfView()[0] < 60


def test_scrolling_or_zooming_one_row_moves_the_other_and_not_the_users_views(desk: Desk) -> None:
    views = desk.views()
    Comparison(desk.result)
    red = desk.red.slice_node.GetSliceOffset(), desk.red.slice_node.GetFieldOfView()
    above, below = views["FixedAxial"], views["MovingAxial"]
    other = views["MovingCoronal"].slice_node.GetSliceOffset()
    above.logic.StartSliceOffsetInteraction()
    above.logic.SetSliceOffset(17.0)
    above.logic.EndSliceOffsetInteraction()
    assert below.slice_node.GetSliceOffset() == pytest.approx(17.0)
    assert views["MovingCoronal"].slice_node.GetSliceOffset() == pytest.approx(other)
    below.logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.FieldOfViewFlag)
    below.slice_node.SetFieldOfView(50, 50, 1)
    below.logic.EndSliceNodeInteraction()
    assert above.slice_node.GetFieldOfView()[0] == pytest.approx(50)
    assert (desk.red.slice_node.GetSliceOffset(), desk.red.slice_node.GetFieldOfView()) == red


def test_each_row_shows_its_own_keypoints_only(desk: Desk) -> None:
    views = desk.views()
    Comparison(desk.result)
    fixed_display, moving_display = desk.result.fixed_points.GetDisplayNode(), desk.result.moving_points.GetDisplayNode()
    for name, view in views.items():
        identifier = view.slice_node.GetID()
        assert fixed_display.IsDisplayableInView(identifier) == (name in FIXED_VIEWS)
        assert moving_display.IsDisplayableInView(identifier) == (name in MOVING_VIEWS)
    for display in (fixed_display, moving_display):
        assert display.IsDisplayableInView(desk.red.slice_node.GetID())
        assert display.IsDisplayableInView("vtkMRMLViewNode1")


def test_fading_goes_from_the_fixed_to_the_moving_scan(host: RealScene) -> None:
    desk = Desk(host, moving=replace(sample_volume("other", seed=5)))
    desk.hide_points()
    views = desk.views()
    comparison = Comparison(desk.result)
    fixed, moving = views["FixedAxial"].image(), views["MovingAxial"].image()
    assert grey_difference(fixed, moving) > 10
    comparison.show(CompareMode.FADE)
    comparison.fade(0.0)
    assert grey_difference(views["MovingAxial"].image(), fixed) < 1
    comparison.fade(0.5)
    half = views["MovingAxial"].image()
    assert grey_difference(half, fixed) > 4 and grey_difference(half, moving) > 4
    comparison.fade(1.0)
    assert grey_difference(views["MovingAxial"].image(), moving) < 1


def bright_and_dark(host: RealScene, parents: tuple[np.ndarray, ...]) -> Desk:
    """Two blocks without structure, of which the fixed one is bright and the moving one dark grey."""
    matrix = sample_volume("x").ijk_to_ras
    desk = Desk(host, parents, Volume(np.full((40, 40, 40), 300, np.int16), matrix, "dark"))
    slicer.util.updateVolumeFromArray(desk.fixed, np.full((40, 40, 40), 800, np.int16))
    slicer.util.arrayFromVolume(desk.moving)[:2, :2, :2] = 299
    slicer.util.arrayFromVolume(desk.fixed)[:2, :2, :2] = 799
    desk.result.transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.eye(4)))
    desk.hide_points()
    return desk


@pytest.mark.parametrize("parents", [(), (sample_matrix(25), SHEARED @ MIRRORED)], ids=["no parents", "nested"])
def test_the_checkerboard_alternates_between_the_scans(host: RealScene, parents: tuple[np.ndarray, ...]) -> None:
    desk = bright_and_dark(host, parents)
    views = desk.views()
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.CHECKERBOARD)
    for square in (20.0, 32.0):
        comparison.set_square(square)
        view = views["MovingAxial"]
        view.jump((0.0, 0.0, square / 2))
        image = view.image()[..., 0].astype(float)
        expected = {0: 255 * 800 / 900, 1: 255 * 300 / 900}
        for r in range(-2, 2):
            for a in range(-2, 2):
                row, column = view.pixel(((r + 0.5) * square, (a + 0.5) * square, square / 2))
                assert image[row, column] == pytest.approx(expected[(r + a) % 2], abs=4)


def test_the_difference_is_grey_where_the_scans_agree(desk: Desk) -> None:
    desk.hide_points()
    views = desk.views()
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.DIFFERENCE)
    aligned = views["MovingAxial"].image()[60:180, 60:180].astype(float)
    assert np.abs(aligned - 127.5).mean() < 3
    desk.result.applied = False
    comparison.refresh()
    apart = views["MovingAxial"].image()[60:180, 60:180].astype(float)
    assert np.abs(apart - 127.5).mean() > 8


@pytest.mark.parametrize("mode", [CompareMode.CHECKERBOARD, CompareMode.DIFFERENCE])
def test_a_correction_is_told_and_followed(desk: Desk, mode: CompareMode) -> None:
    desk.hide_points()
    views, calls = desk.views(), []
    comparison = Comparison(desk.result, lambda: calls.append(None))
    comparison.show(mode)
    before = views["MovingAxial"].image()
    corrected(desk.result)
    assert calls
    assert grey_difference(views["MovingAxial"].image(), before) == 0
    comparison.refresh()
    assert grey_difference(views["MovingAxial"].image(), before) > 0.5
    comparison.leave()
    calls.clear()
    corrected(desk.result)
    assert not calls


def listed_volumes(scene: slicer.vtkMRMLScene) -> list[str]:
    """What a volume selector offers."""
    volumes = slicer.util.getNodesByClass("vtkMRMLVolumeNode", scene)
    return [node.GetName() for node in volumes if not node.GetHideFromEditors()]


def test_the_computed_volume_is_in_no_list_and_gone_afterwards(desk: Desk) -> None:
    before, count = listed_volumes(desk.scene), desk.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    comparison = Comparison(desk.result)
    comparison.show(CompareMode.CHECKERBOARD)
    comparison.show(CompareMode.DIFFERENCE)
    assert listed_volumes(desk.scene) == before
    assert desk.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count + 1
    comparison.leave()
    assert desk.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count


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
