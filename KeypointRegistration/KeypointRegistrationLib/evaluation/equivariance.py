"""``equivariance --output DIR``: how well the keypoints of networks follow a turned head, and what a view costs.

A real scan is read on a grid, and again on the same grid turned about its middle.  The scan is interpolated once each
time.  A perfectly equivariant network finds the same keypoints in the scan's own space.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..detection.architecture import NetworkKind
from ..detection.bundle import bundle_names
from ..detection.localisation import head_centre
from ..files.scans import read_volume
from ..geometry.sampling import Grid, Sampler, sample
from ..geometry.volume import Volume
from ..training.config import load_config
from ..training.reading import Read, Reader, bundled_reader, trained_reader, untrained_reader
from .publishing import (
    add_data_argument,
    add_models_folder_argument,
    add_output_arguments,
    data_folder,
    markdown,
    output_folder,
    publish,
)

#: The bundled models, each with a scan of its kind from the data folder.
_MODELS = (
    ("brain-affine", "omega_t1/sub-0002_T1.nii.gz"),
    ("foetal-rigid", "fetal_stacks/sub-01_rec-SR_T2w.nii.gz"),
)
_RANDOM_TURNS = 6
_HEAD = ("network", "parameters", "CPU s per view", "quarter turns", "45°", "any angle")
_CAPTION = (
    "Mean distance (mm) between keypoints of the same scan seen upright and turned, and relative difference of their maps "
    "(‖turned − upright‖ / ‖upright‖): median over the turns."
)


@dataclass(frozen=True)
class Following:
    """How one network follows one turn: mean distance of its keypoints in mm, and relative difference of its maps."""

    distance: float
    maps: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--model", nargs=2, action="append", metavar=("NAME", "FILE"),
        help="a model and the scan to turn, below the data folder; may be given several times (default: the bundled models)",
    )  # fmt: skip
    parser.add_argument(
        "--training", nargs=3, action="append", default=[], metavar=("CONFIG", "DIR", "FILE"),
        help="a training, as far as it has come, and the scan to turn; may be given several times",
    )  # fmt: skip
    add_models_folder_argument(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random turns (default: %(default)s)")
    add_data_argument(parser)
    add_output_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure, write and print the table.  Returns the exit status.

    Raises:
        InputError: if a model, the scan, the output folder or the document cannot be used.
    """
    output_folder(arguments)
    data = data_folder(arguments)
    folder = arguments.models_folder
    models = arguments.model or [model for model in _MODELS if model[0] in bundle_names(folder)]
    readers = [(bundled_reader(name, folder), read_volume(data / file)) for name, file in models]
    head = readers[0][1]
    for config, training, file in arguments.training:
        readers.append((trained_reader(load_config(Path(config)), Path(training)), read_volume(data / file)))
    readers += [(reader.undenoised(), volume) for reader, volume in readers if reader.network.denoiser is not None]
    readers += [
        (untrained_reader(NetworkKind.UNET, (16, 32, 48), keypoints=24, size=32, spacing=6.0), head),
        (untrained_reader(NetworkKind.STEERABLE, (8, 8, 12), keypoints=24, size=32, spacing=6.0), head),
    ]
    rng = np.random.default_rng(arguments.seed)
    turns = [Rotation.random(random_state=rng).as_matrix() for _ in range(_RANDOM_TURNS)]
    publish(arguments, "equivariance", equivariance_table(readers, turns))
    return 0


def equivariance_table(readers: Sequence[tuple[Reader, Volume]], random_turns: Sequence[NDArray]) -> str:
    """One row per network, each with the scan that it reads."""
    quarters = [Rotation.from_euler(axis, 90, degrees=True).as_matrix().round() for axis in "xyz"]
    eighths = [Rotation.from_euler(axis, 45, degrees=True).as_matrix() for axis in "xyz"]
    rows = []
    for reader, volume in readers:
        scan, centre = Sampler(volume), head_centre(volume)
        started = time.process_time()
        reader(scan, Grid.cubic(reader.size, reader.spacing, centre))
        seconds = time.process_time() - started
        cells = [_told(follow(reader, scan, centre, turns)) for turns in (quarters, eighths, random_turns)]
        rows.append([reader.title, f"{reader.parameters:,}", f"{seconds:.2f}", *cells])
    return f"{_CAPTION}\n\n{markdown(_HEAD, rows)}"


def follow(reader: Reader, scan: Sampler, centre: NDArray, turns: Sequence[NDArray]) -> list[Following]:
    """How ``reader`` follows each of the 3×3 rotations ``turns`` of its view about ``centre`` (RAS mm)."""
    upright = reader(scan, Grid.cubic(reader.size, reader.spacing, centre))
    found = [reader(scan, Grid.cubic(reader.size, reader.spacing, centre, turn)) for turn in turns]
    return [Following(_distance(upright, turned), _map_difference(upright, turned)) for turned in found]


def _distance(upright: Read, turned: Read) -> float:
    return float(np.linalg.norm(turned.positions - upright.positions, axis=1).mean())


def _map_difference(upright: Read, turned: Read) -> float:
    """‖turned − upright‖ / ‖upright‖ of all maps together, the upright ones interpolated at the turned grid's points."""
    grid = turned.heatmaps.grid
    there = np.array([sample(Volume(one, upright.heatmaps.grid.ijk_to_ras, "map"), grid) for one in upright.heatmaps.values])
    return float(np.linalg.norm(turned.heatmaps.values - there) / np.linalg.norm(there))


def _told(found: Sequence[Following]) -> str:
    distance = float(np.median([one.distance for one in found]))
    return f"{distance:.2g} mm, {np.median([one.maps for one in found]):.2g}" if distance else "0 mm, 0"
