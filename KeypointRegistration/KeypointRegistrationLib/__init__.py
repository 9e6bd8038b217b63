"""Keypoint-based registration of medical volumes, one room per subject.

The data flow one way: ``panel → scene → registration → detection → geometry``.  ``docs/architecture.md`` has the map,
``Testing/test_architecture.py`` holds the walls.
"""

__version__ = "0.1.0"
