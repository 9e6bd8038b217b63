"""A model's card in words: what it was trained on, how good it is, what it is not for."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from slicer.i18n import tr as _

from ..detection.bundle import Card


def card_html(card: Card) -> str:
    """The card as rich text.  What it does not say is left out."""
    parts = [
        f"<p>{escape(card.summary)}</p>",
        _section(_("Trained on"), _training(card.details.get("training", {}))),
        _section(_("How good it is"), _accuracy(card)),
        _section(_("What it is not for"), card.limits),
    ]
    facts = [
        _("Version {version}").format(version=card.version),
        _("licence {licence}").format(licence=card.details["licence"]) if "licence" in card.details else "",
        _("{count} keypoints").format(count=len(card.labels)),
        ", ".join(kind.value for kind in card.transform_types),
        _("weights {digest}…").format(digest=card.sha256[:12]),
    ]
    return "".join(parts) + f"<p>{escape(' · '.join(fact for fact in facts if fact))}</p>"


def _section(title: str, sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    margins = "margin-top: 0px; margin-left: 14px; -qt-list-indent: 0;"
    return f'<p style="margin-bottom: 0px;"><b>{escape(title)}</b></p><ul style="{margins}">{items}</ul>' if items else ""


def _training(training: dict[str, Any]) -> list[str]:
    sentences = []
    if "data" in training:
        sentences.append(f"{training['data']}.")
    if "subjects" in training:
        sentences.append(_("{count} people.").format(count=len(training["subjects"])))
    return sentences


def _accuracy(card: Card) -> list[str]:
    """Measured errors of single keypoints, with what they were measured on."""
    measured = card.details.get("accuracy", {})
    sentences = []
    if "upright" in measured:
        sentences.append(
            _("Upright heads: keypoints {error:.1f} mm off (median).").format(error=measured["upright"]["error"])
        )
    if "turned" in measured:
        sentences.append(
            _(
                "Heads turned by up to {rotation:.0f}°: {error:.1f} mm at the first look; the scan is then turned back."
            ).format(rotation=measured["turned"]["rotation"], error=measured["turned"]["error"])
        )
    if "presence_accuracy" in measured:
        sentences.append(
            _("Tells whether a point is in the scan in {share:.1%} of cases.").format(share=measured["presence_accuracy"])
        )
    if sentences and "on" in measured:
        sentences.append(_("Measured on {what}.").format(what=str(measured["on"]).split(":")[0]))
    if sentences:
        sentences.append(_("An alignment uses many keypoints and is more accurate than one of them; see the benchmarks."))
    return sentences
