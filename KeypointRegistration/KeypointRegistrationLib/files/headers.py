"""Spacings that ITK would repair silently: it drops the signs of negative ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..geometry.errors import InputError

#: How far into a file its header of text lines is looked for.
_HEADER_BYTES = 1 << 16

#: File suffix → the header field that states the spacing.
_FIELDS = {".nrrd": "spacings", ".nhdr": "spacings", ".mha": "elementspacing", ".mhd": "elementspacing"}


def check_spacing(path: Path) -> None:
    """Refuse a NRRD or MetaImage file whose header states a spacing that is not above zero.  Other files pass.

    Raises:
        InputError: a sentence that says what the header states.
    """
    field = _FIELDS.get(path.suffix.lower())
    spacing = np.array([] if field is None else _numbers(path, field))
    if not (spacing > 0).all():
        stated = " × ".join(f"{value:g}" for value in spacing)
        raise InputError(
            f"{path} states a voxel spacing of {stated} mm, which must be above zero. Repair the file's header."
        )


def _numbers(path: Path, field: str) -> list[float]:
    """The numbers in a line ``field: …`` or ``field = …``, none where there is no such line."""
    with path.open("rb") as file:
        lines = file.read(_HEADER_BYTES).split(b"\n")
    for line in lines:
        name, _, value = line.partition(b":" if b":" in line else b"=")
        if name.strip().lower() == field.encode():
            try:
                return [float(word) for word in value.split()]
            except ValueError:
                return []
    return []
