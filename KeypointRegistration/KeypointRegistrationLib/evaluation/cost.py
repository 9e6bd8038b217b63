"""What a registration of two 256³ scans costs, from files to files, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.transforms import TransformType
from .methods import ants


def measure_cost(data: Path, folder: Path) -> list[dict[str, str]]:
    """Seconds and peak memory of ``register`` with and without refinement, per stage, beside ANTs affine in the same run."""
    fixed, moving = (data / "omega_t1" / f"sub-000{number}_T1.nii.gz" for number in (2, 3))
    start = perf_counter()
    ants(read_volume(fixed), read_volume(moving), TransformType.AFFINE)
    reference = perf_counter() - start
    rows = [_row("ANTs affine (antspyx, the alignment alone)", reference, reference)]
    for option in ("--no-refine", "--refine"):
        output = folder / f"cost{option}"
        seconds, memory = _run(["register", str(fixed), str(moving), "--output", str(output), option, "--device", "cpu"])
        rows.append(_row(f"`register {option}`, files to files", seconds, reference, f"{memory / 2**30:.2f} GiB"))
        stages = json.loads((output / "report.json").read_text(encoding="utf-8"))["seconds"]
        rows += [_row(f"&emsp;{stage}", stages[stage], reference) for stage in stages if stage != "total"]
    return rows


def _run(arguments: list[str]) -> tuple[float, int]:
    """Wall-clock seconds and peak resident bytes of the command line with ``arguments``."""
    start = perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "KeypointRegistrationLib", *arguments], stderr=subprocess.PIPE)
    _, errors = process.communicate()
    if process.returncode not in (0, 3):
        raise InputError(f"The registration failed: {errors.decode(errors='replace').strip()}")
    return perf_counter() - start, _peak_memory_of_children()


def _peak_memory_of_children() -> int:
    """Largest resident memory in bytes of any child so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _row(what: str, seconds: float, reference: float, memory: str = "") -> dict[str, str]:
    return {"what": what, "seconds": f"{seconds:.1f}", "ratio": f"{seconds / reference:.2f}", "memory": memory}
