"""``loss-pictures CONFIG --trainings DIR``: what each spatial loss does to probability maps, on a real scan.

One picture of the variants of an ablation side by side: the same keypoints, and all keypoints together.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detection.localisation import head_centre
from ..files.drawing import draw_dot, draw_text
from ..files.png import png_bytes
from ..files.scans import read_volume
from ..geometry.sampling import Grid, Sampler, sample
from ..geometry.transforms import apply, invert
from ..geometry.volume import Volume
from ..training.ablation import Variant
from ..training.config import load_config
from ..training.reading import Read, trained_reader
from .publishing import output_folder

_VARIANTS = (Variant.NONE, Variant.KL, Variant.KL_VAR, Variant.ALL)
_QUANTILES = (0.25, 0.75)  # of the spread without spatial losses: which keypoints are shown
_TILE = 164  # pixels
_HEAD, _FOOT, _GAP = 26, 20, 4
_INK, _FAINT_INK, _DOT = (0.93, 0.93, 0.93), (0.7, 0.7, 0.72), (0.25, 0.85, 1.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("config", type=Path, help="configuration of the ablation (TOML)")
    parser.add_argument("--trainings", type=Path, required=True, metavar="DIR", help="of one seed, as `ablation` wrote them")
    parser.add_argument("--scan", type=Path, required=True, metavar="FILE", help="the scan to show the maps on")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the picture")


def run(arguments: argparse.Namespace) -> int:
    """Read the scan with every variant and draw.  Returns the exit status.

    Raises:
        InputError: if the configuration, a training, the scan or the output folder cannot be used.
    """
    config = load_config(arguments.config)
    readers = [trained_reader(config, arguments.trainings / v.value) for v in _VARIANTS]
    volume = read_volume(arguments.scan)
    grid = Grid.cubic(config.view.size, config.view.spacing, head_centre(volume))
    scan = Sampler(volume)
    picture = compare([v.words for v in _VARIANTS], [reader(scan, grid) for reader in readers], scan, grid)
    path = output_folder(arguments) / f"{config.name}.png"
    path.write_bytes(png_bytes((picture.clip(0, 1) * 255).round().astype(np.uint8)))
    print(f"The picture is {path}.")
    return 0


def compare(titles: Sequence[str], found: Sequence[Read], scan: Sampler, grid: Grid) -> NDArray[np.float64]:
    """An RGB picture (height, width, 3): a column per variant; a row per keypoint, and one with all keypoints."""
    order = np.argsort(found[0].spreads)
    shown = [int(order[round(share * (len(order) - 1))]) for share in _QUANTILES]
    fine = Grid.cubic(_TILE, (grid.shape[0] - 1) * float(grid.spacing[0]) / (_TILE - 1), grid_centre(grid))
    height = _HEAD + (len(shown) + 1) * (_TILE + _FOOT + _GAP)
    picture = np.zeros((height, len(found) * (_TILE + _GAP) - _GAP, 3))
    for column, (title, read) in enumerate(zip(titles, found, strict=True)):
        left = column * (_TILE + _GAP)
        draw_text(picture, title, (left + _TILE / 2, _HEAD / 2), _INK, align=0.5)
        for row, keypoint in enumerate([*shown, None]):
            top = _HEAD + row * (_TILE + _FOOT + _GAP)
            tile, caption = _all_keypoints(read, scan, fine) if keypoint is None else _one_map(read, keypoint, scan, fine)
            picture[top : top + _TILE, left : left + _TILE] = tile
            draw_text(picture, caption, (left + _TILE / 2, top + _TILE + _FOOT / 2), _FAINT_INK, size=12, align=0.5)
    return picture


def grid_centre(grid: Grid) -> NDArray[np.float64]:
    """RAS position (mm) of the middle of a grid."""
    return apply(grid.ijk_to_ras, [(np.array(grid.shape[::-1]) - 1) / 2])[0]


def _one_map(read: Read, keypoint: int, scan: Sampler, fine: Grid) -> tuple[NDArray, str]:
    """The map of one keypoint, summed from front to back, over the coronal slice through its mean."""
    picture = _slice(scan, fine, read.positions[keypoint])
    chosen = Volume(read.heatmaps.values[keypoint], read.heatmaps.grid.ijk_to_ras, "map")
    heat = np.rot90(sample(chosen, _columns(fine, chosen)).sum(axis=1), 2)
    heat = np.sqrt(heat / max(float(heat.max()), 1e-12))[..., None]
    picture = picture * (1 - 0.75 * heat) + 0.75 * heat * _colour(heat)
    _dot(picture, fine, read.positions[keypoint])
    return picture, f"no. {keypoint + 1}: {read.spreads[keypoint]:.0f} mm, L_KL {read.divergences[keypoint]:.1f}"


def _all_keypoints(read: Read, scan: Sampler, fine: Grid) -> tuple[NDArray, str]:
    """All means over the coronal slice through the middle."""
    picture = _slice(scan, fine, grid_centre(fine))
    for position in read.positions:
        _dot(picture, fine, position)
    return picture, f"all: {np.median(read.spreads):.0f} mm, L_KL {np.median(read.divergences):.1f}"


def _slice(scan: Sampler, fine: Grid, position: NDArray) -> NDArray[np.float64]:
    """Coronal slice through ``position``, right of the head on the left, grey."""
    j = round(float(apply(invert(fine.ijk_to_ras), [position])[0, 1]))
    shift = fine.ijk_to_ras.copy()
    shift[:3, 3] += shift[:3, 1] * j
    values = scan(Grid((fine.shape[0], 1, fine.shape[2]), shift))[:, 0]
    grey = np.rot90(values, 2) / max(float(np.percentile(values, 99.5)), 1e-6)
    return np.repeat(0.8 * grey.clip(0, 1)[..., None], 3, axis=2)


def _columns(fine: Grid, chosen: Volume) -> Grid:
    """The pixels of ``fine`` from left to right and top to bottom, and the voxels of ``chosen`` from back to front."""
    matrix = fine.ijk_to_ras.copy()
    matrix[:3, 1] = chosen.ijk_to_ras[:3, 1]
    matrix[1, 3] = chosen.ijk_to_ras[1, 3]
    return Grid((fine.shape[0], chosen.shape[1], fine.shape[2]), matrix)


def _dot(picture: NDArray, fine: Grid, position: NDArray) -> None:
    i, _, k = apply(invert(fine.ijk_to_ras), [position])[0]
    draw_dot(picture, (_TILE - 1 - i, _TILE - 1 - k), 2.5, _DOT)


def _colour(heat: NDArray) -> NDArray[np.float64]:
    """Dark red over orange to yellow."""
    return np.concatenate([0.6 + 0.4 * heat, 0.9 * heat, 0.3 * heat**3], axis=-1).clip(0, 1)
