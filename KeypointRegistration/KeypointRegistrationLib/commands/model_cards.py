"""The cards of the bundled models as a page: what each was made from, how good it is, and what it is not for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..detection.bundle import Card

_HEAD = """\
# Model cards

Written by `keypoint-registration models cards` from the cards that lie beside the weights. What the models do on real scans
is on the page [benchmarks](benchmarks.md). **Not for clinical use.**
"""


def page(cards: Iterable[Card]) -> str:
    """All cards as one Markdown page."""
    return "\n".join([_HEAD, *(_section(card) for card in cards)])


def _section(card: Card) -> str:
    training = card.details.get("training", {})
    facts = [
        ("version", card.version),
        ("aligns", ", ".join(kind.value for kind in card.transform_types) or "nothing: it finds heads for other models"),
        ("finds heads with", card.finder),
        ("keypoints", str(len(card.labels))),
        ("input", f"{card.size}³ points, {card.spacing:g} mm apart"),
        ("network", card.architecture.title),
        ("weights", f"SHA-256 `{card.sha256}`"),
        ("licence", card.details.get("licence", "")),
        ("trained on", training.get("data", "")),
        ("subjects", ", ".join(training.get("subjects", ()))),
        ("steps", str(training.get("steps", ""))),
        ("losses", _losses(training.get("configuration", {}))),
        ("error", _accuracy(card.details.get("accuracy", {}))),
        ("calibration", _calibration(card.details.get("calibration", {}))),
    ]
    rows = [f"| {name} | {text} |" for name, text in facts if text]
    limits = [f"* {limit}" for limit in card.limits]
    lines = [f"## {card.name}: {card.title}", "", card.summary, "", "|  |  |", "| --- | --- |", *rows, "", *limits, ""]
    return "\n".join(lines)


def _losses(configuration: dict[str, Any]) -> str:
    weights = configuration.get("losses", {})
    return ", ".join(f"{name} {value:g}" for name, value in weights.items() if _is_weight(name, value))


def _is_weight(name: str, value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0 and name != "repulsion_reach"


def _accuracy(measured: dict[str, Any]) -> str:
    """Median errors of single keypoints."""
    parts = [
        f"{title} {measured[key]['error']:g} mm, spread {measured[key]['spread']:g} mm"
        for key, title in (("upright", "upright"), ("turned", "turned"))
        if key in measured
    ]
    return f"{'; '.join(parts)} ({measured['on']})" if parts else ""


def _calibration(measured: dict[str, Any]) -> str:
    if "spread_factor" not in measured:
        return ""
    covered = ", ".join(f"{share}: {found}" for share, found in measured.get("coverage", {}).items())
    formula = f"error = √(({measured['spread_factor']:g} · spread)² + ({measured['error_floor_mm']:g} mm)²)"
    return f"{formula}; share of errors within their radius: {covered}" if covered else formula
