"""What a kept worker process saves: three registrations, one after the other, as the panel asks for them."""

from __future__ import annotations

import time
from pathlib import Path

from ..files.archive import load_registration, save_volume
from ..files.scans import read_volume
from ..geometry.errors import InputError
from ..geometry.volume import Volume
from ..worker.client import WorkerClient, worker_command
from ..worker.protocol import Done, Failed, Request

_LOOK_EVERY_S = 0.02


def measure(fixed: Path, moving: Path, other: Path) -> list[dict[str, float | str]]:
    """Register ``moving``, then ``other``, then ``moving`` again to ``fixed``, without refinement, on the CPU.

    Returns:
        per run its name (``run``), the wall-clock seconds from asking to the result, those of finding the keypoints, and
        both relative to the first run.

    Raises:
        InputError: if a scan cannot be read or a run fails.
    """
    scans = {path: read_volume(path) for path in (fixed, moving, other)}
    plan = {"first run": moving, "same fixed scan": other, "both scans again": moving}
    client = WorkerClient(worker_command)
    try:
        rows = [_run(client, name, scans[fixed], scans[path]) for name, path in plan.items()]
    finally:
        client.close()
    for part in ("whole run", "keypoints"):
        for row in rows:
            row[f"{part}, relative to the first"] = float(row[f"{part} (s)"]) / float(rows[0][f"{part} (s)"])
    return rows


def _run(client: WorkerClient, name: str, fixed: Volume, moving: Volume) -> dict[str, float | str]:
    started = time.perf_counter()
    folder = client.prepare()
    for role, scan in (("fixed", fixed), ("moving", moving)):
        save_volume(folder / f"{role}.npz", scan)
    request = Request(
        fixed=str(folder / "fixed.npz"),
        moving=str(folder / "moving.npz"),
        result=str(folder / "result.npz"),
        model="brain-affine",
        transform="affine",
        refine=False,
        device="cpu",
    )
    client.start(request)
    last = None
    while not isinstance(last, Done):
        for last in client.poll():
            if isinstance(last, Failed):
                raise InputError(f"The registration of {moving.name} to {fixed.name} failed: {last.message}")
        time.sleep(_LOOK_EVERY_S)
    seconds = load_registration(request.result).seconds["detect"]
    client.finish()
    return {"run": name, "whole run (s)": time.perf_counter() - started, "keypoints (s)": seconds}
