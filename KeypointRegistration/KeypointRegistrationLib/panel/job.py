"""One registration of nodes in the scene, done by the worker process and followed from a timer."""

from __future__ import annotations

import errno
import traceback
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import qt
from slicer.i18n import tr as _

from ..files.archive import load_registration, save_volume
from ..geometry.errors import InputError
from ..geometry.volume import Volume
from ..registration.options import KeypointChoice, RegistrationOptions
from ..registration.result import Registration
from ..scene.inputs import SceneInputs, Snapshot
from ..scene.results.adding import add_registration
from ..scene.results.handle import SceneRegistration, set_aside
from ..worker.client import WorkerClient
from ..worker.protocol import Done, Failed, FailureKind, Progress, Request

#: How often the worker is looked at, in milliseconds.
POLL_MS = 100


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

    def __init__(self, client: WorkerClient, listener: JobListener) -> None:
        """``client`` is the way to the worker; it may serve other jobs before and after, and is its owner's to close."""
        self._client = client
        self._listener = listener
        self._snapshot: Snapshot | None = None
        self._earlier: SceneRegistration | None = None  # of the same pair, set aside while this one runs
        self._options = RegistrationOptions()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._look)

    @property
    def is_active(self) -> bool:
        """Whether a registration is running."""
        return self._snapshot is not None

    def start(self, inputs: SceneInputs, options: RegistrationOptions) -> None:
        """Begin to register.

        Args:
            inputs: what to register.
            options: how.  Its ``initial`` pose is replaced by that of the inputs, where they have one.

        Raises:
            InputError: if an input cannot be used, another registration is running, or the worker cannot be given its files
                or started.
        """
        if self._client.is_active:
            raise InputError(_("A registration is running already. Wait for its end, or cancel it."))
        inputs.volumes()
        self._earlier = set_aside(inputs.fixed, inputs.moving)
        with ExitStack() as on_failure:
            on_failure.callback(self._apply_earlier)
            volumes, pose, snapshot = inputs.volumes(), inputs.starting_pose(), Snapshot(inputs)
            if pose is not None:
                options = replace(options, initial=pose)
            try:
                self._client.start(_request(self._client.prepare(), volumes, options))
            except OSError as error:
                self._client.finish()
                raise start_error(error) from error
            on_failure.pop_all()
        self._snapshot, self._options = snapshot, options
        self._timer.start()

    def cancel(self) -> None:
        """Stop at once.  The listener hears nothing more of this run."""
        if self.is_active:
            self._client.cancel()
        self._end()

    def close(self) -> None:
        """Stop for good, and let go of everything."""
        self.cancel()
        self._timer.disconnect("timeout()", self._look)

    def _look(self) -> None:
        if not self.is_active:
            return
        for event in self._client.poll():
            if isinstance(event, Progress):
                self._listener.on_progress(event.fraction, event.stage)
            elif isinstance(event, Done):
                self._finish(event)
            elif isinstance(event, Failed):
                self._fail(event)
            if not self.is_active:  # the event was the last one, or its listener has cancelled
                return

    def _finish(self, event: Done) -> None:
        snapshot, options = self._snapshot, self._options
        assert snapshot is not None
        try:
            snapshot.check_scans()
            registration = load_registration(event.result)
            registration = replace(registration, warnings=registration.warnings + snapshot.other_changes())
            fixed, moving = snapshot.inputs.fixed, snapshot.inputs.moving
            assert fixed is not None and moving is not None
            masks = {"fixed": snapshot.inputs.fixed_mask, "moving": snapshot.inputs.moving_mask}
            result = add_registration(fixed.GetScene(), fixed, moving, registration, options, masks=masks)
        except InputError as error:
            self._fail(Failed(FailureKind.INPUT, str(error)))
            return
        except Exception as error:  # Qt would swallow it, and the panel would wait for ever
            self._fail(not_shown(error))
            return
        self._earlier = None
        self._end()
        self._listener.on_done(result, registration)

    def _fail(self, failure: Failed) -> None:
        self._end()
        self._listener.on_failed(failure)

    def _end(self) -> None:
        self._timer.stop()
        if self.is_active:
            self._client.finish()
        self._snapshot = None
        self._apply_earlier()

    def _apply_earlier(self) -> None:
        """Nothing came of this run: the pair is aligned as it was before."""
        earlier, self._earlier = self._earlier, None
        if earlier is not None:
            earlier.applied = True


def _request(folder: Path, volumes: dict[str, Volume], options: RegistrationOptions) -> Request:
    """Put the scans and masks into the worker's folder and say what to do with them."""
    paths: dict[str, str] = {}
    for name, volume in volumes.items():
        paths[name] = str(folder / f"{name}.npz")
        save_volume(paths[name], volume)
    return Request(
        fixed=paths["fixed"],
        moving=paths["moving"],
        fixed_mask=paths.get("fixed_mask"),
        moving_mask=paths.get("moving_mask"),
        result=str(folder / "result.npz"),
        model=options.model,
        transform=options.transform_type.value,
        refine=options.refine,
        device=options.device,
        heatmaps=options.heatmaps,
        keypoints=options.keypoints.value if isinstance(options.keypoints, KeypointChoice) else str(options.keypoints),
        initial=None if options.initial is None else tuple(tuple(map(float, row)) for row in options.initial),
    )


def not_shown(error: Exception) -> Failed:
    """What is told of an unexpected error while a result was put into the scene."""
    details = "".join(traceback.format_exception(error))
    message = _("The result could not be shown ({reason}). The log has the details.").format(reason=error)
    return Failed(FailureKind.UNEXPECTED, message, details)


def start_error(error: OSError) -> InputError:
    """The sentence for an error of the system while a worker was given its files or started."""
    if error.errno == errno.ENOSPC:
        return InputError(_("The disk with the temporary files is full. Free some space and apply again."))
    return InputError(_("The registration process could not be started ({reason}).").format(reason=error.strerror or error))
