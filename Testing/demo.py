"""The demo behind ``python3 run.py demo``: two real heads of different people, one turned away, brought together again.

The moving head is resampled at an arbitrary pose on a plain upright grid, so that neither its header nor the directions of
its voxel axes tells how it lies.  As a check it is also registered as it came: both should end alike.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from demo_heads import COLIN, MNI152, S1, Head, HeadError, fetch
from demo_scene import build_demo_scene
from KeypointRegistrationLib.commands.progress import ProgressLine
from KeypointRegistrationLib.detection.bundle import verify
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.outputs import check_folder, write_outputs
from KeypointRegistrationLib.files.report import summary
from KeypointRegistrationLib.files.resampling import resampled
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.transforms import affine, apply, invert
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.options import RegistrationOptions
from KeypointRegistrationLib.registration.pipeline import register
from KeypointRegistrationLib.registration.result import Registration, TrustLevel
from scipy.spatial.transform import Rotation

REPOSITORY = Path(__file__).resolve().parent.parent
_CACHE = REPOSITORY / ".cache" / "heads"
_DEGREES, _AXIS, _SHIFT = 65.0, (0.48, 0.60, 0.64), (25.0, -40.0, 30.0)
_UNTRUSTWORTHY = 3


def main() -> int:
    """Run the demo; 0 if it went well, 3 if the alignment is not to be trusted."""
    parser = argparse.ArgumentParser(prog="python3 run.py demo", description="Align two real heads and show the result.")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "demo", help="folder for the results (default: demo)")
    try:
        return run(parser.parse_args().output)
    except (InputError, HeadError) as error:
        print(error, file=sys.stderr)
        return 2


def run(folder: Path) -> int:
    """Get the heads, register them, and leave everything in ``folder``."""
    options = RegistrationOptions(heatmaps=True)
    verify(options.model)
    check_folder(folder)
    with ProgressLine() as progress:
        progress(0.0, f"Getting a head: {COLIN.title}")
        fixed = named(read_volume(fetch(COLIN, _CACHE)), COLIN)
        progress(0.1, f"Getting another head: {S1.title}")
        original = second_head()
        progress(0.2, "Turning it away")
        pose = turn(original)
        moving = turned(original, pose)
        write_scans(folder / "scans", fixed, moving)
        progress(0.25, "Loading the model")
        started = time.perf_counter()
        detector = Detector(options.model)
        loaded = time.perf_counter() - started
        registration = register(fixed, moving, options, detector, progress=progress.part(0.3, 0.6))
        progress(0.6, "Writing the results")
        content = write_outputs(folder, fixed, moving, registration, load_seconds=loaded, started=started)
        progress(0.7, "Drawing the scene")
        build_demo_scene(fixed, moving, registration, folder)
        # The check needs no maps, and without them no memory for them.
        plain = replace(options, heatmaps=False)
        again = register(fixed, original, plain, detector, progress=progress.part(0.8, 1.0))
    print(summary(content))
    apart = disagreement(registration, again, pose)
    print(f"Check        turned by {_DEGREES:.0f}° or not, the head ends up {apart:.2f} mm apart (mean over the keypoints)")
    print(f"Pictures     {folder / 'overview.png'}\n             {folder / 'slices.png'}")
    print(f"Scene        {folder / 'demo.mrb'} (open it in 3D Slicer)\nScans        {folder / 'scans'}")
    return _UNTRUSTWORTHY if registration.trust.level is TrustLevel.DO_NOT_TRUST else 0


def second_head() -> Volume:
    """Another person's head; an average of many people where that one cannot be had."""
    try:
        return named(read_volume(fetch(S1, _CACHE)), S1)
    except HeadError as error:
        print(f"{error} {MNI152.title} is used instead.", file=sys.stderr)
        return named(read_volume(fetch(MNI152, _CACHE)), MNI152)


def named(volume: Volume, head: Head) -> Volume:
    """The scan under the name that pictures and reports show."""
    return replace(volume, name=head.title)


def turn(volume: Volume) -> np.ndarray:
    """4×4 RAS matrix of the pose: a rotation about the middle of the scan, and a shift."""
    rotation = Rotation.from_rotvec(np.deg2rad(_DEGREES) * np.array(_AXIS) / np.linalg.norm(_AXIS)).as_matrix()
    return affine(rotation, volume.centre + _SHIFT - rotation @ volume.centre)


def turned(volume: Volume, pose: np.ndarray) -> Volume:
    """The scan moved by ``pose`` and resampled on an upright grid of 1 mm, whose header tells nothing of the pose."""
    grid = Grid.cubic(256, 1.0, apply(pose, volume.centre[None])[0])
    target = Volume(np.broadcast_to(np.uint8(0), grid.shape), grid.ijk_to_ras)
    return replace(resampled(target, volume, pose), name=f"{volume.name} (turned)")


def write_scans(folder: Path, fixed: Volume, moving: Volume) -> None:
    """Leave the two scans beside the results, for the viewer or the command line."""
    folder.mkdir(parents=True, exist_ok=True)
    write_nifti(folder / "fixed.nii.gz", fixed)
    write_nifti(folder / "moving.nii.gz", moving)


def disagreement(of_turned: Registration, of_original: Registration, pose: np.ndarray) -> float:
    """Mean distance in mm between the places where the two alignments put the same anatomy of the moving head."""
    points = apply(invert(of_original.moving_to_fixed), of_turned.fixed_keypoints.positions)
    there = apply(of_turned.moving_to_fixed @ pose, points)
    return float(np.linalg.norm(there - of_turned.fixed_keypoints.positions, axis=1).mean())


if __name__ == "__main__":
    sys.exit(main())
