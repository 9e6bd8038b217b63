"""What one registration costs from files to files: seconds per stage and peak memory of a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..geometry.errors import InputError

_RUNS = {"without refinement": "--no-refine", "with refinement": "--refine"}
_REFERENCE = "ANTs, affine"
#: What is measured of a process.
WHOLE, CPU, MEMORY = "whole process (s)", "processor time (s)", "peak memory (GB)"
_PACKAGE = Path(__file__).resolve().parents[1]


def measure(fixed: Path, moving: Path) -> list[dict[str, float | str]]:
    """Run ``register`` on two files, without and with refinement, and ANTs' affine registration, all on the CPU.

    Returns:
        per run its name (``run``), the seconds of each stage, wall-clock and processor seconds of the whole process
        (starting Python and loading the libraries included), its peak memory in GB, and the last two relative to ANTs.

    Raises:
        InputError: if a run fails.
    """
    runs = [_run(name, option, fixed, moving) for name, option in _RUNS.items()]
    command = ["evaluation.peer_process", "ants", str(fixed), str(moving), "affine"]
    status, costs = measured_process(command)
    if status != 0:
        raise InputError(f"The registration of {moving} to {fixed} by {_REFERENCE} failed with exit status {status}.")
    reference: dict[str, float | str] = {"run": _REFERENCE, **costs}
    for run in (*runs, reference):
        for name in (CPU, MEMORY):
            run[f"{name.split(' (')[0]}, relative to ANTs"] = float(run[name]) / float(reference[name])
    return [*runs, reference]


def _run(name: str, option: str, fixed: Path, moving: Path) -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as folder:
        command = ["register", str(fixed), str(moving), "--output", folder, "--device", "cpu", option]
        status, costs = measured_process(command)
        report = Path(folder) / "report.json"
        if not report.exists():
            raise InputError(f"The registration of {moving} to {fixed} failed with exit status {status}.")
        stages = json.loads(report.read_text(encoding="utf-8"))["seconds"]
    return {"run": name, **{f"{stage} (s)": float(value) for stage, value in stages.items()}, **costs}


def measured_process(command: list[str]) -> tuple[int, dict[str, float]]:
    """Run a command of the package, or one of its modules: exit status, wall-clock and processor seconds, peak memory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGE.parent), os.environ.get("PYTHONPATH", "")])}
    module, arguments = (_PACKAGE.name, command) if "." not in command[0] else (f"{_PACKAGE.name}.{command[0]}", command[1:])
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    processor, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9
    return process.returncode, {WHOLE: seconds, CPU: processor, MEMORY: memory}
