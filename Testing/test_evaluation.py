"""The benchmark measures what it says, keeps what it has measured, and treats every method alike."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import bundle_names
from KeypointRegistrationLib.evaluation import benchmark, cost, peers, warm
from KeypointRegistrationLib.evaluation.methods import METHODS, Method, code_digest
from KeypointRegistrationLib.evaluation.metrics import (
    Scores,
    box_corners,
    corner_displacement,
    dice_per_label,
    larger_regions,
    mean_dice,
    rotation_error,
    translation_error,
)
from KeypointRegistrationLib.evaluation.pairs import BINS, Pair, across_contrasts, between_people, random_pose, trial
from KeypointRegistrationLib.evaluation.rows import Row, read_rows, write_rows
from KeypointRegistrationLib.evaluation.tables import affine_table, cost_table, put_into, rigid_table
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, apply, invert, rotation_angle
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_matrix, sample_volume

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
    assert mean_dice(labels, labels, affine(np.eye(3), (0, 0, 4))) == pytest.approx(0.8)


def test_dice_follows_a_pose_that_only_the_matrix_knows():
    labels, pose = label_map(), sample_matrix(80)
    assert mean_dice(labels, labels.moved(pose), invert(pose)) > 0.98
    assert mean_dice(labels, labels.moved(pose), np.eye(4)) < 0.6


def test_only_regions_that_are_large_in_both_maps_count():
    labels = label_map()
    assert larger_regions(labels) == [7, 300]
    without = Volume(np.where(labels.voxels == 300, 0, labels.voxels), labels.ijk_to_ras)
    assert larger_regions(labels, without) == [7]
    assert mean_dice(labels, without, np.eye(4)) == 1.0


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small heads and their labels on disk."""
    import SimpleITK as sitk

    scan = sample_volume()
    for name, voxels in (("a", scan.voxels), ("b", scan.voxels * 2), ("labels", 7 * (scan.voxels > 0))):
        image = sitk.GetImageFromArray(voxels.astype(np.int16))
        lps = np.diag([-1.0, -1, 1, 1]) @ scan.ijk_to_ras
        image.SetSpacing(scan.spacing.tolist())
        image.SetDirection((lps[:3, :3] / scan.spacing).ravel().tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        sitk.WriteImage(image, str(tmp_path / f"{name}.nrrd"))
    return tmp_path


def small_pair(folder: Path, kind: TransformType) -> Pair:
    labels = folder / "labels.nrrd" if kind is AFFINE else None
    return Pair("b to a", 0, kind, folder / "a.nrrd", folder / "b.nrrd", labels, labels)


@pytest.mark.parametrize("kind", [RIGID, AFFINE])
def test_a_trial_hides_its_pose_in_the_moving_scan_and_scores_the_way_back(folder, kind):
    posed = trial(small_pair(folder, kind), 2, seed=3)
    assert 45 <= rotation_angle(posed.pose) <= 90
    perfect, nothing = posed.scores(invert(posed.pose)), posed.scores(np.eye(4))
    if kind is AFFINE:
        assert perfect.dice == pytest.approx(1, abs=0.01)
        assert nothing.dice < 0.9
        assert perfect.corner_mm is None
    else:
        assert perfect.corner_mm == pytest.approx(0, abs=1e-6)
        assert nothing.rotation_deg == pytest.approx(posed.degrees)
        assert perfect.dice is None


def test_centre_of_mass_brings_the_heads_together():
    fixed = sample_volume()
    moving = fixed.moved(affine(np.eye(3), (30, -20, 10)))
    np.testing.assert_allclose(peers.centre_of_mass(fixed, moving, RIGID)[:3, 3], (-30, 20, -10), atol=0.1)
    np.testing.assert_array_equal(peers.unaligned(fixed, moving, RIGID), np.eye(4))


@pytest.mark.parametrize("kind", [RIGID, AFFINE])
@pytest.mark.parametrize(("peer", "package"), [(peers.ants, "ants"), (peers.elastix, "itk")])
def test_peers_answers_are_read_in_the_right_direction_and_space(peer, package, kind):
    pytest.importorskip(package)
    fixed, truth = sample_volume(), sample_matrix(8, (6, -4, 5))
    found = peer(fixed, fixed.moved(invert(truth)), kind)
    # A wrong direction, composition or handedness would be further off than doing nothing.
    assert corner_displacement(found, truth, fixed.corners) < 0.5 * corner_displacement(np.eye(4), truth, fixed.corners)


def row(method: str, number: int = 0, pair: str = "b to a", **scores: float) -> Row:
    return Row(pair, number, 12.5, method, "1", 0, 3.25, 6.5, Scores(**scores))


def test_rows_survive_the_file(tmp_path):
    rows = [row("ants", dice=0.5), row("ours", 2, corner_mm=0.31, rotation_deg=0.2, translation_mm=0.1)]
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    assert read_rows(tmp_path / "none.csv") == []


def test_a_file_that_is_no_such_table_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("name,age\nAnna,7\n")
    with pytest.raises(InputError, match="not a table of this benchmark"):
        read_rows(tmp_path / "rows.csv")


def test_a_failure_is_a_dice_below_that_of_the_centres_of_mass_of_the_same_pair():
    rows = [row("centre-of-mass", dice=0.3), row("ours", dice=0.6), row("ants", dice=0.2), row("elastix")]
    rows += [row("centre-of-mass", 1, dice=0.1), row("ants", 1, dice=0.2)]
    lines = {line.split("|")[1].strip(): line for line in affine_table(rows).splitlines() if line.startswith("|")}
    assert "0.600 / 0.600, 0 of 1" in lines["ours"]
    assert "0.200 / 0.200, 1 of 1 | 0.200 / 0.200, 0 of 1 | – |" in lines["ANTs"]
    assert "none (1 failed)" in lines["elastix"]
    assert "3.2 | 6.5 |" in lines["ours"]


def test_rigid_table_tells_median_worst_and_failures():
    rows = [row("ours", pair=name, corner_mm=error) for name, error in (("a", 0.2), ("b", 0.4), ("c", 9.0))]
    assert "0.40 / 9.00, 1 of 3" in rigid_table(rows)
    assert "inf, 1 of 1" in rigid_table([row("ants")])


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
    for name in ("affine", "rigid", "cost", "warm"):
        put_into(copy, name, "a table")
    assert copy.read_text(encoding="utf-8").count("a table") == 4


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
            Method("centre-of-mass", "centre of mass", lambda: "1", peers.centre_of_mass),
            Method("ants", "ANTs", lambda: "1", giving_up),
            Method("ours", "ours", lambda: self.version, perfect),
        ]
        return {method.name: method for method in chosen}


@pytest.fixture
def counting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(benchmark, "METHODS", counting.methods())
    for name, kind in (("affine", AFFINE), ("rigid", RIGID)):
        monkeypatch.setitem(benchmark._PAIRS, name, lambda data, kind=kind: [small_pair(data, kind)])
    return counting


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("what", ["affine", "rigid"])
def test_a_stopped_benchmark_measures_only_what_is_missing(counting, folder, tmp_path, what):
    words = [what, "--output", str(tmp_path / "out"), "--data", str(folder)]
    assert benchmark.run(arguments(*words, "--methods", "ours")) == 0
    assert counting.calls == ["ours"] * 3
    assert benchmark.run(arguments(*words)) == 0
    assert counting.calls == ["ours"] * 3 + ["ants"] * 3
    assert benchmark.run(arguments(*words)) == 0
    assert len(counting.calls) == 6
    rows = read_rows(tmp_path / "out" / f"{what}.csv")
    assert len(rows) == 9
    assert all("outside moving image" in found.error for found in rows if found.method == "ants")
    counting.version = "2"
    benchmark.run(arguments(*words))
    assert counting.calls[6:] == ["ours"] * 3
    assert len(read_rows(tmp_path / "out" / f"{what}.csv")) == 9


def test_the_perfect_method_is_perfect_and_the_table_is_printed_written_and_put_into_the_page(
    counting, folder, tmp_path, capsys
):
    page = tmp_path / "page.md"
    page.write_text("<!-- begin rigid -->\n<!-- end rigid -->\n")
    output = tmp_path / "out"
    benchmark.run(arguments("rigid", "--output", str(output), "--data", str(folder), "--document", str(page)))
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


def test_a_failed_run_has_no_cost(tmp_path):
    with pytest.raises(InputError, match="failed with exit status 2"):
        cost.measure(tmp_path / "none.nii", tmp_path / "none.nii")


def test_every_method_has_a_title_and_a_version():
    assert len({method.title for method in METHODS.values()}) == len(METHODS)
    for name in ("unaligned", "centre-of-mass"):
        assert METHODS[name].version() == "1"


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
        assert METHODS["ours"].version().endswith(code_digest())


def test_without_a_usual_folder_the_scans_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "_DATA", tmp_path / "absent")
    with pytest.raises(InputError, match="Give the folder of the scans with --data"):
        benchmark.run(arguments("affine", "--output", str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(benchmark, "_DATA", tmp_path)
    assert arguments("affine", "--output", str(tmp_path / "out")).data == tmp_path


def test_real_pairs_are_twelve_ordered_ones_each(shared_data):
    people, contrasts = between_people(shared_data), across_contrasts(shared_data)
    for pairs in (people, contrasts):
        assert len({pair.name for pair in pairs}) == 12
        assert [pair.number for pair in pairs] == list(range(12))
        assert all(pair.fixed != pair.moving for pair in pairs)
    assert all(pair.fixed_labels is not None for pair in people)
    assert all(pair.fixed_labels is None for pair in contrasts)
