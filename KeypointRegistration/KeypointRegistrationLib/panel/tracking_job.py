"""A head followed through a sequence of the scene, by the worker process and from a timer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean
from typing import Any, Protocol

import qt
from slicer.i18n import tr as _

from ..detection.bundle import Card, load_card
from ..files.archive import save_volume
from ..files.track_archive import frame_path, load_reference, save_motions
from ..geometry.errors import InputError
from ..registration.plain import plain
from ..registration.tracking.frames import FrameMotion
from ..registration.tracking.options import ReferenceChoice
from ..registration.tracking.plain import motion_from
from ..scene.series.adding import add_track
from ..scene.series.finding import show_at_rest
from ..scene.series.frames import FrameState
from ..scene.series.track import SceneTrack
from ..worker.client import WorkerClient, WorkerState
from ..worker.protocol import Done, Failed, FailureKind, FrameTracked, Progress, ReferenceFound, TrackRequest
from .job import POLL_MS, not_shown, start_error
from .track_plan import TrackPlan
from .track_wording import left_text

#: How long frames are handed over at a time, in seconds, before the application has its turn again.
_AT_A_TIME_S = 0.05


class TrackingListener(Protocol):
    """Who follows.  Exactly one of the last two is called, once, unless the job is cancelled."""

    def on_progress(self, fraction: float, stage: str) -> None:
        """``fraction`` (0 to 1) is finished, and ``stage`` begins."""

    def on_frames(self, track: SceneTrack) -> None:
        """More frames are in the scene."""

    def on_tracked(self, track: SceneTrack) -> None:
        """All frames that were asked for are in the scene."""

    def on_failed(self, failure: Failed) -> None:
        """No more frames come, for the reason in ``failure``.  Those that are in the scene stay."""


@dataclass
class _Run:
    """What is being tracked."""

    plan: TrackPlan
    card: Card
    request: TrackRequest
    left: Iterator[int]  # frames to hand over
    corrected: frozenset[int]  # frames when the run began
    track: SceneTrack | None = None
    seconds: list[float] = field(default_factory=list)  # that each frame took
    states: dict[int, FrameState | None] = field(default_factory=dict)  # of the frames when they were handed over


class TrackingJob:
    """Follows a head through one sequence at a time without ever making the application wait.

    Each frame is added to the scene as soon as it is known, and stays there whatever ends the run.  A sequence that is
    edited or removed meanwhile ends it: what comes would not fit.
    """

    def __init__(self, client: WorkerClient, listener: TrackingListener) -> None:
        """``client`` is the way to the worker, and its owner's to close."""
        self._client = client
        self._listener = listener
        self._run: _Run | None = None
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._look)

    @property
    def is_active(self) -> bool:
        """Whether a sequence is being tracked."""
        return self._run is not None

    def start(self, plan: TrackPlan) -> None:
        """Begin to follow.

        Raises:
            InputError: if the worker is busy, or cannot be given its files or started.
        """
        if self._client.is_active or self.is_active:
            raise InputError(_("A registration is running already. Wait for its end, or cancel it."))
        card = load_card(plan.options.model)
        try:
            request = _request(self._client.prepare(), plan)
        except OSError as error:
            self._client.finish()
            raise start_error(error) from error
        corrected = frozenset() if plan.earlier is None else frozenset(plan.earlier.corrected)
        self._run = _Run(plan, card, request, iter(_needed(plan)), corrected)
        self._timer.start()

    def cancel(self) -> None:
        """Stop at once.  The frames that are in the scene stay; the listener hears nothing more."""
        if self.is_active:
            self._client.cancel()
        self._end()

    def close(self) -> None:
        """Stop for good, and let go of everything."""
        self.cancel()
        self._timer.disconnect("timeout()", self._look)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        run = self._run
        if run is None:
            return
        try:
            if self._client.state is WorkerState.PREPARING:
                self._hand_over(run)
            else:
                self._follow(run)
        except InputError as error:
            self._stop(Failed(FailureKind.INPUT, str(error)))
        except OSError as error:
            self._stop(Failed(FailureKind.UNEXPECTED, str(start_error(error))))
        except Exception as error:  # Qt would swallow it, and the panel would wait for ever
            self._stop(not_shown(error))

    def _hand_over(self, run: _Run) -> None:
        """Write some more frames for the worker, and ask it once all are there."""
        start = time.monotonic()
        while time.monotonic() - start < _AT_A_TIME_S:
            index = next(run.left, None)
            if index is None:
                self._client.start(run.request)
                return
            save_volume(frame_path(run.request.frames, index), run.plan.series.frame(index))
            run.states[index] = run.plan.series.state(index)
            self._listener.on_progress(0.0, _("Handing over frame {index}").format(index=index))

    def _follow(self, run: _Run) -> None:
        new = False
        for event in self._client.poll():
            if isinstance(event, Progress):
                self._listener.on_progress(event.fraction, event.stage + _left(run))
            elif isinstance(event, ReferenceFound):
                run.track = self._track(run, event)
            elif isinstance(event, FrameTracked):
                self._add(run, motion_from(event.motion))
                new = True
            elif isinstance(event, Done):
                self._finish(run)
            else:
                self._stop(event)
            if self._run is not run:  # the event was the last one, or its listener has cancelled
                return
        if new and run.track is not None:
            run.track.show()
            self._listener.on_frames(run.track)

    def _track(self, run: _Run, found: ReferenceFound) -> SceneTrack:
        """Where the frames go."""
        run.plan.series.check_place()
        reference, earlier = load_reference(Path(found.result)), run.plan.earlier
        if earlier is not None and earlier.is_there and earlier.is_aligned_to(reference):
            show_at_rest(earlier)
            return earlier
        if run.plan.again:
            raise InputError(
                _(
                    "The head of the reference is seen elsewhere than when the other frames of {name} were tracked, perhaps "
                    "because of another mask. Track all frames, or choose the mask as it was."
                ).format(name=run.plan.series.name)
            )
        return add_track(run.plan.series, reference, replace(run.plan.options, device=found.device), run.card)

    def _add(self, run: _Run, motion: FrameMotion) -> None:
        known, name = run.states.get(motion.index), run.plan.series.name
        if known is None or not known.is_as(run.plan.series.state(motion.index)):
            raise InputError(_("{name} was edited while it was tracked. Track the frames again.").format(name=name))
        if run.track is None or not run.track.is_there:
            raise InputError(_("The track of {name} was removed while it was made.").format(name=name))
        run.seconds.append(motion.seconds)
        run.track.take_up(motion.index)
        if motion.index in run.corrected or motion.index not in run.track.corrected:  # else a person was faster
            run.track.put(motion, run.card)

    def _finish(self, run: _Run) -> None:
        self._end()
        if run.track is not None:
            run.track.show()
            self._listener.on_tracked(run.track)

    def _stop(self, failure: Failed) -> None:
        run = self._run
        if self._client.is_active:
            self._client.cancel()
        self._end()
        if run is not None and run.track is not None and run.track.is_there:
            run.track.show()
        self._listener.on_failed(failure)

    def _end(self) -> None:
        self._timer.stop()
        if self.is_active:
            self._client.finish()
        self._run = None


def _left(run: _Run) -> str:
    """How long the frames that are still to be tracked will take, to be added to the stage; empty while that is unknown."""
    if not run.seconds:
        return ""
    return ", " + left_text(mean(run.seconds) * (len(run.plan.wanted) - len(run.seconds)))


def _needed(plan: TrackPlan) -> Sequence[int]:
    """The frames that the worker looks at: those to track, and those that the reference is made of."""
    if isinstance(plan.options.reference, ReferenceChoice):
        return range(len(plan.series.times))
    return sorted({*plan.wanted, plan.options.reference})


def _request(folder: Path, plan: TrackPlan) -> TrackRequest:
    """Put all but the frames into the worker's folder, and say what to do with it.  What is not wanted is known."""
    paths: dict[str, Any] = {"mask": None, "known": None}
    if plan.mask is not None:
        paths["mask"] = str(folder / "mask.npz")
        save_volume(paths["mask"], plan.mask)
    motions = {} if plan.earlier is None else plan.earlier.motions
    known = [motion for index, motion in motions.items() if index not in plan.wanted]
    if known:
        paths["known"] = str(folder / "known.jsonl")
        save_motions(paths["known"], known)
    series, options = plan.series, plan.options
    return TrackRequest(
        frames=str(folder),
        times=series.times,
        name=series.name,
        result=str(folder / "reference.npz"),
        model=options.model,
        refine=options.refine,
        device=options.device,
        reference=str(plain(options.reference)),
        wanted=plan.wanted,
        **paths,
    )
