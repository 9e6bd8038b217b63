"""What the panel's process and the worker process say to each other.

Requests are files in the worker's inbox (``inbox``), events are JSON lines on its standard output.  Requests are served
one after the other, each ended by ``Done`` or ``Failed``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

#: Raised by one whenever a message changes its meaning; a request of another version is refused.
VERSION = 3

#: The exit status of a worker that has ended because nobody had asked for anything for long.
IDLE_EXIT = 0

Matrix = tuple[tuple[float, ...], ...]


class ProtocolError(ValueError):
    """A message that the other side cannot have meant."""


class FailureKind(Enum):
    """What a failure asks of the person."""

    INPUT = "input"  # choose or repair something, as the message says
    TORCH_MISSING = "torch missing"  # install torch and run again
    UNEXPECTED = "unexpected"  # everything else


@dataclass(frozen=True)
class Request:
    """One registration to do.

    Attributes:
        fixed, moving: volume archives (.npz).
        result: where to write the registration archive (.npz).
        model: name of a model bundle.
        transform: ``rigid``, ``similarity`` or ``affine``.
        refine: whether to refine by intensities after the keypoint fit.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        heatmaps: whether the result shall hold the probability maps.
        fixed_mask, moving_mask: volume archives, or None.
        initial: 4×4 moving → fixed starting pose in RAS mm, or None.
        keypoints: which are used: ``all``, ``auto`` or a number.
    """

    fixed: str
    moving: str
    result: str
    model: str
    transform: str
    refine: bool = True
    device: str = "auto"
    heatmaps: bool = False
    fixed_mask: str | None = None
    moving_mask: str | None = None
    initial: Matrix | None = None
    keypoints: str = "all"


@dataclass(frozen=True)
class TrackRequest:
    """One series to follow a head through.

    Attributes:
        frames: folder with one volume archive per frame, named as ``files.track_archive.frame_path`` names them.  Only the
            wanted frames, and those that the reference is made of, need be there.
        times: of all frames of the series, in seconds, ascending.
        name: of the series, for people.
        result: where to write the archive of the reference (.npz); it is there as soon as ``ReferenceFound`` is said.
        model: name of a model bundle.
        refine: whether to refine each frame by intensities.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        reference: ``first``, ``mean`` or the index of a frame, from 0.
        mask: volume archive that marks the head in the reference frame, or None to find it.
        known: file with the motions that are known already, as ``files.track_archive.save_motions`` writes them, or None.
        wanted: indices of the frames to track; None for all that are not known.
    """

    frames: str
    times: tuple[float, ...]
    name: str
    result: str
    model: str
    refine: bool = True
    device: str = "auto"
    reference: str = "first"
    mask: str | None = None
    known: str | None = None
    wanted: tuple[int, ...] | None = None


AnyRequest = Request | TrackRequest
_REQUESTS: dict[str, type] = {"register": Request, "track": TrackRequest}


def write_request(path: Path, request: AnyRequest) -> None:
    """Write a request file.  A file and no command line: paths may be longer than a command line may be."""
    fields = {"version": VERSION, "task": _word(_REQUESTS, request), **asdict(request)}
    path.write_text(json.dumps(fields), encoding="utf-8")


def read_request(path: Path) -> AnyRequest:
    """Read a request file.

    Raises:
        ProtocolError: if it is not a request of this version.
    """
    fields = _json_object(path.read_text(encoding="utf-8"))
    if fields.pop("version", None) != VERSION:
        raise ProtocolError(f"{path.name} is not a request of protocol version {VERSION}")
    kind = _REQUESTS.get(fields.pop("task", ""))
    if kind is None:
        raise ProtocolError(f"{path.name} asks for nothing that is known")
    return _build(kind, {name: _tuples(value) for name, value in fields.items()})


@dataclass(frozen=True)
class Progress:
    """The finished fraction (0 to 1) and the name of the stage that begins."""

    fraction: float
    stage: str


@dataclass(frozen=True)
class ReferenceFound:
    """The head was found in the reference of a series, whose archive has been written, by a network on that device."""

    result: str
    device: str


@dataclass(frozen=True)
class FrameTracked:
    """The motion of one frame is known: ``registration.tracking.plain.motion_from`` reads it."""

    motion: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """All that was asked for is done, and its archive has been written."""

    result: str


@dataclass(frozen=True)
class Failed:
    """The one sentence for the person, the details (a traceback) for the log, and, with ``TORCH_MISSING``, what to install.

    ``package`` is ``torch`` (and what comes with it) or ``safetensors`` (alone).
    """

    kind: FailureKind
    message: str
    details: str = ""
    package: str = ""


Event = Progress | ReferenceFound | FrameTracked | Done | Failed
_EVENTS: dict[str, type] = {
    "progress": Progress,
    "reference found": ReferenceFound,
    "frame tracked": FrameTracked,
    "done": Done,
    "failed": Failed,
}


def encode(event: Event) -> str:
    """The event as one line of JSON, without the line's end."""
    fields = {key: value.value if isinstance(value, Enum) else value for key, value in asdict(event).items()}
    return json.dumps({"event": _word(_EVENTS, event), **fields})


def decode(line: str) -> Event:
    """The event of one line.

    Raises:
        ProtocolError: if the line is no event.
    """
    fields = _json_object(line)
    kind = _EVENTS.get(fields.pop("event", ""))
    if kind is None:
        raise ProtocolError(f"not an event: {line!r}")
    if kind is Failed:
        try:
            fields["kind"] = FailureKind(fields.get("kind"))
        except ValueError as error:
            raise ProtocolError(f"not a kind of failure: {line!r}") from error
    return _build(kind, fields)


def _word(kinds: dict[str, type], message: object) -> str:
    return next(word for word, kind in kinds.items() if isinstance(message, kind))


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


def _json_object(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise ProtocolError(f"not JSON: {text!r}") from error
    if not isinstance(fields, dict):
        raise ProtocolError(f"not a JSON object: {text!r}")
    return fields


def _build(kind: type, fields: dict[str, Any]) -> Any:
    try:
        return kind(**fields)
    except TypeError as error:
        raise ProtocolError(f"{kind.__name__} does not have the fields {sorted(fields)}") from error
