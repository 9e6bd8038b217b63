"""One peer's alignment of two files, in a process of its own, so that its time and memory can be measured.

``python -m KeypointRegistrationLib.evaluation.peer_process METHOD FIXED MOVING KIND``
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..files.scans import read_volume
from ..geometry.transforms import TransformType
from .methods import PEERS


def main(name: str, fixed: str, moving: str, kind: str) -> None:
    """Align two files by the peer called ``name`` and print the 4×4 moving_to_fixed, RAS."""
    print(PEERS[name].align(read_volume(Path(fixed)), read_volume(Path(moving)), TransformType(kind)).tolist())


if __name__ == "__main__":
    main(*sys.argv[1:])
