"""``track SERIES --output DIR``: the motion of a head through a time series, from files to files."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from ..detection.bundle import load_card, verify
from ..files.scans import read_volume
from ..files.series.outputs import check_track_folder, write_track
from ..files.series.reading import read_series
from ..files.series.store import TrackStore
from ..files.series.track_report import TrackingRun, track_summary
from ..geometry.box import box_mask
from ..geometry.errors import InputError
from ..geometry.volume import Volume
from ..registration.options import DEVICES
from ..registration.result import ModelIdentity, TrustLevel
from ..registration.tracking.frames import FrameMotion, FrameStatus, Track
from ..registration.tracking.identity import track_identity
from ..registration.tracking.options import ReferenceChoice
from ..registration.tracking.smoothing import smoothed
from ..registration.tracking.tracker import HeadNotFound, HeadSource, Tracker
from ..registration.tracking.words import options_from_words, other_head_notes
from .engines import add_engine_arguments
from .progress import ProgressLine, time_left
from .statuses import UNTRUSTWORTHY
from .track_list import is_list, run_list

#: The folder, within that of the results, of the frames that a mean was made of.
FIRST_PASS = "first_pass"

#: Frames that a note names at most.
_NAMED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "series",
        type=Path,
        help="4-D NIfTI or NRRD file, folder of volumes in the order of their names, or DICOM folder; or, for many "
        "series, a CSV file with the column series, and if wanted id, mask and reference",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the results; a run that was stopped goes on there when it is started again",
    )
    parser.add_argument(
        "--reference",
        default="first",
        metavar="WHICH",
        help="what the frames are aligned to: first, the number of a frame (from 0), or mean (default: %(default)s)",
    )
    parser.add_argument(
        "--mask",
        type=Path,
        metavar="M",
        help="volume, not zero where the head is in the reference (default: it is found)",
    )
    parser.add_argument(
        "--box",
        type=float,
        nargs=6,
        metavar=("R1", "A1", "S1", "R2", "A2", "S2"),
        help="two opposite corners of a box around the head in the reference, in RAS mm, instead of a mask",
    )
    parser.add_argument("--model", default="foetal-rigid", metavar="NAME", help="model bundle (default: %(default)s)")
    parser.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="refine by the intensities (default: on)",
    )
    parser.add_argument(
        "--smooth",
        action="store_true",
        help="also write the motion smoothed, each frame counting as much as it is certain, beside the raw one",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the network runs (default: %(default)s)")
    add_engine_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Follow the head and write.  Returns 0, or 3 where there is none in the reference or most frames lack it.

    Raises:
        InputError: if the series, the mask, the model or the output folder cannot be used.  Finished frames are kept.
    """
    if is_list(arguments.series):
        return run_list(arguments)
    try:
        with ProgressLine() as progress:
            track, content = _tracked(arguments, progress)
    except HeadNotFound as error:
        print(error, file=sys.stderr)
        return UNTRUSTWORTHY
    for note in content["warnings"]:
        print(f"Note: {note}", file=sys.stderr)
    print(track_summary(content))
    print(f"Results      {arguments.output}")
    doubtful = sum(not _is_trusted(frame) for frame in track.frames)
    if 2 * doubtful > len(track.frames):
        print(
            f"In {doubtful} of {len(track.frames)} frames the head was not found, or is not to be trusted. "
            "Try another reference, or a mask of the head in it.",
            file=sys.stderr,
        )
        return UNTRUSTWORTHY
    return 0


def _tracked(arguments: argparse.Namespace, progress: ProgressLine) -> tuple[Track, dict]:
    """The track, and the content of the report that was written with it."""
    watch = _Stopwatch()
    progress(0.0, "Reading the series")
    options = options_from_words(
        model=arguments.model, refine=arguments.refine, device=arguments.device, reference=arguments.reference
    )
    verify(options.model)
    check_track_folder(arguments.output, [path for path in (arguments.series, arguments.mask) if path is not None])
    series = read_series(arguments.series)
    mask = _mask(arguments)
    identity = track_identity(series, mask, options, _weights(options.model))
    store, first_pass = TrackStore(arguments.output, identity), TrackStore(arguments.output / FIRST_PASS, identity)
    progress(0.02, "Loading the model")
    detector = _detector(options.model, options.device)
    tracker = Tracker(series, options, detector, mask)
    watch.lap("load")
    prepared = 0.5 if options.reference is ReferenceChoice.MEAN else 0.1  # for a mean, all frames are tracked twice
    reference = tracker.prepare(progress.part(0.05, prepared), first_pass)
    watch.lap("reference")
    frames = _followed(tracker, store, len(series.times), progress.part(prepared, 0.9))
    watch.lap("follow")
    track = Track(series.name, reference, frames)
    card, notes = detector.card, (*series.notes, *detector.warnings, *other_head_notes(reference), *_unread(frames))
    model = ModelIdentity(card.name, card.version, card.sha256)
    about = TrackingRun(options, model, detector.device, watch.laps, series.timed, notes)
    smooth = smoothed(track) if arguments.smooth else None
    return track, write_track(arguments.output, series, track, about, smoothed=smooth, progress=progress.part(0.9, 1.0))


def _mask(arguments: argparse.Namespace) -> Volume | None:
    """Where the person says that the head is in the reference; None where nobody does."""
    if arguments.box is None:
        return None if arguments.mask is None else read_volume(arguments.mask)
    if arguments.mask is not None:
        raise InputError("--mask and --box both say where the head is. Give one of them.")
    one, other = np.array(arguments.box[:3]), np.array(arguments.box[3:])
    return box_mask(np.diag(np.abs(other - one)), (one + other) / 2, "from --box")


class _Stopwatch:
    """How many seconds each stage took."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._begun = time.perf_counter()

    def lap(self, stage: str) -> None:
        """``stage`` has just ended."""
        now = time.perf_counter()
        self.laps[stage], self._begun = now - self._begun, now


def _followed(
    tracker: Tracker, store: TrackStore, count: int, tell: Callable[[float, str], None]
) -> tuple[FrameMotion, ...]:
    """All frames; those that are not in the store yet are tracked and kept there, but for those that cannot be read."""
    known = store.frames
    frames = dict(known)
    if known:
        tell(0.0, f"{len(known)} of {count} frames are known from an earlier run")
    wanted, looked_at = count - len(known), []
    for done, motion in enumerate(tracker.follow(known), 1):
        store.add(motion)
        frames[motion.index] = motion
        if motion.status in (FrameStatus.TRACKED, FrameStatus.LOST):  # the others are told at once
            looked_at.append(motion.seconds)
        left = f", {time_left(mean(looked_at) * (wanted - done))}" if looked_at else ""
        tell(done / wanted, f"Following the head: {done} of {wanted} frames{left}")
    return tuple(motion for _, motion in sorted(frames.items()))


def _unread(frames: Sequence[FrameMotion]) -> tuple[str, ...]:
    """A note on the frames that could not be read, where there are such."""
    numbers = [str(frame.index) for frame in frames if frame.unread]
    if not numbers:
        return ()
    which = ", ".join(numbers[:_NAMED]) + (" and others" if len(numbers) > _NAMED else "")
    return (
        f"{len(numbers)} of {len(frames)} frames could not be read: {which}. Start again to track them once they can be; "
        "all others are kept.",
    )


def _weights(model: str) -> str:
    """The checksums of everything that finds keypoints: the model, and the one that finds the head for it."""
    card = load_card(model)
    return card.sha256 + (load_card(card.finder).sha256 if card.finder else "")


def _is_trusted(frame: FrameMotion) -> bool:
    return frame.found and frame.trust.level is not TrustLevel.DO_NOT_TRUST


def _detector(model: str, device: str) -> HeadSource:
    # Loading torch takes seconds: only once it is needed, after the input was found usable.
    from ..detection.detector import Detector

    return Detector(model, device)
