"""What following a head costs from files to files: seconds per frame, and whether memory grows with the frames."""

from __future__ import annotations

import tempfile
from pathlib import Path

import SimpleITK as sitk

from ..files.itk_space import to_image
from ..geometry.errors import InputError
from .cost import CPU, MEMORY, WHOLE, measured_process
from .track_series import Case

_FRAMES = (20, 200)
_DONE = (0, 3)  # exit statuses with results: trustworthy, or not


def measure(case: Case, seed: int) -> list[dict[str, float | str]]:
    """Run ``track`` without refinement on a short and a long series of ``case``, on the CPU, each in a process of its own.

    Returns:
        per run its name (``run``), seconds and processor seconds per frame and peak memory in GB.

    Raises:
        InputError: if a scan is missing or a run fails.
    """
    return [_run(case, frames, seed) for frames in _FRAMES]


def _run(case: Case, frames: int, seed: int) -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as folder:
        scans, results = Path(folder) / "scans", Path(folder) / "results"
        scans.mkdir()
        series = case.make(frames, seed)
        for index in range(frames):
            sitk.WriteImage(to_image(series.frame(index)), str(scans / f"{index:04}.nrrd"))
        options = ["--output", str(results), "--model", case.model, "--device", "cpu", "--no-refine"]
        status, costs = measured_process(["track", str(scans), *options])
    if status not in _DONE:
        raise InputError(f"Following the head through {frames} frames of {case.name} failed with exit status {status}.")
    return {
        "run": f"{frames} frames",
        "per frame (s)": costs[WHOLE] / frames,
        "processor time per frame (s)": costs[CPU] / frames,
        MEMORY: costs[MEMORY],
    }
