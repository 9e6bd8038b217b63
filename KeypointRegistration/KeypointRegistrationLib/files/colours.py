"""Colours of the pictures: light on dark, as in Slicer's views."""

from __future__ import annotations

from ..registration.result import TrustLevel
from .drawing import Colour

BACKGROUND: Colour = (0.07, 0.07, 0.08)
INK: Colour = (0.93, 0.93, 0.93)
FAINT_INK: Colour = (0.62, 0.62, 0.64)
TRUST: dict[TrustLevel, Colour] = {
    TrustLevel.GOOD: (0.45, 0.85, 0.45),
    TrustLevel.CHECK: (1.0, 0.75, 0.25),
    TrustLevel.DO_NOT_TRUST: (1.0, 0.4, 0.35),
}
