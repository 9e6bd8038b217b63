"""A volume or a whole result in one .npz file: plain arrays and JSON, nothing pickled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..detection.heatmaps import Heatmaps
from ..geometry.errors import InputError
from ..geometry.sampling import Grid
from ..geometry.volume import Volume
from ..registration.plain import plain_registration, registration_from
from ..registration.result import Registration


def save_volume(path: str | Path, volume: Volume) -> None:
    """Write a scan, uncompressed, with its position (RAS mm) and name."""
    np.savez(Path(path), voxels=volume.voxels, ijk_to_ras=volume.ijk_to_ras, name=np.array(volume.name))


def load_volume(path: str | Path) -> Volume:
    """The scan that ``save_volume`` wrote.

    Raises:
        InputError: if the file is not such an archive.
    """
    arrays = load_arrays(path)
    try:
        return Volume(arrays["voxels"], arrays["ijk_to_ras"], str(arrays["name"]))
    except KeyError as error:
        raise InputError(f"{path} is not an archive of a volume: it lacks {error}.") from error


def save_registration(path: str | Path, registration: Registration) -> None:
    """Write a result with everything in it, heatmaps included where it has them."""
    arrays = {}
    for side in ("fixed", "moving"):
        heatmaps = getattr(registration, f"{side}_heatmaps")
        if heatmaps is not None:
            arrays[f"{side}_heatmaps"] = heatmaps.values
            arrays[f"{side}_heatmaps_ijk_to_ras"] = heatmaps.grid.ijk_to_ras
    np.savez(Path(path), text=np.array(json.dumps(plain_registration(registration))), **arrays)


def load_registration(path: str | Path) -> Registration:
    """The result that ``save_registration`` wrote.

    Raises:
        InputError: if the file is not such an archive.
    """
    arrays = load_arrays(path)
    try:
        registration = registration_from(json.loads(str(arrays["text"])))
        return replace(registration, fixed_heatmaps=_heatmaps(arrays, "fixed"), moving_heatmaps=_heatmaps(arrays, "moving"))
    except (KeyError, ValueError) as error:
        raise InputError(f"{path} is not an archive of a registration: {error}.") from error


def _heatmaps(arrays: dict[str, NDArray], side: str) -> Heatmaps | None:
    values = arrays.get(f"{side}_heatmaps")
    if values is None:
        return None
    return Heatmaps(values, Grid(values.shape[1:], arrays[f"{side}_heatmaps_ijk_to_ras"]))


def load_arrays(path: str | Path) -> dict[str, NDArray]:
    """All arrays of an archive, by their names.

    Raises:
        InputError: if the file cannot be read as an archive of plain arrays.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as an archive: {error}.") from error
