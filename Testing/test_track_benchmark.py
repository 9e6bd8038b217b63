"""The benchmark of tracking: frames are judged by their truth, rows are kept, verdicts are counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation import track_benchmark, track_cost, track_methods
from KeypointRegistrationLib.evaluation.methods import Model
from KeypointRegistrationLib.evaluation.track_benchmark import measure_tracks
from KeypointRegistrationLib.evaluation.track_rows import FrameRow, read_frame_rows, write_frame_rows
from KeypointRegistrationLib.evaluation.track_series import Case, KeptSeries
from KeypointRegistrationLib.evaluation.track_table import track_tables
from KeypointRegistrationLib.evaluation.trajectory import Liveliness
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.tracking.tracker import HeadNotFound
from phantom_series import series

ROW = FrameRow(
    series="head",
    frames=60,
    seed=0,
    simulation="0a1b2c3d",
    frame=1,
    visible=1.0,
    turned_deg=1.0,
    spread_mm=0.5,
    method="ours",
    version="1",
    status="tracked",
    trusted=True,
    refound=False,
    rotation_deg=0.5,
    centroid_mm=0.25,
    corner_mm=0.75,
    seconds=2.0,
    cpu_seconds=1.5,
)
WRONG = {"rotation_deg": 80.0, "centroid_mm": 20.0, "corner_mm": 70.0}
NOWHERE = {"rotation_deg": None, "centroid_mm": None, "corner_mm": None}
MODEL = Model("foetal-rigid")


@pytest.fixture
def case() -> Case:
    return Case("phantom", lambda frames, seed: series(Liveliness(turns=1, away=2), frames=frames, seed=seed))


@pytest.fixture
def kept(tmp_path: Path, case: Case) -> KeptSeries:
    return KeptSeries(case.make(9, 0), tmp_path)


def cell(table: str, column: str) -> str:
    """What a table says of the one method in it, under a column's title."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    for head, line in zip(lines, lines[2:], strict=False):
        if column in head:
            return line[head.index(column)]
    raise KeyError(column)


def test_the_truth_scores_nought_and_no_alignment_scores_the_motion(kept: KeptSeries):
    index = next(index for index in range(1, 9) if kept.turned(index) > 10)
    assert kept.scores(index, kept.to_reference(index)).corner_mm == pytest.approx(0, abs=1e-9)
    unaligned = kept.scores(index, np.eye(4))
    assert unaligned.rotation_deg is not None and unaligned.rotation_deg > 10
    assert unaligned.corner_mm is not None and unaligned.corner_mm > 2


def test_kept_frames_are_those_of_the_series_and_made_once(kept: KeptSeries, monkeypatch: pytest.MonkeyPatch):
    made = kept.frame(3)
    np.testing.assert_array_equal(made.voxels, kept.simulated.frame(3).voxels)
    monkeypatch.setattr(kept.simulated, "frame", lambda _: pytest.fail("made again"))
    np.testing.assert_array_equal(kept.frame(3).voxels, made.voxels)


def test_peers_see_the_whole_head_and_little_else(kept: KeptSeries):
    box, brain, scan = kept.boxed(2, 6.0), kept.simulated.brain(2), kept.frame(2)
    assert box.voxels.size < scan.voxels.size / 3
    ijk = np.argwhere(brain.voxels > 0)[:, ::-1] @ brain.ijk_to_ras[:3, :3].T + brain.ijk_to_ras[:3, 3]
    inside = ijk @ box.ras_to_ijk[:3, :3].T + box.ras_to_ijk[:3, 3]
    assert (inside > 0).all() and (inside < np.array(box.shape[::-1]) - 1).all()


def test_rows_come_back_from_their_file(tmp_path: Path):
    rows = [ROW, replace(ROW, frame=2, status="lost", trusted=False, refound=True, **NOWHERE)]
    write_frame_rows(tmp_path / "track.csv", rows)
    assert read_frame_rows(tmp_path / "track.csv") == rows


def test_another_table_is_refused(tmp_path: Path):
    path = tmp_path / "track.csv"
    path.write_text("pair,bin\na,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a table"):
        read_frame_rows(path)


def test_what_is_measured_is_not_measured_again(tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "track.csv"
    first = measure_tracks(path, [case], 9, 0, ["unaligned"], lambda _: MODEL)
    kept = read_frame_rows(path)
    assert [row.key for row in kept] == [row.key for row in first] != []
    monkeypatch.setattr(track_benchmark, "aligned", lambda *_: pytest.fail("measured again"))
    assert measure_tracks(path, [case], 9, 0, ["unaligned"], lambda _: MODEL) == kept


def test_rows_of_another_simulation_are_left_behind(tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "track.csv"
    write_frame_rows(path, [ROW])
    rows = measure_tracks(path, [case], 9, 0, ["unaligned"], lambda _: MODEL)
    assert {row.series for row in rows} == {"phantom"}


def test_a_series_whose_first_frame_shows_no_head_counts_as_lost(kept: KeptSeries, monkeypatch: pytest.MonkeyPatch):
    class Blind:
        def __init__(self, *_: object) -> None:
            pass

        def prepare(self) -> None:
            raise HeadNotFound("No head was found.")

    monkeypatch.setattr(track_methods, "Tracker", Blind)
    monkeypatch.setattr(track_methods, "Detector", lambda *_: None)
    found = list(track_methods.aligned("ours", kept, [], MODEL))
    assert [(frame.index, frame.status) for frame in found] == [(index, "lost") for index in range(1, 9)]


def test_another_model_than_the_usual_one_stands_apart():
    other = Model("unregularised")
    assert track_methods.row_name("ours", MODEL, "foetal-rigid") == "ours"
    assert track_methods.row_name("ants", other, "foetal-rigid") == "ants"
    name = track_methods.row_name("ours", other, "foetal-rigid")
    table = track_tables([ROW, replace(ROW, method=name, **WRONG)])
    assert "| ours (1) | 1 | 100 % |" in table
    assert "| unregularised (1) | 1 | 0 % |" in table


def test_verdicts_are_counted_by_what_is_true():
    rows = [
        ROW,
        replace(ROW, frame=2, trusted=False),
        replace(ROW, frame=3, trusted=False, **WRONG),
        replace(ROW, frame=4, turned_deg=60.0, **WRONG),
        replace(ROW, frame=5, status="lost", trusted=False, **NOWHERE),
        replace(ROW, frame=6, visible=0.0, status="lost", trusted=False, **NOWHERE),
        replace(ROW, frame=7, visible=0.0, **NOWHERE),
        replace(ROW, frame=8),
        replace(ROW, frame=9, spread_mm=20.0, **WRONG),
        replace(ROW, frame=10, spread_mm=20.0, trusted=False, **WRONG),
    ]
    table = track_tables(rows)
    assert cell(table, "frames") == "6"
    assert cell(table, "success") == "50 %"
    assert cell(table, "worst") == "70.0"
    assert cell(table, "right after a turn of 20° and more") == "0 of 1"
    assert cell(table, "right when in view again") == "1 of 1"
    assert cell(table, "lost though in view") == "1 of 6"
    assert cell(table, "lost or distrusted, out of view") == "1 of 2"
    assert cell(table, "lost or distrusted, torn") == "1 of 2"
    assert cell(table, "distrusted and wrong") == "1 of 5"
    assert cell(table, "distrusted but right") == "1 of 5"
    assert cell(table, "trusted but wrong") == "1 of 5"


def test_the_cost_is_told_per_frame_and_a_failed_run_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch):
    seen = []

    def process(command: list[str]) -> tuple[int, dict[str, float]]:
        frames = len(list(Path(command[1]).glob("*.nrrd")))
        seen.append(frames)
        return status, {track_cost.WHOLE: 2.0 * frames, track_cost.CPU: 1.0 * frames, track_cost.MEMORY: 0.5}

    monkeypatch.setattr(track_cost, "measured_process", process)
    monkeypatch.setattr(track_cost, "_FRAMES", (4, 6))
    status = 3
    runs = track_cost.measure(case, 0)
    assert seen == [4, 6]
    assert [run["per frame (s)"] for run in runs] == [2.0, 2.0]
    status = 2
    with pytest.raises(InputError, match="exit status 2"):
        track_cost.measure(case, 0)
