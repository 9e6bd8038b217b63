"""Exit statuses that commands share, besides 0 for success and those of ``__main__`` for errors."""

from __future__ import annotations

#: There are results, and they say that they should not be trusted.
UNTRUSTWORTHY = 3
