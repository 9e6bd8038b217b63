"""What the automatic choice of a device comes to on this computer: known from the last run, for Slicer never loads torch."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

_SETTING = "KeypointRegistration/AutomaticDevice"


def device_note() -> str:
    """One sentence for the person."""
    device = str(qt.QSettings().value(_SETTING, "") or "")
    words = {
        "cpu": _("the processor (CPU)"),
        "cuda": _("the NVIDIA graphics card (CUDA)"),
        "mps": _("Apple graphics (Metal)"),
    }
    if device not in words:
        return _("Which one automatic takes will be known after the first run.")
    return _("Automatic took {device} in the last run.").format(device=words[device])


def remember_device(asked: str, used: str) -> None:
    """Keep what the worker reports: it was ``asked`` for a device and ``used`` one."""
    if asked == "auto":
        qt.QSettings().setValue(_SETTING, used)
