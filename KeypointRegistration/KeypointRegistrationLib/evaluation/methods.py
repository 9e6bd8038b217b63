"""What the benchmark compares: this module's registration in several strengths, and its peers."""

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
from ..geometry.alignment import DegenerateError, fit
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume
from ..registration.options import KeypointChoice, RegistrationOptions
from ..registration.pipeline import register
from . import multistart, peers

if TYPE_CHECKING:
    from ..detection.detector import Detector

_PACKAGE = Path(__file__).resolve().parents[1]
_ROOMS = ("detection", "geometry", "registration")  # whose code the answer depends on

#: (fixed, moving, kind) → 4×4 moving_to_fixed, RAS.
Align = Callable[[Volume, Volume, TransformType], NDArray[np.float64]]


@dataclass(frozen=True)
class Method:
    """A way to align a pair.

    Attributes:
        name: on the command line and in the CSV file.
        title: in tables.
        version: of what does the work; rows of another version are measured again.
    """

    name: str
    title: str
    version: Callable[[], str]
    align: Align


@dataclass(frozen=True)
class Model:
    """A model bundle that our methods use: its name and the folder of bundles (None: those that come with the module)."""

    name: str
    folder: Path | None = None


def _multistart_version() -> str:
    """Version of SimpleITK and of the few lines here that start it several times."""
    text = Path(multistart.__file__).read_text(encoding="utf-8")
    return f"{version('SimpleITK')} {hashlib.sha256(text.encode()).hexdigest()[:4]}"


PEERS = {
    method.name: method
    for method in (
        Method("unaligned", "unaligned", lambda: "1", peers.unaligned),
        Method("centre-of-mass", "centre of mass", lambda: "1", peers.centre_of_mass),
        Method("ants", "ANTs", lambda: version("antspyx"), peers.ants),
        Method("elastix", "elastix", lambda: version("itk-elastix"), peers.elastix),
        Method("greedy", "greedy", lambda: version("picsl-greedy"), peers.greedy),
        Method("simpleitk", "SimpleITK, ten starts", _multistart_version, multistart.register),
    )
}


#: Name → title, and how often the detector may look and whether the alignment is refined by intensities.
@dataclass(frozen=True)
class _Strength:
    """How we register.

    Attributes:
        title: for people.
        looks: at each scan at most; None for as many as it takes.
        refine: whether by intensities.
        keypoints: which carry the alignment.
    """

    title: str
    looks: int | None = None
    refine: bool = False
    keypoints: KeypointChoice | int = KeypointChoice.ALL


_OURS = {
    "one-pass": _Strength("ours, one pass", looks=1),
    "two-passes": _Strength("ours, two passes", looks=2),
    "keypoints": _Strength("ours, without refinement"),
    "ours": _Strength("ours", refine=True),
}
_FEWER = {
    "auto": _Strength("ours, as few keypoints as needed", keypoints=KeypointChoice.AUTO),
    **{f"first-{count}": _Strength(f"ours, first {count} keypoints", keypoints=count) for count in (32, 16, 8)},
}

#: The alignment of the paper, of detectors that were trained to compare losses: no keypoint is judged.
_CLOSED_FORM = "closed-form"
_TITLES = {
    **{name: method.title for name, method in PEERS.items()},
    **{name: strength.title for name, strength in {**_OURS, **_FEWER}.items()},
    _CLOSED_FORM: "ours, one look, all keypoints in closed form",
}

#: What is compared, and what can be asked for besides, in the order of the tables.
COMPARED = (*PEERS, *_OURS)
NAMES = (*COMPARED, *_FEWER, _CLOSED_FORM)


def title_of(name: str) -> str:
    """The title of a method by its name; behind a colon the name may tell a model other than the task's own."""
    base, _, model = name.partition(":")
    return _TITLES[base].replace("ours", model) if model else _TITLES[base]


def method_called(name: str, model: Model, usual_model: str) -> Method:
    """The method called ``name``, ours with ``model``; its name tells the model where that is not the task's usual one."""
    if name in PEERS:
        return PEERS[name]
    full_name = name if model == Model(usual_model) else f"{name}:{model.name}"
    align = _closed_form(model) if name == _CLOSED_FORM else _ours(model, {**_OURS, **_FEWER}[name])
    return Method(full_name, title_of(full_name), lambda: our_version(model), align)


@cache
def _detector(model: Model, looks: int | None) -> Detector:
    from ..detection.detector import Detector

    if looks is None:
        return Detector(model.name, folder=model.folder)
    return Detector(model.name, folder=model.folder, looks=looks)


def _ours(model: Model, strength: _Strength) -> Align:
    def align(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
        options = RegistrationOptions(
            model=model.name, transform_type=kind, refine=strength.refine, keypoints=strength.keypoints
        )
        return register(fixed, moving, options, _detector(model, strength.looks)).moving_to_fixed

    return align


def _closed_form(model: Model) -> Align:
    """One look at each scan; all keypoints, weighed by the inverse variance of their maps, as in training."""

    def align(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
        detector = _detector(model, 1)
        in_fixed, in_moving = detector.detect(fixed).keypoints, detector.detect(moving).keypoints
        weights = 1 / (in_fixed.spread**2 + in_moving.spread**2)
        try:
            return fit(kind, in_moving.positions, in_fixed.positions, weights)
        except DegenerateError as error:
            raise RuntimeError(str(error)) from error

    return align


def code_digest(package: Path = _PACKAGE) -> str:
    """The first eight hexadecimal digits of the SHA-256 of the code that makes an alignment, the same on every system."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")  # line ends become the same everywhere
            digest.update(f"{path.relative_to(package).as_posix()}\0{text}\0".encode())
    return digest.hexdigest()[:8]


def our_version(model: Model) -> str:
    """Version, weights and code: a row that other code has measured is measured again."""
    return f"{__version__} {load_card(model.name, model.folder).sha256[:8]} {code_digest()}"
