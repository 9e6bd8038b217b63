"""Measuring how well heads are followed through simulated series, beside programs that align each frame by itself."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from .methods import Model
from .metrics import Scores
from .track_methods import FoundFrame, aligned, row_name, track_version, wanted
from .track_rows import FrameRow, read_frame_rows, write_frame_rows
from .track_series import Case, KeptSeries, simulation_digest


def measure_tracks(
    path: Path, cases: Sequence[Case], frames: int, seed: int, methods: Sequence[str], model: Callable[[Case], Model]
) -> list[FrameRow]:
    """All rows of the CSV file at ``path``, after the missing ones were measured and added.

    Ours follows the head of a case by the ``model`` it is given for it.

    Raises:
        InputError: if the file is another table, or a scan is missing.
    """
    simulation = simulation_digest()
    rows = {row.key: row for row in read_frame_rows(path) if row.simulation == simulation}
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            series, own = KeptSeries(case.make(frames, seed), Path(folder)), model(case)
            for method in methods:
                version, name = track_version(method, own), row_name(method, own, case.model)
                missing = [
                    index
                    for index in wanted(method, series)
                    if (known := rows.get((case.name, frames, seed, index, name))) is None or known.version != version
                ]
                if not missing:
                    continue
                for found in aligned(method, series, missing, own):
                    row = _row(case.name, frames, seed, simulation, series, name, version, found)
                    rows[row.key] = row
                    write_frame_rows(path, list(rows.values()))
                    print(_told(row), file=sys.stderr, flush=True)
    return list(rows.values())


def _row(
    name: str, frames: int, seed: int, simulation: str, series: KeptSeries, method: str, version: str, found: FoundFrame
) -> FrameRow:
    truth = series.truth(found.index)
    scores = Scores()
    if found.moving_to_fixed is not None and truth.visible > 0:
        scores = series.scores(found.index, found.moving_to_fixed)
    return FrameRow(
        series=name,
        frames=frames,
        seed=seed,
        simulation=simulation,
        frame=found.index,
        visible=truth.visible,
        turned_deg=series.turned(found.index),
        spread_mm=truth.spread,
        method=method,
        version=version,
        status=found.status,
        trusted=found.trusted,
        refound=found.refound,
        rotation_deg=scores.rotation_deg,
        centroid_mm=scores.centroid_mm,
        corner_mm=scores.corner_mm,
        seconds=found.seconds,
        cpu_seconds=found.cpu_seconds,
    )


def _told(row: FrameRow) -> str:
    off = "" if row.corner_mm is None else f", corners {row.corner_mm:.2f} mm off"
    doubt = "" if row.trusted else ", distrusted"
    view = "" if row.in_view else ", out of view"
    return f"{row.series}, frame {row.frame}{view}, {row.method}: {row.status}{off}{doubt} ({row.seconds:.1f} s)"
