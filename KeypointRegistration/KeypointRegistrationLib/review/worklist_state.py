"""How far the work on a list of pairs has come, as one value that a scene can keep as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import Any

from .annotation import AnnotatedRegistration, Rating, merged, registration_entry, registration_from_entry
from .worklist import BrokenRow, Worklist, WorklistRow

_FORMAT = 1
_TEXTS_REMEMBERED = (
    4  # of the lists in use: reading one of a thousand rows takes a moment, and it is asked for at every step
)


class RowStatus(Enum):
    """What has been done with a row."""

    OPEN = "open"
    FAILED = "failed"  # its scans could not be loaded or registered
    REGISTERED = "registered"
    RATED = "rated"


@dataclass(frozen=True)
class RowState:
    """What is known of one row.

    Attributes:
        problem: why its scans could not be used the last time, as a sentence; empty if they could.
        registrations: all that were seen, with their annotations; they stay when the row's scans leave the scene.
    """

    problem: str = ""
    registrations: tuple[AnnotatedRegistration, ...] = ()

    @property
    def rating(self) -> Rating | None:
        """Of the latest registration that is rated."""
        return next((entry.rating for entry in reversed(self.registrations) if entry.rating is not None), None)

    @property
    def status(self) -> RowStatus:
        """What has been done."""
        if self.rating is not None:
            return RowStatus.RATED
        if self.problem:
            return RowStatus.FAILED
        return RowStatus.REGISTERED if self.registrations else RowStatus.OPEN

    def having(self, annotated: AnnotatedRegistration) -> RowState:
        """The same with one registration as it is now.  If it is a new one, the problem is overcome."""
        known = {entry.identifier: entry for entry in self.registrations}
        problem = self.problem if annotated.identifier in known else ""
        known[annotated.identifier] = annotated
        return RowState(problem, tuple(known.values()))

    def with_said(self, listed: Mapping[str, AnnotatedRegistration]) -> RowState:
        """The same with what a list (by identifier) says of its registrations added."""
        said = {identifier: entry.history for identifier, entry in listed.items()}
        registrations = tuple(
            replace(entry, history=merged(entry.history, said.get(entry.identifier, ()))) for entry in self.registrations
        )
        return replace(self, registrations=registrations)


@dataclass(frozen=True)
class WorklistState:
    """A worklist and how far the work on it has come.

    Attributes:
        worklist: the rows.
        current: key of the row that is worked on; empty before the first step.
        states: by the key of the row; also of rows that are no longer in an edited list, or had other scans there.
    """

    worklist: Worklist
    current: str = ""
    states: Mapping[str, RowState] = field(default_factory=dict)

    @property
    def position(self) -> int | None:
        """Index of the current row, None if there is none (any more)."""
        keys = [row.key for row in self.worklist.rows]
        return keys.index(self.current) if self.current in keys else None

    def of(self, row: WorklistRow) -> RowState:
        """What is known of a row."""
        return self.states.get(row.key, RowState())

    def having(self, row: WorklistRow, state: RowState) -> WorklistState:
        """The same with what is known of one row now."""
        return replace(self, states={**self.states, row.key: state})

    def reopened(self, worklist: Worklist) -> WorklistState:
        """The same work on another version of the list.  What was done stays, also of rows that are gone.

        A row that names other scans than before is open.
        """
        return replace(self, worklist=worklist)


def next_row(done: list[bool], position: int | None) -> int | None:
    """Index of the first row after ``position`` that is not done, from the beginning again after the end; None for none."""
    first = 0 if position is None else position + 1
    order = [*range(first, len(done)), *range(min(first, len(done)))]
    return next((row for row in order if not done[row]), None)


def to_text(state: WorklistState) -> str:
    """JSON text of the state."""
    content = {
        "format": _FORMAT,
        "source": state.worklist.source,
        "rows": [asdict(row) for row in state.worklist.rows],
        "broken": [asdict(row) for row in state.worklist.broken],
        "current": state.current,
        "states": {
            key: {"problem": row.problem, "registrations": [registration_entry(entry) for entry in row.registrations]}
            for key, row in state.states.items()
        },
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def from_text(text: str) -> WorklistState:
    """What ``to_text`` wrote.  The same text is taken apart only once.

    Raises:
        ValueError: if the text is something else, or of a later format.
    """
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise ValueError("the worklist has a format that this version does not know")
        worklist = Worklist(
            content["source"],
            tuple(WorklistRow(**row) for row in content["rows"]),
            tuple(BrokenRow(**row) for row in content["broken"]),
        )
        return WorklistState(worklist, content["current"], {key: _row(entry) for key, entry in content["states"].items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a worklist: {error}") from error


def _row(entry: dict[str, Any]) -> RowState:
    return RowState(entry["problem"], tuple(registration_from_entry(line) for line in entry["registrations"]))
