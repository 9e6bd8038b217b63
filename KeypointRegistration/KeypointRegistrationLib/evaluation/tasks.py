"""What ``benchmark`` can measure: each task's pairs, its model and how its table is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .foetal import moved_foetuses
from .motion import across_contrasts, moved_heads
from .pairs import Pair
from .people import between_oasis, between_people, synthetic_contrasts


@dataclass(frozen=True)
class Task:
    """A named set of pairs.

    Attributes:
        help: one clause for the command line.
        pairs: from the folder of the scans.
        model: name of the bundle that our methods use.
        known_motion: whether alignments are judged against a known truth rather than by labels.
    """

    name: str
    help: str
    pairs: Callable[[Path], list[Pair]]
    model: str = "brain-affine"
    known_motion: bool = True


TASKS = {
    task.name: task
    for task in (
        Task("affine", "different people (IXI)", between_people, known_motion=False),
        Task("oasis", "different people (OASIS)", between_oasis, known_motion=False),
        Task("contrasts", "different people in synthetic contrasts", synthetic_contrasts, known_motion=False),
        Task("rigid", "one person across contrasts", across_contrasts),
        Task("omega", "one head before and after a known motion", moved_heads),
        Task("foetal", "foetal brains under known motion", moved_foetuses, model="foetal-rigid"),
    )
}
