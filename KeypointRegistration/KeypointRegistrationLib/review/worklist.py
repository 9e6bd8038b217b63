"""A list of pairs of scans to register and rate, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorklistRow:
    """One pair of scans.

    Attributes:
        fixed, moving: files of the scans, absolute.
        identifier: the row's own name in the list; may be empty.
        fixed_mask, moving_mask: files of masks, absolute, or empty.
        comment: what the list says about the pair.
    """

    fixed: str
    moving: str
    identifier: str = ""
    fixed_mask: str = ""
    moving_mask: str = ""
    comment: str = ""

    @property
    def key(self) -> str:
        """What tells the row from all others, also after the list was edited.

        The scans belong to it: a row that names other ones than before is another row, which nobody has rated.
        """
        return "\n".join((self.identifier, self.fixed, self.moving))

    @property
    def files(self) -> tuple[str, ...]:
        """Everything to load for the row: both scans, and the masks that it has."""
        files = (self.fixed, self.moving, self.fixed_mask, self.moving_mask)
        return tuple(dict.fromkeys(file for file in files if file))

    @property
    def title(self) -> str:
        """For lists and messages."""
        pair = f"{Path(self.moving).name} → {Path(self.fixed).name}"
        return f"{self.identifier}: {pair}" if self.identifier else pair


@dataclass(frozen=True)
class BrokenRow:
    """A line of the file that cannot be used, and why, as a sentence."""

    line: int
    reason: str


@dataclass(frozen=True)
class Worklist:
    """What a worklist file holds.

    Attributes:
        source: the file, absolute.
        rows: those that can be used, in their order.
        broken: the others.
    """

    source: str
    rows: tuple[WorklistRow, ...]
    broken: tuple[BrokenRow, ...] = ()
