"""The two scans of a registration."""

from enum import Enum


class Side(Enum):
    """Of which scan."""

    FIXED = "fixed"
    MOVING = "moving"
