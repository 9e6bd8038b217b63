"""Sentences in narrow labels."""

from __future__ import annotations

import re
from typing import Any

_BREAK = "\u200b"  # a place where a line may end, without width


def show_message(label: Any, sentence: str) -> None:
    """Show a sentence, or no label at all where there is none.  Long paths wrap instead of widening the panel."""
    label.text = re.sub(r"([/\\])(?=\S)", rf"\1{_BREAK}", sentence)
    label.visible = bool(sentence)
