"""All that was made of a registration, taken back together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...geometry.errors import InputError
from ..results.placement import changes
from ..series.parts import release
from ..viewing.compare import leave_comparison
from .companions import companions, put_back
from .hardening import hardened_problem, is_hardened, unharden
from .products import outdated, products, remove_product

if TYPE_CHECKING:
    from ..results.handle import SceneRegistration


def withdraw(result: SceneRegistration) -> None:
    """Before a registration is removed: leave the comparison, put everything back and remove what was made of it.

    A hardened volume that has been moved since stays where the user has put it.
    """
    leave_comparison(result.scene)
    release(result.record)
    for node in companions(result):
        put_back(result, node)
    for node in products(result):
        remove_product(result, node)
    if is_hardened(result):
        try:
            unharden(result)
        except InputError:
            return


def notes(result: SceneRegistration) -> tuple[str, ...]:
    """Sentences on what does not hold any more: scans that have changed, and copies of an earlier alignment."""
    found = list(changes(result))
    try:
        problem = hardened_problem(result)
        found += [problem] if problem else []
        found += [
            f"{node.GetName()} was made of an earlier state of the alignment. Make it again." for node in outdated(result)
        ]
    except InputError:
        return tuple(found)  # a node is gone, which has been said
    return tuple(found)
