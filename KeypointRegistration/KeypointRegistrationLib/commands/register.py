"""``register FIXED MOVING --output DIR``: one pair, from files to files."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import NDArray

from ..detection.bundle import verify
from ..files.outputs import REPORT, check_folder, write_outputs
from ..files.report import summary
from ..files.scans import read_transform, read_volume
from ..geometry.transforms import TransformType
from ..geometry.volume import Volume
from ..registration.options import DEVICES, RegistrationOptions
from ..registration.pipeline import KeypointSource, register
from ..registration.result import TrustLevel
from .progress import ProgressLine
from .statuses import UNTRUSTWORTHY


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("fixed", type=Path, help="scan that stays (NIfTI, NRRD, MetaImage or a DICOM folder)")
    parser.add_argument("moving", type=Path, help="scan that is aligned to it")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--fixed-mask", type=Path, metavar="F", help="look only where this volume is not zero, in the fixed scan"
    )
    parser.add_argument("--moving-mask", type=Path, metavar="M", help="the same, in the moving scan")
    parser.add_argument(
        "--initial",
        type=Path,
        metavar="T",
        help="ITK transform file with a starting pose (rarely needed: any pose is found)",
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Arguments that say how to register, whatever the pair."""
    parser.add_argument("--model", default="brain-affine", metavar="NAME", help="model bundle (default: %(default)s)")
    kinds = [kind.value for kind in TransformType]
    parser.add_argument("--transform", choices=kinds, default="affine", help="what may change (default: %(default)s)")
    parser.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="refine by the intensities afterwards (default: on)",
    )
    parser.add_argument(
        "--keypoints",
        default="all",
        metavar="WHICH",
        help="all; auto: as few as determine the alignment nearly as well; or a number: the model's first so many "
        "(default: %(default)s)",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the network runs (default: %(default)s)")
    parser.add_argument("--heatmaps", action="store_true", help="also write the probability maps of both scans")


def option_words(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The options of ``add_options`` as words of a command line."""
    chosen = ("model", "transform", "keypoints", "device")
    words = [word for name in chosen for word in (f"--{name}", str(getattr(arguments, name)))]
    return (*words, "--refine" if arguments.refine else "--no-refine", *(["--heatmaps"] if arguments.heatmaps else []))


def run(arguments: argparse.Namespace) -> int:
    """Register and write.  Returns 0, or 3 where the files hold an alignment that should not be trusted.

    Raises:
        InputError: if a scan, mask, transform, model or the output folder cannot be used.  Nothing is left behind then.
    """
    started = time.perf_counter()
    with ProgressLine() as progress:
        progress(0.0, "Reading the scans")
        inputs = _read(arguments)
        verify(arguments.model)
        given = (arguments.fixed, arguments.moving, arguments.fixed_mask, arguments.moving_mask, arguments.initial)
        check_folder(arguments.output, [path for path in given if path is not None])
        progress(0.08, "Loading the model")
        detector = _detector(arguments.model, arguments.device)
        options = RegistrationOptions.from_words(
            model=arguments.model,
            transform=arguments.transform,
            refine=arguments.refine,
            device=arguments.device,
            heatmaps=arguments.heatmaps,
            initial=inputs.initial,
            keypoints=arguments.keypoints,
        )
        loaded = time.perf_counter() - started
        registration = register(
            inputs.fixed,
            inputs.moving,
            options,
            detector,
            fixed_mask=inputs.fixed_mask,
            moving_mask=inputs.moving_mask,
            progress=progress.part(0.15, 0.9),
        )
        progress(0.9, "Writing the results")
        content = write_outputs(
            arguments.output, inputs.fixed, inputs.moving, registration, load_seconds=loaded, started=started
        )
    for warning in registration.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    print(summary(content))
    print(f"Results      {arguments.output}")
    if registration.trust.level is TrustLevel.DO_NOT_TRUST:
        reasons = " ".join(registration.trust.reasons)
        print(f"No trustworthy alignment was found. {reasons} {REPORT} and the picture say so.", file=sys.stderr)
        return UNTRUSTWORTHY
    return 0


@dataclass(frozen=True, eq=False)
class _Inputs:
    fixed: Volume
    moving: Volume
    fixed_mask: Volume | None
    moving_mask: Volume | None
    initial: NDArray | None


def _read(arguments: argparse.Namespace) -> _Inputs:
    fixed, moving = read_volume(arguments.fixed), read_volume(arguments.moving)
    for volume in (fixed, moving):
        volume.value_range()
    return _Inputs(
        fixed=fixed,
        moving=moving,
        fixed_mask=None if arguments.fixed_mask is None else read_volume(arguments.fixed_mask),
        moving_mask=None if arguments.moving_mask is None else read_volume(arguments.moving_mask),
        initial=None if arguments.initial is None else read_transform(arguments.initial),
    )


def _detector(model: str, device: str) -> KeypointSource:
    # Loading torch takes seconds: only once it is needed, after the input was found usable.
    from ..detection.detector import Detector

    return Detector(model, device)
