"""One registration from two volume nodes, done by the worker process and followed from a timer."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import qt
from slicer.i18n import tr as _

from ..files.archive import load_registration, save_volume
from ..geometry.errors import InputError
from ..registration.options import RegistrationOptions
from ..registration.result import Registration
from ..scene.results import SceneRegistration, add_registration
from ..scene.volumes import volume_from_node
from ..worker.client import WorkerClient
from ..worker.protocol import Done, Failed, FailureKind, Progress, Request

#: How often the worker is looked at, in milliseconds.
_POLL_MS = 100


class JobListener(Protocol):
    """Who follows a job.  Exactly one of the last two is called, once, unless the job is cancelled."""

    def on_progress(self, fraction: float, stage: str) -> None:
        """``fraction`` (0 to 1) is finished, and ``stage`` begins."""

    def on_done(self, result: SceneRegistration, registration: Registration) -> None:
        """``result`` is in the scene; ``registration`` is the same with its probability maps, which the scene lacks."""

    def on_failed(self, failure: Failed) -> None:
        """No result, for the reason in ``failure``."""


class RegistrationJob:
    """Runs one registration at a time without ever making the application wait.

    The scene is only read until the result is there, and the result is added only if both volumes are still what they were
    at the start: it would not fit volumes that were moved, replaced or removed meanwhile.
    """

    def __init__(self, command: Callable[[], Sequence[str]], listener: JobListener) -> None:
        """``command`` tells how to start the worker (``worker.client.worker_command``); asked at every start."""
        self._command = command
        self._listener = listener
        self._client: WorkerClient | None = None
        self._scans: tuple[_Scan, ...] = ()
        self._options: RegistrationOptions | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(_POLL_MS)
        self._timer.connect("timeout()", self._look)

    @property
    def is_active(self) -> bool:
        """Whether a registration is running."""
        return self._client is not None

    def start(self, fixed_node: Any, moving_node: Any, options: RegistrationOptions) -> None:
        """Begin to register ``moving_node`` to ``fixed_node`` (scalar volume nodes).

        Raises:
            InputError: if a volume cannot be used, or the worker cannot be given its files or started.
        """
        if self.is_active:
            raise RuntimeError("a registration is already running")
        scans = (_Scan.of(fixed_node), _Scan.of(moving_node))
        try:
            self._client = self._started_client(fixed_node, moving_node, options)
        except OSError as error:
            raise _start_error(error) from error
        self._scans, self._options = scans, options
        self._timer.start()

    def cancel(self) -> None:
        """Stop at once.  The listener hears nothing more of this run."""
        if self._client is not None:
            self._client.cancel()
        self._end()

    def close(self) -> None:
        """Stop for good, and let go of everything."""
        self.cancel()
        self._timer.disconnect("timeout()", self._look)

    def _started_client(self, fixed_node: Any, moving_node: Any, options: RegistrationOptions) -> WorkerClient:
        client = WorkerClient(self._command())
        with ExitStack() as on_failure:
            on_failure.callback(client.close)
            client.start(_request(client.folder, fixed_node, moving_node, options))
            on_failure.pop_all()
        return client

    def _look(self) -> None:
        if self._client is None:
            return
        for event in self._client.poll():
            if isinstance(event, Progress):
                self._listener.on_progress(event.fraction, event.stage)
            elif isinstance(event, Done):
                self._finish(event)
            else:
                self._fail(event)
            if self._client is None:  # the event was the last one, or its listener has cancelled
                return

    def _finish(self, event: Done) -> None:
        try:
            for scan in self._scans:
                scan.check_unchanged()
            registration = load_registration(event.result)
            fixed, moving = (scan.node for scan in self._scans)
            result = add_registration(fixed.GetScene(), fixed, moving, registration, self._options)
        except InputError as error:
            self._fail(Failed(FailureKind.INPUT, str(error)))
            return
        except Exception as error:  # Qt would swallow it, and the panel would wait for ever
            details = "".join(traceback.format_exception(error))
            message = _("The result could not be shown ({reason}). The log has the details.").format(reason=error)
            self._fail(Failed(FailureKind.UNEXPECTED, message, details))
            return
        self._end()
        self._listener.on_done(result, registration)

    def _fail(self, failure: Failed) -> None:
        self._end()
        self._listener.on_failed(failure)

    def _end(self) -> None:
        self._timer.stop()
        if self._client is not None:
            self._client.close()
        self._client = None
        self._scans, self._options = (), None


@dataclass(frozen=True, eq=False)
class _Scan:
    """A volume node as it was at the start: where it was, and which voxels it had."""

    node: Any
    name: str
    ijk_to_ras: np.ndarray
    image: Any
    image_time: int

    @classmethod
    def of(cls, node: Any) -> _Scan:
        """Raises InputError if the node is no longer in the scene or cannot be used."""
        if node is None or node.GetScene() is None:
            raise InputError(_("A volume to register is no longer in the scene. Select two volumes and apply again."))
        matrix = volume_from_node(node).ijk_to_ras
        image = node.GetImageData()
        return cls(node, node.GetName(), matrix, image, image.GetMTime())

    def check_unchanged(self) -> None:
        """Raises InputError if a result for the scan no longer fits the node."""
        if self.node.GetScene() is None:
            raise InputError(_("{name} was removed while the registration ran.").format(name=self.name))
        image = self.node.GetImageData()
        same_voxels = image is self.image and image.GetMTime() == self.image_time
        if not same_voxels or not np.allclose(volume_from_node(self.node).ijk_to_ras, self.ijk_to_ras):
            raise InputError(
                _("{name} was moved or changed while the registration ran. Apply again.").format(name=self.name)
            )


def _request(folder: Path, fixed_node: Any, moving_node: Any, options: RegistrationOptions) -> Request:
    """Put both scans into the worker's folder and say what to do with them."""
    paths = {"fixed": folder / "fixed.npz", "moving": folder / "moving.npz"}
    for path, node in zip(paths.values(), (fixed_node, moving_node), strict=True):
        save_volume(path, volume_from_node(node))
    return Request(
        fixed=str(paths["fixed"]),
        moving=str(paths["moving"]),
        result=str(folder / "result.npz"),
        model=options.model,
        transform=options.transform_type.value,
        refine=options.refine,
        device=options.device,
        heatmaps=options.heatmaps,
    )


def _start_error(error: OSError) -> InputError:
    if error.errno == errno.ENOSPC:
        return InputError(_("The disk with the temporary files is full. Free some space and apply again."))
    return InputError(_("The registration process could not be started ({reason}).").format(reason=error.strerror or error))
