"""``benchmark TASK|track|cost|warm``: measure this module and its peers on the same pairs, in the same run.

Rows are kept in a CSV file in the output folder: a stopped benchmark continues where it was.
"""

from __future__ import annotations

import argparse

from . import calibration_check, cost, track_cost, warm
from .calibration_check import calibration_table
from .measuring import measured
from .methods import COMPARED, NAMES, Model, method_called
from .poses import BINS
from .publishing import (
    add_data_argument,
    add_models_folder_argument,
    add_output_arguments,
    data_folder,
    output_folder,
    publish,
)
from .tables import cost_table, grouped, label_tables, motion_tables
from .tasks import TASKS, Task
from .track_benchmark import measure_tracks
from .track_methods import TRACK_METHODS
from .track_series import Case, adult_case, cases
from .track_table import track_tables

#: Three whole heads of about 256³ voxels: the fixed one, and two that are registered to it.
_WARM = ("omega_t1/sub-0002_T1.nii.gz", "omega_t1/sub-0003_T1.nii.gz", "s1_t1_epi/S1_T1.nii.gz")

_METHODS = list(dict.fromkeys([*NAMES, *TRACK_METHODS]))
_USUAL = list(dict.fromkeys([*COMPARED, *TRACK_METHODS]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "what",
        choices=[*TASKS, "track", "track-cost", "calibration", "cost", "warm"],
        metavar="WHAT",
        help=", ".join(f"{task.name}: {task.help}" for task in TASKS.values())
        + ", track: heads followed through simulated series, track-cost: its seconds and memory, "
        "calibration: the predicted error against the real one, cost: seconds and memory of one 256³ pair, "
        "warm: what a kept worker process saves",
    )
    add_output_arguments(parser)
    add_data_argument(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random poses (default: %(default)s)")
    parser.add_argument("--limit", type=int, metavar="N", help="at most this many pairs per initial rotation, or series")
    parser.add_argument("--only", default="", metavar="TEXT", help="only pairs or series whose names hold this text")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="of each series (default: %(default)s)")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=_METHODS,
        default=_USUAL,
        metavar="NAME",
        help=f"of {', '.join(_METHODS)} (default: all but those with fewer keypoints)",
    )
    parser.add_argument(
        "--bins",
        nargs="+",
        type=int,
        choices=range(len(BINS)),
        default=list(range(len(BINS))),
        metavar="N",
        help=f"numbers of the initial rotations, from 0: {', '.join(f'{low}–{high}°' for low, high in BINS)}",
    )
    parser.add_argument("--model", metavar="NAME", help="use this model in place of the task's own; its rows stand apart")
    add_models_folder_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure what is not measured yet, then write and print the table.  Returns the exit status.

    Raises:
        InputError: if the scans are missing, or the output folder or document cannot be used.
    """
    data_folder(arguments)
    output_folder(arguments)
    if arguments.what == "cost":
        scans = [arguments.data / "omega_t1" / f"sub-000{number}_T1.nii.gz" for number in (2, 3)]
        table = cost_table(cost.measure(*scans))
    elif arguments.what == "warm":
        table = cost_table(warm.measure(*(arguments.data / scan for scan in _WARM)))
    elif arguments.what == "track":
        table = _track_table(arguments)
    elif arguments.what == "track-cost":
        table = cost_table(track_cost.measure(adult_case(arguments.data), arguments.seed))
    elif arguments.what == "calibration":
        table = _calibration_table(arguments)
    else:
        table = _task_table(arguments, TASKS[arguments.what])
    publish(arguments, arguments.what, table)
    return 0


def _calibration_table(arguments: argparse.Namespace) -> str:
    from ..detection.detector import Detector

    detector = Detector(arguments.model or TASKS["affine"].model, folder=arguments.models_folder)
    return calibration_table(calibration_check.measure(arguments.data, detector, arguments.limit))


def _track_table(arguments: argparse.Namespace) -> str:
    """The table of all tracked series, the missing frames among those asked for measured first."""
    known = cases(arguments.data)
    methods = [name for name in TRACK_METHODS if name in arguments.methods]
    path = arguments.output / "track.csv"

    def model(case: Case) -> Model:
        return Model(arguments.model or case.model, arguments.models_folder)

    asked = [case for case in known if arguments.only in case.name][: arguments.limit]
    rows = measure_tracks(path, asked, arguments.frames, arguments.seed, methods, model)
    parts = []
    for group in dict.fromkeys(case.group for case in known):
        inside = {case.name for case in known if case.group == group}
        own = [row for row in rows if row.series in inside]
        if own:
            parts.append(f"*{group[0].upper()}{group[1:]}*\n\n{track_tables(own)}")
    return "\n\n".join(parts)


def _task_table(arguments: argparse.Namespace, task: Task) -> str:
    """The table of all rows of a task, the missing ones among those asked for measured first."""
    path = arguments.output / f"{task.name}.csv"
    pairs = task.pairs(arguments.data)
    model = Model(arguments.model or task.model, arguments.models_folder)
    methods = [method_called(name, model, task.model) for name in arguments.methods if name in NAMES]
    asked = [pair for pair in pairs if arguments.only in pair.name][: arguments.limit]
    rows = measured(path, asked, methods, arguments.bins, arguments.seed)
    return grouped(rows, {pair.name: pair.group for pair in pairs}, motion_tables if task.known_motion else label_tables)
