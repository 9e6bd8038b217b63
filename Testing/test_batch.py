"""Many pairs at once: one folder and one row of the table for each, whatever becomes of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from KeypointRegistrationLib.__main__ import main
from KeypointRegistrationLib.commands import batch, engines
from KeypointRegistrationLib.commands.cohort import Engine, Run, RunStatus, run_all, unique_names
from KeypointRegistrationLib.commands.engines import LOG, dask_cluster, local_processes, this_program
from KeypointRegistrationLib.commands.progress import time_left
from KeypointRegistrationLib.files.report import report
from KeypointRegistrationLib.files.tables import read_table
from KeypointRegistrationLib.geometry.errors import InputError
from samples import sample_registration, sample_volume
from worker_scripts import is_alive

#: Stands in for this package's command line: does what its only argument says in Python.
PROGRAM = (sys.executable, "-c", "import sys; exec(sys.argv[1])")


def run_of(name: str, text: str, folder: Path) -> Run:
    return Run(name, folder / name, (text,), {"fixed": f"{name}.nii"})


def ends_with(code: int, said: str = "") -> str:
    return f"print('Results'); print({said!r}, file=sys.stderr); sys.exit({code})"


ENDS = {
    "well": (ends_with(0), RunStatus.DONE, ""),
    "untrusted": (ends_with(3, "No trust."), RunStatus.NOT_TRUSTED, "No trust."),
    "refused": (ends_with(2, "Stage\nhead.nii is empty."), RunStatus.FAILED, "head.nii is empty."),
    "silent": ("sys.exit(1)", RunStatus.FAILED, "It ended without a word."),
    "killed": ("import os; os.kill(os.getpid(), 9)", RunStatus.FAILED, "It was ended from outside (signal 9)."),
}


@pytest.fixture(params=["local", "Dask"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Both engines, with the stand-in for the program."""
    if request.param == "local":
        yield local_processes(2, PROGRAM)
        return
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        yield dask_cluster(cluster.scheduler_address, PROGRAM)


def test_every_run_has_its_row_and_its_folder_however_it_ends(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    runs = [run_of(name, text, tmp_path) for name, (text, _, _) in ENDS.items()]
    runs.append(Run("broken", tmp_path / "broken", (), {"fixed": ""}, problem="The fixed scan is missing."))
    (tmp_path / "well").mkdir()
    content = report(sample_volume("fixed"), sample_volume("moving"), sample_registration(), {})
    (tmp_path / "well" / "report.json").write_text(json.dumps(content))
    assert run_all(runs, engine, tmp_path / "batch.csv", batch.FIGURES) == 3
    rows = [line.cells for line in read_table(tmp_path / "batch.csv", ["name", "status"])]
    assert [row["name"] for row in rows] == [*ENDS, "broken"]
    for row, (_, status, sentence) in zip(rows, ENDS.values(), strict=False):
        assert row["status"] == status.value and row["sentence"].startswith(sentence)
        assert row["fixed"] == f"{row['name']}.nii" and (Path(row["folder"]) / LOG).exists()
    assert rows[0]["trust"] == "good" and float(rows[0]["fre_mm"]) == pytest.approx(content["fre_mm"], abs=1e-3)
    assert rows[2]["trust"] == ""
    assert rows[-1]["status"] == "failed" and rows[-1]["sentence"] == "The fixed scan is missing."
    assert (tmp_path / "broken" / LOG).read_text() == "The fixed scan is missing.\n"
    said = capsys.readouterr()
    assert "Of 6 runs: 1 done, 1 not trusted, 4 failed" in said.out
    assert "refused: head.nii is empty." in said.err


def test_all_well_is_exit_status_0(tmp_path: Path) -> None:
    runs = [run_of(name, ends_with(0), tmp_path) for name in "abc"]
    assert run_all(runs, local_processes(3, PROGRAM), tmp_path / "batch.csv", {}) == 0


def test_a_folder_that_cannot_be_made_fails_its_own_run_only(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    runs = [run_of("taken", ends_with(0), tmp_path), run_of("free", ends_with(0), tmp_path)]
    found = {run.name: outcome for run, outcome in local_processes(1, PROGRAM)(runs)}
    assert found["taken"].status is RunStatus.FAILED and "could not be begun" in found["taken"].sentence
    assert found["free"].status is RunStatus.DONE


def test_no_more_run_at_a_time_than_asked_for_and_the_cores_are_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    busy = str(tmp_path / "busy")
    alone = f"import os; os.mkdir({busy!r}); print(os.environ['OMP_NUM_THREADS']); os.rmdir({busy!r})"
    runs = [run_of(str(index), alone, tmp_path) for index in range(3)]
    assert [outcome.status for _, outcome in local_processes(1, PROGRAM)(runs)] == [RunStatus.DONE] * 3
    assert (tmp_path / "0" / LOG).read_text() == "6\n"
    list(local_processes(2, PROGRAM)([run_of("shared", "import os; print(os.environ['OMP_NUM_THREADS'])", tmp_path)]))
    assert (tmp_path / "shared" / LOG).read_text() == "3\n"


def test_what_runs_is_ended_when_nobody_waits_for_it_any_more(engine: Engine, tmp_path: Path) -> None:
    hangs = run_of("hangs", "import os; print(os.getpid()); sys.stdout.flush(); import signal; signal.pause()", tmp_path)
    waits = f"import time\nwhile not open({str(hangs.folder / LOG)!r}).read().endswith('\\n'): time.sleep(0.01)"
    outcomes = engine([hangs, run_of("waits", waits, tmp_path)])
    run, outcome = next(outcomes)
    assert (run.name, outcome.status) == ("waits", RunStatus.DONE)
    outcomes.close()
    process, latest = int((hangs.folder / LOG).read_text()), time.monotonic() + 30
    while is_alive(process) and time.monotonic() < latest:  # a cluster hears of it a little later
        time.sleep(0.05)
    assert not is_alive(process)


def test_a_scheduler_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs the extra cluster")
    monkeypatch.setattr("KeypointRegistrationLib.commands.engines._PATIENCE_S", 0.2)
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1\."):
        next(dask_cluster("tcp://127.0.0.1:1", PROGRAM)([]))


def test_dask_that_is_missing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match="Dask is not installed"):
        dask_cluster("tcp://127.0.0.1:1", PROGRAM)


def test_names_are_folders_on_every_system_and_never_alike() -> None:
    wanted = ["sub-01", "Sub-01", "a/b:c", "", "..", "x" * 200]
    names = unique_names(wanted)
    assert names[:5] == ["sub-01", "Sub-01_2", "a_b_c", "unnamed", "unnamed_5"]
    assert len(names[5]) < 100 and len({name.casefold() for name in names}) == len(names)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.6, "about 1 s left"), (540.0, "about 9 min left"), (32_520.0, "about 9 h 02 min left")],
)
def test_the_time_left_is_told_in_words(seconds: float, words: str) -> None:
    assert time_left(seconds) == words


# -- the command ----------------------------------------------------------------------------------------------------------


def write_list(folder: Path, *lines: str) -> Path:
    (folder / "pairs.csv").write_text("\n".join(["id,fixed,moving,moving_mask", *lines]) + "\n")
    return folder / "pairs.csv"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs that ``batch`` asks for; all end well."""
    asked: list[Run] = []

    def engine_of(_jobs: int) -> Engine:
        def engine(runs: list[Run]) -> Iterator:
            asked.extend(runs)
            return local_processes(1, (sys.executable, "-c", ""))(runs)

        return engine

    monkeypatch.setattr(engines, "local_processes", engine_of)
    return asked


@pytest.mark.usefixtures("models")
def test_each_pair_is_registered_with_the_options_that_were_given(tmp_path: Path, asked: list[Run]) -> None:
    pairs = write_list(tmp_path, "one,f.nii,m.nii,mask.nii", ",f.nii,other.nii.gz,", "bad,f.nii,,")
    options = ("--model", "tiny", "--no-refine", "--transform", "rigid", "--jobs", "2")
    assert main(["batch", str(pairs), "--output", str(tmp_path / "out"), *options]) == 3
    assert [run.name for run in asked] == ["one", "other_to_f", "line_4"]
    words = asked[0].words
    assert words[:5] == (
        "register",
        str(tmp_path / "f.nii"),
        str(tmp_path / "m.nii"),
        "--output",
        str(tmp_path / "out" / "one"),
    )
    assert words[-2:] == ("--moving-mask", str(tmp_path / "mask.nii"))
    assert {"--no-refine", "rigid", "tiny"} <= set(words)
    assert asked[2].problem == "The moving scan is missing."
    assert (tmp_path / "out" / "batch.csv").exists()


def test_the_words_of_a_run_are_understood_by_the_program_itself(tmp_path: Path) -> None:
    pairs = write_list(tmp_path, "one,absent.nii,other.nii,")
    assert main(["batch", str(pairs), "--output", str(tmp_path / "out")]) == 3
    (row,) = read_table(tmp_path / "out" / "batch.csv", ["status"])
    assert row.cells["sentence"] == f"There is no file {tmp_path / 'absent.nii'}. Check its name."
    assert this_program()[1:] == ("-m", "KeypointRegistrationLib")


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--jobs", "0"), "0 jobs do nothing"), (("--model", "unknown"), "no model called unknown")],
)
@pytest.mark.usefixtures("models")
def test_what_cannot_be_used_is_refused_before_the_first_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture, options: tuple[str, ...], words: str
) -> None:
    pairs = write_list(tmp_path, "one,f.nii,m.nii,")
    assert main(["batch", str(pairs), "--output", str(tmp_path / "out"), "--model", "tiny", *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
