"""The same command for many inputs: one folder of results and one row of a table for each, whatever becomes of it."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ..files.outputs import REPORT
from ..files.tables import table_text, write_text
from ..geometry.errors import InputError
from .progress import ProgressLine, time_left
from .statuses import UNTRUSTWORTHY

_LONGEST_NAME = 60


class RunStatus(Enum):
    """How a run ended.  The value is the word in the table."""

    DONE = "done"
    NOT_TRUSTED = "not trusted"  # there are results, and they say so
    FAILED = "failed"


@dataclass(frozen=True)
class Run:
    """One command line of a cohort.

    Attributes:
        name: of its row, for people; no two are alike.
        folder: of its results, absolute.
        words: of the command line, every path absolute.
        inputs: cells of the table that say what it is about, by their columns.
        problem: why it cannot be begun, as a sentence; empty if it can.
    """

    name: str
    folder: Path
    words: tuple[str, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended, the sentence that says why (empty where all is well), and how many seconds it took."""

    status: RunStatus
    sentence: str
    seconds: float


#: Does runs in any order, and tells of each as it ends.
Engine = Callable[[Sequence[Run]], Iterator[tuple[Run, Outcome]]]

#: What a table says of a finished run: its columns, each with what it takes from the content of the run's report.
Figures = Mapping[str, Callable[[dict], object]]


def run_all(runs: Sequence[Run], engine: Engine, table: Path, figures: Figures) -> int:
    """Do all runs, and keep a table of how they ended, a row each in their order, up to date.

    Returns:
        exit status: 0 if every run is done, 3 if one has failed or is not to be trusted.

    Raises:
        InputError: if the table or the engine cannot be used.
    """
    outcomes: dict[str, Outcome] = {}
    begun = time.perf_counter()
    with ProgressLine() as progress:
        progress(0.0, f"0 of {len(runs)} done")
        for run, outcome in engine(runs):
            outcomes[run.name] = outcome
            write_text(table, _table(runs, outcomes, figures))
            done = len(outcomes)
            left = time_left((time.perf_counter() - begun) / done * (len(runs) - done))
            progress(done / len(runs), f"{done} of {len(runs)} done, {left}; last: {run.name}")
    for run in runs:
        if outcomes[run.name].sentence:
            print(f"{run.name}: {outcomes[run.name].sentence}", file=sys.stderr)
    counts = {status: sum(outcome.status is status for outcome in outcomes.values()) for status in RunStatus}
    words = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    print(f"Of {len(runs)} runs: {words}")
    print(f"Results      {table}")
    return 0 if counts[RunStatus.DONE] == len(runs) else UNTRUSTWORTHY


def make_folder(folder: Path) -> Path:
    """The absolute path of a folder for the results of a cohort, which is made unless it is there.

    Raises:
        InputError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder} cannot be used for the results: {reason}. Give another output folder.") from error
    return folder.absolute()


def unique_names(wanted: Sequence[str]) -> list[str]:
    """Names as wanted that every file system takes for folders; the second of two alike has its number behind it."""
    names: list[str] = []
    taken: set[str] = set()
    for number, text in enumerate(wanted, 1):
        name = re.sub(r"[^\w.-]+", "_", text).strip("._")[:_LONGEST_NAME] or "unnamed"
        while name.casefold() in taken:
            name = f"{name}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _table(runs: Sequence[Run], outcomes: Mapping[str, Outcome], figures: Figures) -> str:
    inputs = list(runs[0].inputs)
    columns = ["name", "status", "sentence", *inputs, "folder", *figures, "seconds"]
    return table_text(columns, [_row(run, outcomes[run.name], figures) for run in runs if run.name in outcomes])


def _row(run: Run, outcome: Outcome, figures: Figures) -> list[object]:
    content = {} if outcome.status is RunStatus.FAILED else _report(run.folder)
    cells = [_cell(take, content) for take in figures.values()]
    head = [run.name, outcome.status.value, outcome.sentence, *run.inputs.values(), str(run.folder)]
    return [*head, *cells, round(outcome.seconds, 1)]


def _report(folder: Path) -> dict:
    """The content of a run's report; nothing where it is not to be seen from here, as after a run on another computer."""
    try:
        return json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _cell(take: Callable[[dict], object], content: dict) -> object:
    try:
        value = take(content)
    except KeyError:
        return ""
    return round(value, 4) if isinstance(value, float) else "" if value is None else value
