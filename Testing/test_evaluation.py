"""The benchmark measures what it says, keeps what it has measured, and treats every method alike."""

from __future__ import annotations

import argparse
import csv
import re
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import bundle_names
from KeypointRegistrationLib.evaluation import benchmark, cost, multistart, peers, publishing, warm
from KeypointRegistrationLib.evaluation.methods import NAMES, Method, Model, code_digest, method_called, title_of
from KeypointRegistrationLib.evaluation.metrics import (
    Scores,
    box_corners,
    corner_displacement,
    dice_per_label,
    equitrack_errors,
    larger_regions,
    rotation_error,
    translation_error,
)
from KeypointRegistrationLib.evaluation.paired import compare
from KeypointRegistrationLib.evaluation.pairs import Pair, Scans, trial
from KeypointRegistrationLib.evaluation.poses import BINS, euler_pose, random_pose
from KeypointRegistrationLib.evaluation.rows import Row, read_rows, write_rows
from KeypointRegistrationLib.evaluation.surfaces import hausdorff_95, surface_points
from KeypointRegistrationLib.evaluation.tables import cost_table, grouped, label_tables, motion_tables, put_into
from KeypointRegistrationLib.evaluation.tasks import TASKS, Task
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert, rotation_angle
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix, sample_volume
from scipy.spatial.transform import Rotation
from tiny_model import write_tiny_bundle

RIGID, AFFINE = TransformType.RIGID, TransformType.AFFINE


def label_map() -> Volume:
    """Two boxes of 8000 mm³ (labels 7 and 300) and one of 64 mm³ (label 9), 2 mm voxels."""
    labels = np.zeros((30, 30, 30), dtype=np.uint16)
    labels[5:15, 5:15, 5:15] = 7
    labels[5:15, 5:15, 16:26] = 300
    labels[20:22, 20:22, 20:22] = 9
    return Volume(labels, affine(2 * np.eye(3), (-30, -30, -30)), "labels")


def test_dice_is_one_for_itself_and_falls_as_boxes_slide_apart():
    labels = label_map()
    assert dice_per_label(labels, labels, np.eye(4)) == {7: 1.0, 9: 1.0, 300: 1.0}
    slid = dice_per_label(labels, labels, affine(np.eye(3), (0, 0, 4)))  # 2 of 10 slices
    assert slid[7] == pytest.approx(0.8)
    assert slid[9] == 0


def test_dice_follows_a_pose_that_only_the_matrix_knows():
    labels, pose = label_map(), sample_matrix(80)
    assert dice_per_label(labels, labels.moved(pose), invert(pose))[7] > 0.98
    assert dice_per_label(labels, labels.moved(pose), np.eye(4))[7] < 0.6


def test_the_hausdorff_distance_is_in_mm_whatever_the_voxels():
    labels = label_map()
    for spacing in ((2, 2, 2), (1, 3, 5)):
        boxes = Volume(labels.voxels, sample_matrix(30) @ np.diag([*spacing, 1.0]), "boxes")
        surface = surface_points(boxes)[300]
        assert len(surface) == 10**3 - 8**3
        assert hausdorff_95(surface, surface, np.eye(4)) == 0
        along = boxes.ijk_to_ras[:3, 2] / spacing[2]  # slid along K by 1.5 mm: nothing of the box's end is nearer
        assert hausdorff_95(surface, surface, affine(np.eye(3), 1.5 * along)) == pytest.approx(1.5, abs=1e-9)


def test_a_few_stray_voxels_do_not_set_the_hausdorff_distance():
    labels = label_map()
    stray = labels.voxels.copy()
    stray[28, 28, 28] = 300
    surface, with_stray = (surface_points(Volume(v, labels.ijk_to_ras))[300] for v in (labels.voxels, stray))
    assert hausdorff_95(surface, with_stray, np.eye(4)) == 0


def test_structures_next_to_each_other_have_surfaces_where_they_touch():
    voxels = np.zeros((6, 6, 6), dtype=np.uint8)
    voxels[1:5, 1:5, 1:3], voxels[1:5, 1:5, 3:5] = 1, 2
    surfaces = surface_points(Volume(voxels, np.eye(4)))
    assert {label: len(points) for label, points in surfaces.items()} == {1: 32, 2: 32}


def test_only_regions_that_are_large_in_both_maps_count():
    labels = label_map()
    assert larger_regions(labels) == [7, 300]
    without = Volume(np.where(labels.voxels == 300, 0, labels.voxels), labels.ijk_to_ras)
    assert larger_regions(labels, without) == [7]


def test_errors_against_a_known_pose():
    truth = sample_matrix(40)
    corners = box_corners(label_map())
    assert corner_displacement(truth, truth, corners) == pytest.approx(0, abs=1e-9)
    shifted = affine(np.eye(3), (0, 3, 4)) @ truth
    assert corner_displacement(shifted, truth, corners) == pytest.approx(5)
    assert rotation_error(shifted, truth) == pytest.approx(0, abs=1e-5)
    turned = sample_matrix(6, (0, 0, 0)) @ truth
    assert rotation_error(turned, truth) == pytest.approx(6)
    assert translation_error(turned, truth, (0, 0, 0)) == pytest.approx(0, abs=1e-9)
    assert translation_error(shifted, truth, (50, 60, 70)) == pytest.approx(5)


def test_equitracks_errors_are_about_the_grids_own_axes_centre_and_voxels():
    grid = Grid((30, 40, 50), sample_matrix(50, (70, 5, 9)) @ np.diag([2.0, 2.0, 4.0, 1]))
    axes = affine(grid.ijk_to_ras[:3, :3] / grid.spacing, np.zeros(3))
    middle = apply(grid.ijk_to_ras, [(24.5, 19.5, 14.5)])[0]

    def motion(angles, voxels):
        turn = axes @ affine(Rotation.from_euler("XYZ", angles, degrees=True).as_matrix(), np.zeros(3)) @ invert(axes)
        shift = axes[:3, :3] @ (np.array(voxels) * grid.spacing)
        return affine(turn[:3, :3], middle - turn[:3, :3] @ middle + shift)

    euler, shift = equitrack_errors(motion((13, -24, 36), (1, 2, 6)), motion((10, -20, 31), (0, 0, 0)), grid)
    assert euler == pytest.approx((3 + 4 + 5) / 3)
    assert shift == pytest.approx(3)
    euler, _ = equitrack_errors(motion((179, 0, 0), (0, 0, 0)), motion((-179, 0, 0), (0, 0, 0)), grid)
    assert euler == pytest.approx(2 / 3)


def test_brain_box_is_that_of_the_voxels_above_zero():
    corners = box_corners(label_map())
    np.testing.assert_allclose(corners.min(axis=0), (-20, -20, -20))
    np.testing.assert_allclose(corners.max(axis=0), (20, 12, 12))


@pytest.mark.parametrize("number", range(len(BINS)))
def test_random_poses_lie_in_their_bin_and_come_back_with_their_seed(number):
    centre = np.array([10.0, -20, 30])
    for seed in range(20):
        pose, degrees = random_pose(np.random.default_rng(seed), BINS[number], centre)
        assert BINS[number][0] <= degrees <= BINS[number][1]
        assert rotation_angle(pose) == pytest.approx(degrees, abs=1e-6)
        assert np.abs(apply(pose, centre) - centre).max() <= 20
        again, _ = random_pose(np.random.default_rng(seed), BINS[number], centre)
        np.testing.assert_array_equal(pose, again)


@pytest.mark.parametrize("number", range(len(BINS)))
def test_poses_as_equitrack_draws_them_turn_at_most_90_degrees_about_each_axis(number):
    for seed in range(10):
        pose, degrees = euler_pose(np.random.default_rng(seed), BINS[number], np.zeros(3))
        assert BINS[number][0] <= degrees <= BINS[number][1]
        assert rotation_angle(pose) == pytest.approx(degrees, abs=1e-6)
        assert np.abs(Rotation.from_matrix(pose[:3, :3]).as_euler("XYZ", degrees=True)).max() <= 90


def small_pair(kind: TransformType) -> Pair:
    """A head and a brighter copy: labelled for an affine alignment, in one space for a rigid one."""

    def read(_rng: np.random.Generator) -> Scans:
        head = sample_volume()
        brighter = replace(head, voxels=head.voxels * 2)
        labels = replace(head, voxels=7 * (head.voxels > 0))
        return Scans(head, brighter, labels, labels) if kind is AFFINE else Scans(head, brighter, truth=np.eye(4))

    return Pair("b to a", 0, kind, read)


@pytest.mark.parametrize("kind", [RIGID, AFFINE])
def test_a_trial_hides_its_pose_in_the_moving_scan_and_scores_the_way_back(kind):
    posed = trial(small_pair(kind), 2, seed=3)
    assert 45 <= rotation_angle(posed.pose) <= 90
    perfect, nothing = (posed.scores(matrix, posed.structures(matrix)) for matrix in (invert(posed.pose), np.eye(4)))
    if kind is AFFINE:
        assert perfect.dice == pytest.approx(1, abs=0.01)
        assert perfect.hd95_mm == pytest.approx(0, abs=1e-6)
        assert nothing.dice < 0.9
        assert nothing.hd95_mm > 5
        assert perfect.corner_mm is None
        assert list(posed.structures(np.eye(4))) == [7]
    else:
        errors = (perfect.corner_mm, perfect.centroid_mm, perfect.equitrack_euler_deg, perfect.equitrack_shift_voxels)
        assert errors == pytest.approx((0, 0, 0, 0), abs=1e-6)
        assert nothing.rotation_deg == pytest.approx(posed.degrees)
        assert perfect.dice is None
        assert posed.structures(np.eye(4)) == {}


def test_scans_that_are_not_in_one_space_keep_their_own_truth():
    offset = sample_matrix(5, (10, 0, 0))

    def read(_rng: np.random.Generator) -> Scans:
        return Scans(sample_volume(), sample_volume().moved(invert(offset)), truth=offset)

    posed = trial(Pair("a", 0, RIGID, read), 1, seed=0)
    assert posed.scores(offset @ invert(posed.pose), {}).corner_mm == pytest.approx(0, abs=1e-6)


def test_centre_of_mass_brings_the_heads_together():
    fixed = sample_volume()
    moving = fixed.moved(affine(np.eye(3), (30, -20, 10)))
    np.testing.assert_allclose(peers.centre_of_mass(fixed, moving, RIGID)[:3, 3], (-30, 20, -10), atol=0.1)
    np.testing.assert_array_equal(peers.unaligned(fixed, moving, RIGID), np.eye(4))


@pytest.mark.parametrize("kind", [RIGID, AFFINE])
@pytest.mark.parametrize(
    ("peer", "package"),
    [(peers.ants, "ants"), (peers.elastix, "itk"), (peers.greedy, "picsl_greedy"), (multistart.register, "SimpleITK")],
)
def test_peers_answers_are_read_in_the_right_direction_and_space(peer, package, kind):
    pytest.importorskip(package)
    fixed, truth = sample_volume(), sample_matrix(8, (6, -4, 5))
    found = peer(fixed, fixed.moved(invert(truth)), kind)
    # A wrong direction, composition or handedness would be further off than doing nothing.
    assert corner_displacement(found, truth, fixed.corners) < 0.5 * corner_displacement(np.eye(4), truth, fixed.corners)


def test_several_starts_find_a_head_that_is_turned_far():
    turn = Rotation.from_euler("z", 100, degrees=True).as_matrix()
    fixed, truth = sample_volume(), affine(turn, (6, -4, 5))
    found = multistart.register(fixed, fixed.moved(invert(truth)), RIGID)
    assert corner_displacement(found, truth, fixed.corners) < 0.2 * corner_displacement(np.eye(4), truth, fixed.corners)


def row(method: str, number: int = 0, pair: str = "b to a", **scores: float) -> Row:
    return Row(pair, number, 12.5, method, "1", 0, 3.25, 6.5, Scores(**scores))


def test_rows_survive_the_file(tmp_path):
    rows = [row("ants", dice=0.5), row("ours", 2, corner_mm=0.31, rotation_deg=0.2, centroid_mm=0.1)]
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert read_rows(tmp_path / "none.csv") == []


def test_rows_of_an_older_file_are_read_without_the_scores_it_has_not(tmp_path):
    write_rows(tmp_path / "rows.csv", [row("ants", dice=0.5)])
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    keep = lines[0].split(",").index("hd95_mm")
    (tmp_path / "old.csv").write_text("\n".join(",".join(line.split(",")[:keep]) for line in lines) + "\n")
    assert read_rows(tmp_path / "old.csv") == [row("ants", dice=0.5)]


def test_a_file_that_is_no_such_table_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("name,age\nAnna,7\n")
    with pytest.raises(InputError, match="not a table of this benchmark"):
        read_rows(tmp_path / "rows.csv")


def first_table(text: str) -> list[str]:
    """The lines of the first table in a text."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    return list(takewhile(lambda line: line.startswith("|"), lines[start:]))


def test_a_failure_is_a_dice_below_the_best_of_the_centres_of_mass_of_the_same_pair():
    rows = [row("centre-of-mass", dice=0.3), row("ours", dice=0.6), row("ants", dice=0.2), row("elastix")]
    rows += [row("centre-of-mass", 1, dice=0.1), row("ants", 1, dice=0.4)]
    rows += [row("elastix", 2, dice=0.2), row("centre-of-mass", 2, pair="c to a", dice=0.9)]
    lines = {line.split("|")[1].strip(): line for line in first_table(label_tables(rows))}
    assert "0.600 / 0.600, 0 of 1" in lines["ours"]
    assert "0.200 / 0.200, 1 of 1 | 0.400 / 0.400, 0 of 1 | – | – |" in lines["ANTs"]
    assert "none (1 failed)" in lines["elastix"]
    assert "3.2 | 6.5 |" in lines["ours"]


def test_rigid_table_tells_median_worst_and_failures():
    rows = [row("ours", pair=name, corner_mm=error) for name, error in (("a", 0.2), ("b", 0.4), ("c", 9.0))]
    assert "0.40 / 9.00, 1 of 3" in motion_tables(rows)
    assert "inf, 1 of 1" in motion_tables([row("ants")])


def test_all_rotations_together_tell_success_and_only_scores_that_every_row_has():
    rows = [row("ours", number, corner_mm=error, rotation_deg=0.5) for number, error in ((0, 1.0), (1, 2.0), (2, 3.0))]
    rows += [row("ours", 3, corner_mm=50.0), row("ants", corner_mm=1.0), replace(row("ants", 1), error="gave up")]
    lines = {line.split("|")[1].strip(): line for line in motion_tables(rows).splitlines() if "%" in line}
    assert lines["ours"] == "| ours | 4 | 75 % | – | – | 2.500 | – | – |"
    assert lines["ANTs"] == "| ANTs | 2 | 50 % | – | – | 1.000 | – | – |"


def test_ours_is_compared_with_ants_pair_by_pair():
    rows = [row("ants", pair=str(number), dice=0.5 + 0.01 * number) for number in range(10)]
    rows += [row("ours", pair=str(number), dice=0.522 + 0.011 * number) for number in range(10)]
    rows += [row("ours", pair="alone", dice=0.9), row("ants", pair="failed"), row("ours", pair="failed", dice=0.9)]
    found = compare(rows, "ours", "ants", "dice")
    assert (found.count, found.median) == (10, pytest.approx(0.0265))
    assert found.p == pytest.approx(2 / 2**10)  # all of one sign: the exact probability
    assert re.search(r"\| ours \| 0–15° \| 10 \| \+0\.02[67] \| 0\.002 \|", label_tables(rows))
    assert compare(rows, "ours", "elastix", "dice") is None
    assert compare([*rows[:3], *(replace(r, method="ours") for r in rows[:3])], "ours", "ants", "dice").p == 1


def test_groups_of_pairs_have_tables_of_their_own():
    rows = [row("ours", pair="a", dice=0.5), row("ours", pair="b", dice=0.7)]
    text = grouped(rows, {"a": "within", "b": "across"}, label_tables)
    within, across = text.split("*Across*")
    assert within.startswith("*Within*")
    assert "0.500 / 0.500" in within
    assert "0.700 / 0.700" in across
    assert grouped(rows, {"a": "", "b": ""}, label_tables) == label_tables(rows)


def test_cost_table_has_a_column_per_run():
    table = cost_table([{"run": "without", "detect (s)": 1.25}, {"run": "with", "detect (s)": 1.5, "refine (s)": 7.0}])
    assert table.splitlines()[0] == "|  | without | with |"
    assert "| refine (s) | – | 7.0 |" in table


def test_a_table_replaces_only_what_stands_between_its_markers(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- begin affine -->\nold\n<!-- end affine -->\nafter\n")
    for text in ("new", "newer"):
        put_into(document, "affine", text)
    assert document.read_text() == "before\n<!-- begin affine -->\n\nnewer\n\n<!-- end affine -->\nafter\n"
    with pytest.raises(InputError, match="begin rigid"):
        put_into(document, "rigid", "table")
    with pytest.raises(InputError, match="no place"):
        put_into(tmp_path / "absent.md", "affine", "table")


def test_the_page_in_the_repository_has_a_place_for_every_table(tmp_path):
    page = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
    copy = tmp_path / "page.md"
    copy.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    names = [*TASKS, "cost", "warm"]
    for name in names:
        put_into(copy, name, "a table of this test")
    assert copy.read_text(encoding="utf-8").count("a table of this test") == len(names)


class Counting:
    """Methods that count how often they are asked; one of them always gives up."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.version = "1"

    def methods(self) -> dict[str, Method]:
        def perfect(_fixed, moving, _kind):
            self.calls.append("ours")
            return sample_volume().ijk_to_ras @ invert(moving.ijk_to_ras)

        def giving_up(*_arguments):
            self.calls.append("ants")
            raise RuntimeError("All samples map outside moving image buffer.")

        chosen = [
            Method("centre-of-mass", title_of("centre-of-mass"), lambda: "1", peers.centre_of_mass),
            Method("ants", title_of("ants"), lambda: "1", giving_up),
            Method("ours", title_of("ours"), lambda: self.version, perfect),
        ]
        return {method.name: method for method in chosen}


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(benchmark, "method_called", lambda name, *_: counting.methods()[name])
    for name, kind in (("affine", AFFINE), ("rigid", RIGID)):
        task = Task(name, "", lambda data, kind=kind: [small_pair(kind)], known_motion=kind is RIGID)
        monkeypatch.setitem(benchmark.TASKS, name, task)
    return counting


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("what", ["affine", "rigid"])
def test_a_stopped_benchmark_measures_only_what_is_missing(counting, tmp_path, what):
    words = [what, "--output", str(tmp_path / "out"), "--data", str(tmp_path), "--methods"]
    everything = ["centre-of-mass", "ants", "ours"]
    assert benchmark.run(arguments(*words, "ours", "--bins", "1", "3")) == 0
    assert counting.calls == ["ours"] * 2
    assert benchmark.run(arguments(*words, "ours")) == 0
    assert counting.calls == ["ours"] * 4
    assert benchmark.run(arguments(*words, *everything)) == 0
    assert counting.calls == ["ours"] * 4 + ["ants"] * 4
    assert benchmark.run(arguments(*words, *everything)) == 0
    assert len(counting.calls) == 8
    rows = read_rows(tmp_path / "out" / f"{what}.csv")
    assert len(rows) == 12
    assert all("outside moving image" in found.error for found in rows if found.method == "ants")
    counting.version = "2"
    benchmark.run(arguments(*words, *everything))
    assert counting.calls[8:] == ["ours"] * 4
    assert len(read_rows(tmp_path / "out" / f"{what}.csv")) == 12


def test_structures_are_written_beside_the_rows(counting, tmp_path):
    words = ["affine", "--output", str(tmp_path), "--data", str(tmp_path), "--bins", "0", "--methods"]
    benchmark.run(arguments(*words, "ours"))
    benchmark.run(arguments(*words, "ours", "centre-of-mass"))
    with (tmp_path / "affine-structures.csv").open() as stream:
        records = list(csv.DictReader(stream))
    assert [(record["method"], record["label"]) for record in records] == [("ours", "7"), ("centre-of-mass", "7")]
    assert float(records[0]["hd95_mm"]) == pytest.approx(0, abs=1e-4)


def test_a_model_of_ones_own_is_measured_beside_the_tasks_own(tmp_path, monkeypatch):
    write_tiny_bundle(tmp_path / "models")
    monkeypatch.setitem(benchmark.TASKS, "rigid", Task("rigid", "", lambda data: [small_pair(RIGID)]))
    words = ["rigid", "--output", str(tmp_path), "--data", str(tmp_path), "--bins", "0"]
    words += ["--model", "tiny", "--models-folder", str(tmp_path / "models")]
    benchmark.run(arguments(*words, "--methods", "centre-of-mass", "one-pass", "keypoints", "ours"))
    rows = read_rows(tmp_path / "rigid.csv")
    assert [found.method for found in rows] == ["centre-of-mass", "one-pass:tiny", "keypoints:tiny", "ours:tiny"]
    assert all(found.scores.corner_mm is not None for found in rows)
    assert "| tiny, without refinement (" in (tmp_path / "rigid.md").read_text()


def test_the_perfect_method_is_perfect_and_the_table_is_printed_written_and_put_into_the_page(counting, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin rigid -->\n<!-- end rigid -->\n")
    output = tmp_path / "out"
    words = ["rigid", "--output", str(output), "--data", str(tmp_path), "--document", str(page)]
    benchmark.run(arguments(*words, "--methods", "centre-of-mass", "ours"))
    table = (output / "rigid.md").read_text()
    assert "| ours | 0.00 / 0.00, 0 of 1 |" in table
    assert table.strip() in capsys.readouterr().out
    assert table.strip() in page.read_text()
    assert counting.calls


def test_missing_scans_are_a_sentence(tmp_path):
    with pytest.raises(InputError, match="--data"):
        benchmark.run(arguments("affine", "--output", str(tmp_path), "--data", str(tmp_path / "nowhere")))
    with pytest.raises(InputError, match="holds 0 files"):
        benchmark.run(arguments("affine", "--output", str(tmp_path), "--data", str(tmp_path), "--methods", "unaligned"))


def test_a_kept_process_is_measured_against_its_own_first_run(tmp_path):
    if "brain-affine" not in bundle_names():
        pytest.skip("needs a model bundle in Resources/Models")
    paths = [tmp_path / f"{seed}.nii.gz" for seed in range(3)]
    for seed, path in enumerate(paths):
        write_nifti(path, sample_volume(seed=seed))
    rows = warm.measure(*paths)
    assert [row["run"] for row in rows] == ["first run", "same fixed scan", "both scans again"]
    assert rows[0]["keypoints, relative to the first"] == 1.0
    assert rows[2]["keypoints (s)"] == pytest.approx(rows[2]["keypoints, relative to the first"] * rows[0]["keypoints (s)"])


def test_costs_are_told_relative_to_ants_in_the_same_run(monkeypatch):
    def process(command: list[str]) -> tuple[int, dict[str, float]]:
        if "--output" not in command:
            return 0, {"whole process (s)": 50.0, "processor time (s)": 80.0, "peak memory (GB)": 2.0}
        folder = Path(command[command.index("--output") + 1])
        (folder / "report.json").write_text('{"seconds": {"detect": 3.0}}')
        return 0, {"whole process (s)": 10.0, "processor time (s)": 8.0, "peak memory (GB)": 1.0}

    monkeypatch.setattr(cost, "measured_process", process)
    without, refined, reference = cost.measure(Path("a.nii"), Path("b.nii"))
    for run in (without, refined):
        assert run["processor time, relative to ANTs"] == pytest.approx(0.1)
        assert run["peak memory, relative to ANTs"] == pytest.approx(0.5)
        assert run["detect (s)"] == 3.0
    assert reference["processor time, relative to ANTs"] == 1


def test_a_failed_run_has_no_cost(tmp_path):
    with pytest.raises(InputError, match="failed with exit status 2"):
        cost.measure(tmp_path / "none.nii", tmp_path / "none.nii")


def test_every_method_has_a_title_and_a_version():
    assert len({title_of(name) for name in NAMES}) == len(NAMES)
    for name in ("unaligned", "centre-of-mass"):
        assert method_called(name, Model("brain-affine"), "brain-affine").version() == "1"
    assert method_called("ours", Model("other"), "brain-affine").title == "other"


def test_rows_of_other_code_are_other_rows(tmp_path):
    for room in ("detection", "geometry", "registration", "panel"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_bytes(b"x = 1\ny = 2\n")
    first = code_digest(tmp_path)
    (tmp_path / "panel" / "a.py").write_text("x = 2\n")
    (tmp_path / "geometry" / "a.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    assert code_digest(tmp_path) == first
    (tmp_path / "geometry" / "a.py").write_text("x = 3\n")
    assert code_digest(tmp_path) != first
    if "brain-affine" in bundle_names():
        version = method_called("ours", Model("brain-affine"), "brain-affine").version()
        assert version.endswith(code_digest())


def test_without_a_usual_folder_the_scans_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "_DATA", tmp_path / "absent")
    with pytest.raises(InputError, match="Give the folder of the scans with --data"):
        benchmark.run(arguments("affine", "--output", str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(publishing, "_DATA", tmp_path)
    assert arguments("affine", "--output", str(tmp_path / "out")).data == tmp_path
