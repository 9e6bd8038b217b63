"""A result on disk: everything that ``register`` leaves in its folder, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..geometry.transforms import invert, ras_to_lps
from ..geometry.volume import Volume
from ..registration.result import Registration
from .heatmaps import write_heatmaps
from .markups import markups_text
from .nifti import write_nifti
from .page import Story, page
from .picture import before_after, overview
from .placing import ResultSet
from .png import png_bytes
from .report import keypoints_table, report, report_text
from .resampling import resampled

REPORT, TRANSFORM, MOVED, OVERVIEW, TABLE = "report.json", "transform.tfm", "moved.nii.gz", "overview.png", "keypoints.csv"
PAGE, BEFORE_AFTER = "page.html", "before_after.png"
FIXED_KEYPOINTS, MOVING_KEYPOINTS = "fixed_keypoints.mrk.json", "moving_keypoints.mrk.json"
FIXED_HEATMAPS, MOVING_HEATMAPS = "fixed_heatmaps.seq.nrrd", "moving_heatmaps.seq.nrrd"
_DATA = (TRANSFORM, MOVED, FIXED_KEYPOINTS, MOVING_KEYPOINTS, TABLE, FIXED_HEATMAPS, MOVING_HEATMAPS)
_RESULTS = ResultSet((*_DATA, OVERVIEW, BEFORE_AFTER, PAGE, REPORT))


def check_folder(folder: str | Path, inputs: Iterable[Path] = ()) -> None:
    """See whether results can be written into ``folder``, and change nothing: better known before the work than after.

    Raises:
        InputError: if it is not a folder, nothing can be written there, a result's name is taken by a folder, or a result
            would replace one of the ``inputs``.
    """
    _RESULTS.check_folder(folder, inputs)


def earlier_results(folder: str | Path) -> list[str]:
    """The names of files in ``folder`` that ``write_outputs`` would replace or remove."""
    return _RESULTS.earlier(folder)


def write_outputs(
    folder: str | Path,
    fixed: Volume,
    moving: Volume,
    registration: Registration,
    *,
    load_seconds: float = 0.0,
    started: float | None = None,
    story: Story | None = None,
) -> dict:
    """Write all files of one registration into ``folder`` and return the content of report.json.

    The files are written aside first and put in place together once all are whole, the report last, replacing those of an
    earlier run.  The maps are written where the result has them.  ``started`` is the ``time.perf_counter()`` at which the
    whole run began, for the total in the report; ``story`` is for the page.

    Raises:
        InputError: if the folder cannot be written to or the disk is full.  What was in the folder is then as it was; if the
            disk refuses even that, the sentence says where it is.
    """
    begun = time.perf_counter()
    with _RESULTS.written_into(folder) as aside:
        _write_data(aside, fixed, moving, registration)
        _write_pictures(aside, fixed, moving, registration, story)
        now = time.perf_counter()
        seconds = {"load": load_seconds, "write": now - begun}
        seconds["total"] = now - (begun - load_seconds - sum(registration.seconds.values()) if started is None else started)
        content = report(fixed, moving, registration, seconds)
        _write_text(aside / REPORT, report_text(content))
    return content


def transform_text(moving_to_fixed: NDArray[np.float64]) -> str:
    """The alignment as the text of an ITK transform file, which holds the other direction: fixed → moving, in LPS (mm)."""
    fixed_to_moving = ras_to_lps(invert(moving_to_fixed))
    numbers = [*fixed_to_moving[:3, :3].ravel(), *fixed_to_moving[:3, 3]]
    return (
        "#Insight Transform File V1.0\n"
        "# Takes points of the fixed scan to the moving scan (LPS, mm). Slicer shows it as moving to fixed.\n"
        "#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {' '.join(f'{number:.17g}' for number in numbers)}\nFixedParameters: 0 0 0\n"
    )


def _write_data(folder: Path, fixed: Volume, moving: Volume, registration: Registration) -> None:
    _write_text(folder / TRANSFORM, transform_text(registration.moving_to_fixed))
    _write_text(folder / FIXED_KEYPOINTS, markups_text(registration, "fixed"))
    _write_text(folder / MOVING_KEYPOINTS, markups_text(registration, "moving"))
    _write_text(folder / TABLE, keypoints_table(registration))
    write_nifti(folder / MOVED, resampled(fixed, moving, registration.moving_to_fixed))
    labels = registration.fixed_keypoints.labels  # those a person has added come last, and have no maps
    for name, maps in ((FIXED_HEATMAPS, registration.fixed_heatmaps), (MOVING_HEATMAPS, registration.moving_heatmaps)):
        if maps is not None:
            write_heatmaps(folder / name, maps, labels[: len(maps.values)])


def _write_pictures(folder: Path, fixed: Volume, moving: Volume, registration: Registration, story: Story | None) -> None:
    """The pictures, and the page that has them inside."""
    pictures = {
        BEFORE_AFTER: "Both scans over each other: fixed magenta, moving green, grey where they agree.",
        OVERVIEW: "Both scans in three planes, with the keypoints.",
    }
    for name, draw in ((BEFORE_AFTER, before_after), (OVERVIEW, overview)):
        (folder / name).write_bytes(png_bytes(draw(fixed, moving, registration)))
    inside = [(caption, (folder / name).read_bytes()) for name, caption in pictures.items()]
    _write_text(folder / PAGE, page(fixed, moving, registration, inside, story))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
