"""Affine transforms of space: kinds, conventions and what they do in plain numbers."""

from __future__ import annotations

from enum import Enum


class TransformType(Enum):
    """What an alignment may change.  The value is the word used on the command line and in files."""

    RIGID = "rigid"
    SIMILARITY = "similarity"
    AFFINE = "affine"

    @property
    def parameters(self) -> int:
        """Degrees of freedom."""
        return {"rigid": 6, "similarity": 7, "affine": 12}[self.value]
