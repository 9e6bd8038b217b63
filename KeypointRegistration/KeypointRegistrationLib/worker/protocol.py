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
VERSION = 2

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

    def write(self, path: Path) -> None:
        """Write the request file.  A file and no command line: paths may be longer than a command line may be."""
        path.write_text(json.dumps({"version": VERSION, **asdict(self)}), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Request:
        """Read a request file.

        Raises:
            ProtocolError: if it is not a request of this version.
        """
        fields = _json_object(path.read_text(encoding="utf-8"))
        if fields.pop("version", None) != VERSION:
            raise ProtocolError(f"{path.name} is not a request of protocol version {VERSION}")
        if fields.get("initial") is not None:
            fields["initial"] = tuple(tuple(float(x) for x in row) for row in fields["initial"])
        return _build(cls, fields)


@dataclass(frozen=True)
class Progress:
    """The finished fraction (0 to 1) and the name of the stage that begins."""

    fraction: float
    stage: str


@dataclass(frozen=True)
class Done:
    """The registration archive has been written."""

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


Event = Progress | Done | Failed
_EVENTS: dict[str, type] = {"progress": Progress, "done": Done, "failed": Failed}


def encode(event: Event) -> str:
    """The event as one line of JSON, without the line's end."""
    name = next(name for name, kind in _EVENTS.items() if isinstance(event, kind))
    fields = {key: value.value if isinstance(value, Enum) else value for key, value in asdict(event).items()}
    return json.dumps({"event": name, **fields})


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
