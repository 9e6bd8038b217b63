"""The demo's Slicer scene, and a picture of it: real MRML, drawn by Slicer's own slice views."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import slicer
from host.mrml import RealScene, save_scene
from host.views import SliceView
from KeypointRegistrationLib.files.drawing import draw_line, draw_text
from KeypointRegistrationLib.files.png import png_bytes
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.result import Registration
from KeypointRegistrationLib.scene.drawing.heatmaps import Side, show_heatmap
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.results.points import FIXED_STYLE, MOVING_STYLE
from KeypointRegistrationLib.scene.volumes import add_volume
from numpy.typing import NDArray

_TILE = 380  # pixels
_GAP = 6
_HEAD, _CAPTION, _FOOT = 58, 26, 30
_INK, _FAINT_INK = (0.93, 0.93, 0.93), (0.65, 0.65, 0.67)

#: Slicer's own names of its three slice views, and the RAS axis that each looks along.
_VIEWS = {"Red": ("Axial", 2), "Green": ("Coronal", 1), "Yellow": ("Sagittal", 0)}

#: Keypoints up to this far (mm) from a slice are drawn on it in the picture.
_REACH = 10.0

#: Width (mm) of what the tiles with keypoints show.
_CLOSE_UP = 180.0


def build_demo_scene(fixed: Volume, moving: Volume, registration: Registration, folder: Path) -> None:
    """Write ``demo.mrb``, the registration as the extension leaves it in a scene, and ``slices.png``, what one sees there.

    The picture has a row per plane, through a keypoint that carries the fit; the columns are the fixed scan, the moving scan
    as it came, the moving scan aligned, and the same with keypoints and the heatmap of that keypoint (if the registration
    has heatmaps).  All tiles show the same part of space in fixed RAS.
    """
    keypoint = _central_keypoint(registration)
    with RealScene() as host:
        picture = _picture(host, fixed, moving, registration, keypoint)
    (folder / "slices.png").write_bytes(png_bytes(picture))
    with RealScene() as host:
        _fill(host, fixed, moving, registration, keypoint)
        save_scene(host.scene, folder / "demo.mrb")


def _fill(host: RealScene, fixed: Volume, moving: Volume, registration: Registration, keypoint: int) -> None:
    """Both scans, the registration, one heatmap, and slice views that show them over each other."""
    views = _slice_views(host)
    fixed_node, moving_node = (_shown_volume(host.scene, scan) for scan in (fixed, moving))
    added = add_registration(host.scene, fixed_node, moving_node, registration)
    for view in views:
        view.show(fixed_node, moving_node, 0.5)
    _aim(views, fixed, registration.fixed_keypoints.positions[keypoint])
    if registration.moving_heatmaps is not None:
        show_heatmap(added, registration.moving_heatmaps, Side.MOVING, keypoint)


def _picture(host: RealScene, fixed: Volume, moving: Volume, registration: Registration, keypoint: int) -> NDArray[np.uint8]:
    """The page of slice views."""
    views = _slice_views(host)
    fixed_node, moving_node = (_shown_volume(host.scene, scan) for scan in (fixed, moving))
    _aim(views, fixed, registration.fixed_keypoints.positions[keypoint])
    columns = {"Fixed": _tiles(views, fixed_node), "Moving, as it came": _tiles(views, moving_node)}
    added = add_registration(host.scene, fixed_node, moving_node, registration)
    lists = (added.fixed_points, added.moving_points)
    for node in lists:
        node.SetDisplayVisibility(False)
    columns["Moving, aligned"] = _tiles(views, moving_node)
    if registration.moving_heatmaps is not None:
        show_heatmap(added, registration.moving_heatmaps, Side.MOVING, keypoint)
    columns["Aligned, with keypoints and one heatmap"] = _close_ups(views, lists, registration, keypoint)
    return _page(columns, views, added, registration)


def _slice_views(host: RealScene) -> list[SliceView]:
    return [SliceView(host, name, orientation, (_TILE, _TILE)) for name, (orientation, _) in _VIEWS.items()]


def _shown_volume(scene: slicer.vtkMRMLScene, scan: Volume) -> slicer.vtkMRMLScalarVolumeNode:
    """A volume node in a window that suits the anatomy, not the brightest voxels."""
    node = add_volume(scene, scan)
    _, values = _some_voxels(scan)
    low, peak = np.percentile(values, (1, 99.8))
    high = np.percentile(values[values > low + 0.05 * (peak - low)], 99.3)
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(float(low), float(high))
    return node


def _central_keypoint(registration: Registration) -> int:
    """The keypoint of the fit that is nearest to the middle of them all: slices through it show much of the anatomy."""
    positions = registration.fixed_keypoints.positions
    used = np.flatnonzero(registration.used)
    candidates = used if used.size else np.arange(len(positions))
    distances = np.linalg.norm(positions[candidates] - positions[candidates].mean(axis=0), axis=1)
    return int(candidates[np.argmin(distances)])


def _aim(views: Sequence[SliceView], scan: Volume, through: NDArray[np.float64]) -> None:
    """Let each view cut through a point (RAS mm) and show all of the head around it."""
    low, high = _extent(scan)
    for view, (_, axis) in zip(views, _VIEWS.values(), strict=True):
        centre = (low + high) / 2
        centre[axis] = through[axis]
        view.jump(centre)
        view.zoom(1.15 * float((high - low).max()))


def _extent(scan: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest RAS coordinates (mm) of what is not background."""
    step, values = _some_voxels(scan)
    low, peak = np.percentile(values, (1, 99))
    ijk = step * np.argwhere(values > low + 0.15 * (peak - low))[:, ::-1]
    ras = ijk @ scan.ijk_to_ras[:3, :3].T + scan.ijk_to_ras[:3, 3]
    return tuple(np.percentile(ras, (0.5, 99.5), axis=0))


def _some_voxels(scan: Volume) -> tuple[int, NDArray[np.float64]]:
    """Every n-th voxel along each axis, so many that percentiles are good, and n."""
    step = max(1, round((scan.voxels.size / 2e5) ** (1 / 3)))
    return step, scan.voxels[::step, ::step, ::step].astype(float)


def _tiles(views: Sequence[SliceView], background: slicer.vtkMRMLVolumeNode) -> list[NDArray[np.float64]]:
    """What every view shows with this scan as background, values 0 to 1."""
    for view in views:
        view.composite_node.SetBackgroundVolumeID(background.GetID())
    return [view.image() / 255 for view in views]


def _close_ups(
    views: Sequence[SliceView],
    lists: Sequence[slicer.vtkMRMLMarkupsFiducialNode],
    registration: Registration,
    keypoint: int,
) -> list[NDArray[np.float64]]:
    """The views around one keypoint, with those keypoints of the fit that are up to ``_REACH`` mm off the slice."""
    positions = registration.fixed_keypoints.positions
    for node in lists:
        node.SetDisplayVisibility(True)
        display = node.GetDisplayNode()
        display.SetPointLabelsVisibility(False)
        display.SetGlyphScale(3.8)
        display.SetSliceProjection(True)
        display.SetSliceProjectionUseFiducialColor(False)
        display.SetSliceProjectionColor(*display.GetSelectedColor())
        display.SetSliceProjectionOpacity(1.0)
    tiles = []
    for view, (_, axis) in zip(views, _VIEWS.values(), strict=True):
        near = registration.used & (np.abs(positions[:, axis] - positions[keypoint, axis]) <= _REACH)
        for node in lists:
            for k, shown in enumerate(near):
                node.SetNthControlPointVisibility(k, bool(shown))
        view.jump(positions[keypoint])
        view.zoom(_CLOSE_UP)
        tiles.append(view.image() / 255)
    return tiles


def _page(
    columns: dict[str, list[NDArray[np.float64]]],
    views: Sequence[SliceView],
    added: SceneRegistration,
    registration: Registration,
) -> NDArray[np.uint8]:
    """All tiles on one page, with captions, the directions of the patient at the edges, and a key to the markers."""
    width = _GAP + len(columns) * (_TILE + _GAP)
    height = _HEAD + _CAPTION + len(views) * (_TILE + _GAP) + _FOOT
    page = np.full((height, width, 3), 0.08)
    _draw_head(page, added, registration)
    for column, (title, tiles) in enumerate(columns.items()):
        left = _GAP + column * (_TILE + _GAP)
        draw_text(page, title, (left + _TILE / 2, _HEAD + _CAPTION / 2), _INK, size=15, align=0.5)
        for row, (view, tile) in enumerate(zip(views, tiles, strict=True)):
            _draw_edges(tile, view)
            if column == 0:
                draw_text(tile, view.slice_node.GetOrientation(), (8, 14), _FAINT_INK, size=13, outlined=True)
            top = _HEAD + _CAPTION + row * (_TILE + _GAP)
            page[top : top + _TILE, left : left + _TILE] = tile
    _draw_foot(page)
    return np.round(np.clip(page, 0, 1) * 255).astype(np.uint8)


def _draw_head(page: NDArray[np.float64], added: SceneRegistration, registration: Registration) -> None:
    error = registration.predicted_tre
    used = int(registration.used.sum())
    numbers = (
        f"{used} of {len(registration.status)} keypoints used, predicted error {error.median:.1f} mm (median), "
        f"trust: {registration.trust.level.value}"
    )
    title = f"{added.moving_volume.GetName()} aligned to {added.fixed_volume.GetName()}, {registration.transform_type.value}"
    draw_text(page, title, (_GAP + 4, 20), _INK, size=19)
    draw_text(page, numbers, (_GAP + 4, 44), _FAINT_INK, size=14)


def _draw_edges(tile: NDArray[np.float64], view: SliceView) -> None:
    """The letters of the patient's directions, as on any reading screen."""
    places = {
        "left": (11, _TILE / 2),
        "right": (_TILE - 11, _TILE / 2),
        "top": (_TILE / 2, 12),
        "bottom": (_TILE / 2, _TILE - 12),
    }
    for edge, letter in view.directions().items():
        draw_text(tile, letter, places[edge], _INK, size=14, align=0.5, outlined=True)


def _draw_foot(page: NDArray[np.float64]) -> None:
    y = page.shape[0] - _FOOT / 2
    x = _GAP + 10.0
    for name, colour in (("fixed keypoint", FIXED_STYLE.used), ("moving keypoint, aligned", MOVING_STYLE.used)):
        draw_line(page, (x, y), (x, y), colour, width=8)
        x += 12 + draw_text(page, name, (x + 12, y), _FAINT_INK) + 24
    draw_text(
        page,
        f"Keypoints up to {_REACH:.0f} mm off the slice.  Drawn by 3D Slicer's slice views.  Not for clinical use.",
        (x, y),
        _FAINT_INK,
    )
