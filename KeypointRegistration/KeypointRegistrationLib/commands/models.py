"""``models list | show NAME | verify | cards``: what is bundled, and whether it is intact."""

from __future__ import annotations

import argparse

from ..detection.bundle import Card, bundle_names, load_card, verify
from .model_cards import page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | show NAME | verify | cards")
    actions.add_parser("list", help="names and titles of the bundled models")
    actions.add_parser("show", help="what one model is, and is not, for").add_argument("name")
    actions.add_parser("verify", help="compare all weights with the checksums on their cards")
    actions.add_parser("cards", help="all cards as one page of Markdown, as in docs/models.md")


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked.

    Raises:
        InputError: if there is no such model, or one is damaged.
    """
    if arguments.action == "show":
        print(_text(load_card(arguments.name)))
        return 0
    if arguments.action == "cards":
        print(page(load_card(name) for name in bundle_names()), end="")
        return 0
    for name in bundle_names():
        if arguments.action == "verify":
            verify(name)
        card = load_card(name)
        print(f"{name} {card.version}: " + ("intact" if arguments.action == "verify" else card.title))
    return 0


def _text(card: Card) -> str:
    kinds = ", ".join(kind.value for kind in card.transform_types) or "nothing: it finds heads"
    lines = [
        f"{card.name} {card.version}: {card.title}",
        card.summary,
        f"Aligns: {kinds}",
        f"Keypoints: {len(card.labels)}",
        f"Input: {card.size}³ points, {card.spacing:g} mm apart",
        *(f"Limit: {limit}" for limit in card.limits),
        f"SHA-256 of the weights: {card.sha256}",
    ]
    return "\n".join(lines)
