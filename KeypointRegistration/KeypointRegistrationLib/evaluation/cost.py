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


def measure(fixed: Path, moving: Path) -> list[dict[str, float | str]]:
    """Run ``register`` on two files, without and with refinement, on the CPU.

    Returns:
        per run its name (``run``), the seconds of each stage, wall-clock and processor seconds of the whole process
        (starting Python and loading the libraries included) and its peak memory in GB.

    Raises:
        InputError: if a run fails.
    """
    return [_run(name, option, fixed, moving) for name, option in _RUNS.items()]


def _run(name: str, option: str, fixed: Path, moving: Path) -> dict[str, float | str]:
    package = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package.parent), os.environ.get("PYTHONPATH", "")])}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", package.name, "register", str(fixed), str(moving), "--output", folder]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--device", "cpu", option], env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        report = Path(folder) / "report.json"
        if not report.exists():
            raise InputError(f"The registration of {moving} to {fixed} failed with exit status {process.returncode}.")
        stages = json.loads(report.read_text(encoding="utf-8"))["seconds"]
    return {
        "run": name,
        **{f"{stage} (s)": float(value) for stage, value in stages.items()},
        "whole process (s)": seconds,
        "processor time (s)": usage.ru_utime + usage.ru_stime,
        "peak memory (GB)": usage.ru_maxrss * 1024 / 1e9,
    }
