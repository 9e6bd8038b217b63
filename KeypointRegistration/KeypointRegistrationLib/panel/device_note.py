"""What the automatic choice of a device comes to on this computer: known from the last run, for Slicer never loads torch."""

from __future__ import annotations

import shutil

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
        # Until PyTorch has been asked: the driver of an NVIDIA card brings this program, and PyTorch may still lack CUDA.
        likely = words["cuda" if shutil.which("nvidia-smi") else "cpu"]
        return _("Automatic will probably take {device}; the first run tells.").format(device=likely)
    return _("Automatic took {device} in the last run.").format(device=words[device])


def remember_device(asked: str, used: str) -> None:
    """Keep what the worker reports: it was ``asked`` for a device and ``used`` one."""
    if asked == "auto":
        qt.QSettings().setValue(_SETTING, used)
