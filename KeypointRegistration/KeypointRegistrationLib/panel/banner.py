"""Coloured backgrounds for the few texts that must not be overlooked, readable on light and dark themes."""

from __future__ import annotations

from enum import Enum


class Banner(Enum):
    """Background and text colour."""

    CALM = ("#d8efd9", "#174a1c")
    CAUTION = ("#fbeec4", "#5a4300")
    ALARM = ("#f7d4d1", "#6b120c")

    @property
    def style(self) -> str:
        """The Qt style sheet of a label."""
        background, colour = self.value
        return f"background-color: {background}; color: {colour}; border-radius: 4px; padding: 4px;"
