"""The benchmark command keeps what it has measured, and treats every method alike."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import pytest
from KeypointRegistrationLib.detection.bundle import bundle_names
from KeypointRegistrationLib.evaluation import benchmark, cost, peers, publishing, warm
from KeypointRegistrationLib.evaluation.methods import NAMES, Method, Model, code_digest, method_called, title_of
from KeypointRegistrationLib.evaluation.rows import read_rows
from KeypointRegistrationLib.evaluation.tasks import Task
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType, invert
from samples import sample_volume
from small_pair import small_pair
from tiny_model import write_tiny_bundle

RIGID, AFFINE = TransformType.RIGID, TransformType.AFFINE


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


def test_pairs_can_be_chosen_by_their_names(counting, tmp_path):
    name = small_pair(AFFINE).name
    words = ["affine", "--output", str(tmp_path), "--data", str(tmp_path), "--bins", "0", "--methods", "ours", "--only"]
    benchmark.run(arguments(*words, f"not {name}"))
    assert counting.calls == []
    benchmark.run(arguments(*words, name[1:]))
    assert counting.calls == ["ours"]


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
    benchmark.run(arguments(*words, "--methods", "centre-of-mass", "one-pass", "keypoints", "ours", "closed-form"))
    rows = read_rows(tmp_path / "rigid.csv")
    ours = ["one-pass:tiny", "keypoints:tiny", "ours:tiny", "closed-form:tiny"]
    assert [found.method for found in rows] == ["centre-of-mass", *ours]
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
