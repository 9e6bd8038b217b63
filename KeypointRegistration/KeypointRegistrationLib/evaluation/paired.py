"""Paired comparison of two methods over the same pairs in the same poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

from .rows import Row


@dataclass(frozen=True)
class Comparison:
    """A score of one method against another's.

    Attributes:
        count: pairs in poses that both have a score for.
        median: difference, the method's score minus the reference's.
        p: of the two-sided Wilcoxon signed-rank test; 1 where all differences are zero.
    """

    count: int
    median: float
    p: float


def compare(rows: Sequence[Row], method: str, reference: str, score: str) -> Comparison | None:
    """Compare two methods by name in one of the ``Scores``; None where they have no pair in common.

    Where one of the two gave up there is no difference: such pairs are left out.
    """
    by_method: dict[str, dict[tuple[str, int, int], float]] = {method: {}, reference: {}}
    for row in rows:
        value = getattr(row.scores, score)
        if row.method in by_method and value is not None:
            by_method[row.method][row.pair, row.bin, row.seed] = value
    common = by_method[method].keys() & by_method[reference].keys()
    if not common:
        return None
    differences = np.array([by_method[method][key] - by_method[reference][key] for key in sorted(common)])
    p = float(wilcoxon(differences).pvalue) if differences.any() else 1.0
    return Comparison(len(differences), float(np.median(differences)), p)
