"""The worker process: ``python -m KeypointRegistrationLib.worker REQUEST.json``.

Reads one request, registers, writes the result, and tells about it in JSON lines on standard output (``protocol``).
Whatever goes wrong becomes one ``Failed`` event with a sentence for the person; the traceback goes along for the log.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..geometry.errors import InputError
from .lifetime import end_with
from .protocol import Done, Event, Failed, FailureKind, Progress, Request, encode

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..geometry.volume import Volume

Send = Callable[[Event], None]

_MISSING = {
    "torch": "PyTorch, which runs the network, is not installed or does not start.",
    "safetensors": "The package safetensors, which reads the network's weights, is not installed or does not start.",
}


def main(arguments: list[str] | None = None) -> int:
    """Serve the request file named by the only argument.  Exit status 0 after ``Done``, 1 after ``Failed``."""
    (request_path,) = sys.argv[1:] if arguments is None else arguments
    send = _claim_standard_output()
    _end_with_parent()
    return serve(Path(request_path), send)


def serve(request_path: Path, send: Send) -> int:
    """Do the request and send its events, the last of which is ``Done`` or ``Failed``.  Returns the exit status."""
    try:
        request = Request.read(request_path)
        if request.parent is not None:  # behind a launcher, standard input alone may stay open
            end_with(request.parent)
        send(Progress(0.0, "Start"))
        register_request(request, lambda fraction, stage: send(Progress(fraction, stage)))
    except Exception as error:  # the border of the process: nothing may pass it but an event
        send(failure_of(error))
        return 1
    send(Done(request.result))
    return 0


def register_request(request: Request, progress: Callable[[float, str], None]) -> None:
    """Load what the request names, register, and write the registration archive."""
    progress(0.0, "Reading the scans")
    fixed, moving, fixed_mask, moving_mask = _load_scans(request)
    progress(0.01, "Loading the network")
    # Imported here, so that a missing torch is an event like any other failure, and comes after the scans were found usable.
    import numpy as np

    detector_class = _load_detector_class()
    from ..files.archive import save_registration
    from ..geometry.transforms import TransformType
    from ..registration.options import RegistrationOptions
    from ..registration.pipeline import register

    options = RegistrationOptions(
        model=request.model,
        transform_type=TransformType(request.transform),
        refine=request.refine,
        device=request.device,
        heatmaps=request.heatmaps,
        initial=None if request.initial is None else np.array(request.initial),
    )
    registration = register(
        fixed,
        moving,
        options,
        detector_class(request.model, request.device),
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        progress=progress,
    )
    save_registration(Path(request.result), registration)


class DetectorMissing(Exception):
    """The network's code cannot be loaded.

    Attributes:
        package: what to install for it, ``torch`` or ``safetensors``.
    """

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} cannot be imported")
        self.package = package


def _load_detector_class() -> type[Detector]:
    """The class of the network's room, whose import brings torch.

    Raises:
        DetectorMissing: if a package is absent or broken.  A damaged torch shows itself in any way that libraries fail to
            load: ImportError of a name within it or without a name, or OSError.
    """
    try:
        from ..detection.detector import Detector
    except (ImportError, OSError) as error:
        missing = (getattr(error, "name", None) or "").split(".")[0]
        raise DetectorMissing("safetensors" if missing == "safetensors" else "torch") from error
    return Detector


def _load_scans(request: Request) -> tuple[Volume, Volume, Volume | None, Volume | None]:
    """The fixed and moving scan and their masks (None where there are none).

    Raises:
        InputError: if a scan is empty or not finite.
    """
    from ..files.archive import load_volume

    fixed, moving = load_volume(Path(request.fixed)), load_volume(Path(request.moving))
    for scan in (fixed, moving):
        scan.value_range()
    fixed_mask, moving_mask = (
        None if path is None else load_volume(Path(path)) for path in (request.fixed_mask, request.moving_mask)
    )
    return fixed, moving, fixed_mask, moving_mask


def failure_of(error: Exception) -> Failed:
    """The event that tells the person about an error: what is wrong and what to do, never a traceback."""
    details = "".join(traceback.format_exception(error))
    if isinstance(error, DetectorMissing):
        return Failed(FailureKind.TORCH_MISSING, _MISSING[error.package], details, error.package)
    kind, message = _sentence_for(error)
    return Failed(kind, message, details)


def _sentence_for(error: Exception) -> tuple[FailureKind, str]:
    if isinstance(error, InputError):
        return FailureKind.INPUT, str(error)
    if isinstance(error, MemoryError):
        return FailureKind.UNEXPECTED, "There is not enough memory for these scans. Close other programs and try again."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return FailureKind.UNEXPECTED, "The disk with the temporary files is full. Free some space and try again."
    reason = str(error) or type(error).__name__
    return FailureKind.UNEXPECTED, f"The registration stopped on an unexpected error ({reason}). The log has the details."


def _claim_standard_output() -> Send:
    """Keep standard output for events alone: whatever libraries print goes to standard error, which is the log."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(event: Event) -> None:
        events.write(encode(event) + "\n")
        events.flush()

    return send


def _end_with_parent() -> None:
    """End this process when the other side of standard input is gone: a worker must not outlive a crashed Slicer."""

    def watch() -> None:
        while sys.stdin.buffer.read(1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
