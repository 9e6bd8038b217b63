"""Loading a scan with the application's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer.util
from slicer.i18n import tr as _

from ..geometry.errors import InputError


def load_scan(file: str) -> Any:
    """The volume node of a file, new in the scene and not shown yet; a list where the file holds several.

    Raises:
        InputError: if the application cannot load it.
    """
    if Path(file).is_dir():
        raise InputError(_("{file} is a folder. Name a file: of a DICOM series any one of its slices.").format(file=file))
    try:
        return slicer.util.loadVolume(file, {"show": False})
    except RuntimeError as error:
        raise InputError(
            _("{file} cannot be loaded as a volume. Look whether it is whole and of a kind that can be read.").format(
                file=file
            )
        ) from error
