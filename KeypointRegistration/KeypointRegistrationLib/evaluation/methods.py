"""What the benchmark compares: this module's registration, with and without refinement, and its peers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..detection.bundle import load_card
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume
from ..registration.options import RegistrationOptions
from ..registration.pipeline import register
from . import peers

if TYPE_CHECKING:
    from ..detection.detector import Detector

_MODEL = "brain-affine"
_PACKAGE = Path(__file__).resolve().parents[1]
_ROOMS = ("detection", "geometry", "registration")  # whose code the answer depends on


@dataclass(frozen=True)
class Method:
    """A way to align a pair.

    Attributes:
        name: on the command line and in the CSV file.
        title: in tables.
        version: of what does the work; rows of another version are measured again.
        align: (fixed, moving, kind) → 4×4 moving_to_fixed, RAS.
    """

    name: str
    title: str
    version: Callable[[], str]
    align: Callable[[Volume, Volume, TransformType], NDArray[np.float64]]


@cache
def _detector() -> Detector:
    from ..detection.detector import Detector

    return Detector(_MODEL)


def _ours(refine: bool) -> Callable[[Volume, Volume, TransformType], NDArray[np.float64]]:
    def align(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
        options = RegistrationOptions(model=_MODEL, transform_type=kind, refine=refine)
        return register(fixed, moving, options, _detector()).moving_to_fixed

    return align


def code_digest(package: Path = _PACKAGE) -> str:
    """The first eight hexadecimal digits of the SHA-256 of the code that makes an alignment, the same on every system."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")  # line ends become the same everywhere
            digest.update(f"{path.relative_to(package).as_posix()}\0{text}\0".encode())
    return digest.hexdigest()[:8]


def _our_version() -> str:
    """Version, weights and code: a row that other code has measured is measured again."""
    return f"{__version__} {load_card(_MODEL).sha256[:8]} {code_digest()}"


METHODS = {
    method.name: method
    for method in (
        Method("unaligned", "unaligned", lambda: "1", peers.unaligned),
        Method("centre-of-mass", "centre of mass", lambda: "1", peers.centre_of_mass),
        Method("ants", "ANTs", lambda: version("antspyx"), peers.ants),
        Method("elastix", "elastix", lambda: version("itk-elastix"), peers.elastix),
        Method("keypoints", "ours, without refinement", _our_version, _ours(refine=False)),
        Method("ours", "ours", _our_version, _ours(refine=True)),
    )
}
