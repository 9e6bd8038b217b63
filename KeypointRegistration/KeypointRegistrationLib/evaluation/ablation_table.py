"""An ablation as a Markdown table, with paired statistics over the measured pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from ..training.ablation import Variant
from ..training.config import TrainingConfig
from ..training.unseen import Unseen
from .consistency import consistency
from .publishing import markdown

_RIGID = ("rotation error ° (p90)", "corner error mm (p90)", "p against none")
_AFFINE = ("Dice, two people", "corner error mm, one person", "p against none (Dice)")
_KEYPOINTS = ("spread mm", "spacing mm", "L_KL nats", "repeatability mm", "same structure", "entropy nats")


@dataclass(frozen=True)
class Measured:
    """One variant of one seed on held-out pairs of views of one person, and of two."""

    seed: int
    variant: Variant
    one_subject: Unseen
    two_subjects: Unseen

    @property
    def views(self) -> list[Unseen]:
        """All that was looked at."""
        return [self.one_subject, self.two_subjects]


def ablation_table(config: TrainingConfig, measured: Sequence[Measured]) -> str:
    """One row per variant, over all seeds; the error's p-value is that of a paired test against L_sim alone."""
    rigid = config.losses.similarity_transform == "rigid"
    head = ["losses", *(_RIGID if rigid else _AFFINE), *_KEYPOINTS]
    seeds = sorted({item.seed for item in measured})
    caption = (
        f"{config.schedule.steps} steps, the first {round(config.schedule.steps * config.schedule.pretraining)} of them the "
        f"same for all; {len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'} ({', '.join(map(str, seeds))}); "
        f"{len(measured[0].one_subject.pairs)} pairs of each kind and seed."
    )
    rows = []
    reference = [item for item in measured if item.variant is Variant.NONE]
    for variant in Variant:
        own = [item for item in measured if item.variant is variant]
        if own:
            rows.append([variant.words, *_cells(own, reference, rigid)])
    return f"{caption}\n\n{markdown(head, rows)}"


def _cells(own: Sequence[Measured], reference: Sequence[Measured], rigid: bool) -> list[str]:
    if rigid:
        errors = [_spread_out(_one(own, "rotation_deg")), _spread_out(_one(own, "corner_mm"))]
        decisive = _one(own, "corner_mm"), _one(reference, "corner_mm")
    else:
        errors = [f"{np.mean(_two(own, 'dice')):.3f}", f"{np.median(_one(own, 'corner_mm')):.1f}"]
        decisive = _two(own, "dice"), _two(reference, "dice")
    same = [consistency(np.concatenate([unseen.classes for unseen in item.views])) for item in own]
    return [
        *errors,
        _significance(*decisive) if reference and own[0].variant is not Variant.NONE else "–",
        *(f"{np.median(_both(own, name)):.1f}" for name in ("spread_mm", "spacing_mm")),
        f"{np.median(_both(own, 'divergence')):.2f}",
        f"{np.median(_one(own, 'repeatability_mm')):.1f}",
        f"{np.mean([item.share for item in same]):.2f}",
        f"{np.mean([item.entropy for item in same]):.2f}",
    ]


def _significance(own: NDArray, reference: NDArray) -> str:
    """p of the Wilcoxon signed-rank test over pairs."""
    p = float(wilcoxon(own, reference).pvalue)
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _spread_out(values: NDArray) -> str:
    return f"{np.median(values):.1f} ({np.quantile(values, 0.9):.1f})"


def _one(measured: Sequence[Measured], score: str) -> NDArray:
    return np.array([getattr(pair, score) for item in measured for pair in item.one_subject.pairs])


def _two(measured: Sequence[Measured], score: str) -> NDArray:
    return np.array([getattr(pair, score) for item in measured for pair in item.two_subjects.pairs])


def _both(measured: Sequence[Measured], score: str) -> NDArray:
    return np.concatenate([_one(measured, score), _two(measured, score)])
