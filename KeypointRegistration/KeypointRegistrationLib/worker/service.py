"""What the worker process does with a request, and what it keeps between requests: the network and recent keypoints."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..geometry.errors import InputError
from .protocol import Done, Event, Failed, FailureKind, Progress, Request, TrackRequest, read_request
from .tracking import track

if TYPE_CHECKING:
    from ..detection.detector import Detector
    from ..geometry.volume import Volume
    from ..registration.memory import KeypointMemory

Send = Callable[[Event], None]

_MISSING = {
    "torch": "PyTorch, which runs the network, is not installed or does not start.",
    "safetensors": "The package safetensors, which reads the network's weights, is not installed or does not start.",
}


class Service:
    """Serves one request after the other.

    Whatever goes wrong becomes one ``Failed`` event with a sentence for the person; the traceback goes along for the log.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._detector: Detector | None = None
        self._asked: tuple[str, str, str] | None = None  # what the detector was loaded for: model, its weights, device
        self._loaded_on = ""
        self._memory: KeypointMemory | None = None

    def serve(self, request_path: Path) -> bool:
        """Take a request file, do what it says, and send the events, the last of which is ``Done`` or ``Failed``.

        Returns:
            whether it is done.
        """
        try:
            try:
                request = read_request(request_path)
            finally:
                request_path.unlink(missing_ok=True)
            self._send(Progress(0.0, "Start"))
            if isinstance(request, TrackRequest):
                track(request, self._loaded_detector, self._send)
            else:
                self._register(request)
        except Exception as error:  # the border of the process: nothing may pass it but an event
            self._send(failure_of(error))
            return False
        self._send(Done(request.result))
        return True

    def _register(self, request: Request) -> None:
        """Load what the request names, register, and write the registration archive."""
        self._send(Progress(0.0, "Reading the scans"))
        fixed, moving, fixed_mask, moving_mask = _load_scans(request)
        # Imported here, so that a missing torch is an event like any other failure, and comes after the scans were usable.
        from ..files.archive import save_registration
        from ..registration.memory import KeypointMemory, RememberingDetector
        from ..registration.options import RegistrationOptions
        from ..registration.pipeline import register

        options = RegistrationOptions.from_words(
            model=request.model,
            transform=request.transform,
            refine=request.refine,
            device=request.device,
            heatmaps=request.heatmaps,
            initial=request.initial,
            keypoints=request.keypoints,
        )
        detector = self._loaded_detector(options.model, options.device)
        if self._memory is None:
            self._memory = KeypointMemory()
        registration = register(
            fixed,
            moving,
            options,
            RememberingDetector(detector, self._memory),
            fixed_mask=fixed_mask,
            moving_mask=moving_mask,
            progress=lambda fraction, stage: self._send(Progress(fraction, stage)),
        )
        save_registration(Path(request.result), registration)

    def _loaded_detector(self, model: str, device: str) -> Detector:
        """The network, loaded unless the one of the last request is it.

        A network that had to leave the graphics card, which was full then, is loaded anew: it may fit now.
        """
        detector_class = _load_detector_class()
        from ..detection.bundle import load_card

        asked = model, load_card(model).sha256, device
        if self._detector is None or asked != self._asked or self._detector.device != self._loaded_on:
            self._send(Progress(0.01, "Loading the network"))
            self._detector = None  # one at a time in memory
            self._detector = detector_class(model, device)
            self._asked, self._loaded_on = asked, self._detector.device
        return self._detector


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
