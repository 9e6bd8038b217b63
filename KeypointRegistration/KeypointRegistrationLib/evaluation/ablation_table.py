"""An ablation as Markdown tables, with paired statistics over the measured pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from ..training.ablation import Variant
from ..training.config import TrainingConfig
from ..training.unseen import Unseen
from .consistency import consistency
from .publishing import markdown

_RIGID = ("Dice, one person", "rotation error ° (p90)", "corner error mm (p90)")
_AFFINE = ("Dice, two people", "corner error mm, one person (p90)")
_TESTS = ("p against none (Dice)", "p (corners)")
_KEYPOINTS = ("spread mm", "spacing mm", "L_KL nats", "repeatability mm", "same structure", "entropy nats")


@dataclass(frozen=True)
class Pairs:
    """What was made of held-out pairs of views of one person, and of two."""

    one_subject: Unseen
    two_subjects: Unseen

    def of_one(self, score: str) -> NDArray[np.float64]:
        """A score of each pair of views of one person, (pairs,)."""
        return np.array([getattr(pair, score) for pair in self.one_subject.pairs])

    def of_two(self, score: str) -> NDArray[np.float64]:
        """A score of each pair of views of two people, (pairs,)."""
        return np.array([getattr(pair, score) for pair in self.two_subjects.pairs])


@dataclass(frozen=True)
class Measured:
    """One variant of one seed, in whole views and in cropped ones."""

    seed: int
    variant: Variant
    whole: Pairs
    cropped: Pairs


def ablation_table(config: TrainingConfig, measured: Sequence[Measured]) -> str:
    """Two tables, of whole and of cropped views: one row per variant, over all seeds.

    Dice and corner errors are of one person where alignments are rigid; Dice is of two people where they are affine.  The
    p-values are those of paired tests against L_sim alone.
    """
    rigid = config.losses.similarity_transform == "rigid"
    errors = [*(_RIGID if rigid else _AFFINE), *_TESTS]
    seeds = sorted({item.seed for item in measured})
    caption = (
        f"{config.schedule.steps} steps, the first {round(config.schedule.steps * config.schedule.pretraining)} of them the "
        f"same for all; {len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'} ({', '.join(map(str, seeds))}); "
        f"{len(measured[0].whole.one_subject.pairs)} pairs of each kind and seed."
    )
    whole, cropped = [], []
    for variant in Variant:
        own = [item for item in measured if item.variant is variant]
        if own:
            others = [] if variant is Variant.NONE else [item for item in measured if item.variant is Variant.NONE]
            seen = [item.whole for item in own]
            whole.append([variant.words, *_errors(seen, [item.whole for item in others], rigid), *_keypoints(seen)])
            partial = _errors([item.cropped for item in own], [item.cropped for item in others], rigid)
            cropped.append([variant.words, *partial])
    return "\n\n".join(
        [
            caption,
            markdown(["losses", *errors, *_KEYPOINTS], whole),
            "The same in views of which a part was not acquired, with up to half of the anatomy:",
            markdown(["losses", *errors], cropped),
        ]
    )


def _errors(own: Sequence[Pairs], reference: Sequence[Pairs], rigid: bool) -> list[str]:
    """Cells of the errors, and of their tests against ``reference`` where there is any."""
    dice_of = Pairs.of_one if rigid else Pairs.of_two
    rotation = [_spread_out(_all(own, Pairs.of_one, "rotation_deg"))] if rigid else []
    tests = [
        _significance(_all(own, scores, name), _all(reference, scores, name)) if reference else "–"
        for scores, name in ((dice_of, "dice"), (Pairs.of_one, "corner_mm"))
    ]
    dice = f"{np.mean(_all(own, dice_of, 'dice')):.3f}"
    return [dice, *rotation, _spread_out(_all(own, Pairs.of_one, "corner_mm")), *tests]


def _keypoints(pairs: Sequence[Pairs]) -> list[str]:
    """Cells of what keypoints are like."""
    same = [consistency(np.concatenate([one.one_subject.classes, one.two_subjects.classes])) for one in pairs]
    spread, spacing, divergence = (
        np.median(np.concatenate([_all(pairs, scores, name) for scores in (Pairs.of_one, Pairs.of_two)]))
        for name in ("spread_mm", "spacing_mm", "divergence")
    )
    return [
        f"{spread:.1f}",
        f"{spacing:.1f}",
        f"{divergence:.2f}",
        f"{np.median(_all(pairs, Pairs.of_one, 'repeatability_mm')):.1f}",
        f"{np.mean([item.share for item in same]):.2f}",
        f"{np.mean([item.entropy for item in same]):.2f}",
    ]


def _all(pairs: Sequence[Pairs], scores: Callable[[Pairs, str], NDArray[np.float64]], name: str) -> NDArray[np.float64]:
    return np.concatenate([scores(one, name) for one in pairs])


def _significance(own: NDArray[np.float64], reference: NDArray[np.float64]) -> str:
    """p of the Wilcoxon signed-rank test over pairs."""
    p = float(wilcoxon(own, reference).pvalue)
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _spread_out(values: NDArray[np.float64]) -> str:
    return f"{np.median(values):.1f} ({np.quantile(values, 0.9):.1f})"
