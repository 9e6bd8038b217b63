"""Asking the person for a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..geometry.errors import InputError


def file_to_read(parent: Any, caption: str, kinds: str) -> Path | None:
    """The file that the person chooses, or None.  ``kinds`` as in ``Lists (*.csv)``."""
    chosen = qt.QFileDialog.getOpenFileName(parent, caption, "", kinds)
    return Path(chosen) if chosen else None


def file_to_write(parent: Any, caption: str, proposal: str, endings: tuple[str, ...]) -> Path | None:
    """Where the person wants a file, or None.  A name without one of the ``endings`` gets the first.

    Raises:
        InputError: if there is a file of the completed name, about which the person was not asked.
    """
    kinds = ";;".join(f"{ending[1:].upper()} (*{ending})" for ending in endings)
    # A bare name would mean the folder in which Slicer was started, which may be any.
    chosen = qt.QFileDialog.getSaveFileName(parent, caption, str(Path.home() / proposal), kinds)
    if not chosen:
        return None
    path = Path(chosen)
    if path.suffix.lower() in endings:
        return path
    path = path.with_name(path.name + endings[0])
    if path.exists():
        raise InputError(_("{path} exists. Choose another name, or this one with its ending.").format(path=path))
    return path
