"""A tracked series of the scene as a folder of files: what the command ``track`` writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from slicer.i18n import tr as _

from ..geometry.errors import InputError
from ..registration.tracking.words import options_from_words
from ..scene.series.frames import SceneSeries
from ..scene.series.track import SceneTrack


def export_track(track: SceneTrack, series: SceneSeries, folder: Path) -> Path:
    """Write transforms, the stabilised series, table, picture and report, with the person's corrections.

    Nothing is replaced: the files go into a new folder in ``folder``, which is returned.

    Raises:
        InputError: if no frame was tracked, the series was moved since, or the folder cannot be written to.
    """
    # Only now: these bring SimpleITK, which takes a while to load.
    from ..files.series.outputs import write_track
    from ..files.series.track_report import TrackingRun
    from ..registration.tracking.smoothing import smoothed

    found = track.track
    if not found.frames:
        raise InputError(_("No frame was tracked yet."))
    if not np.allclose(series.to_world, track.to_world):
        raise InputError(
            _("{name} was moved since it was tracked. Put it back, or track it again.").format(name=series.name)
        )
    asked = track.options
    options = options_from_words(
        model=asked["model"], refine=asked["refine"], device=asked["device"], reference=str(asked["reference"])
    )
    run = TrackingRun(options, track.model, asked["device"], timed=series.is_timed)
    beside = smoothed(found) if track.shows_smoothed else None
    target = _new_folder(folder, re.sub(r"[^\w.-]+", "_", series.name))
    write_track(target, series, found, run, smoothed=beside)
    return target


def _new_folder(folder: Path, name: str) -> Path:
    """A folder that is not there yet."""
    names = (f"{name} motion", *(f"{name} motion {n}" for n in range(2, 1000)))
    return next(folder / each for each in names if not (folder / each).exists())
