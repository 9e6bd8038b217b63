"""Improving a keypoint alignment by the scans' own intensities, within what the keypoints allow.

The few parameters of the transform are optimised for this one pair.  The result is taken only where it makes the scans
more alike and stays near the keypoint alignment; between people it is weighed against that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm, logm

from ..geometry.accuracy import predicted_error
from ..geometry.sampling import Grid, coverage, inside_mask
from ..geometry.transforms import TransformType, affine, apply, invert
from ..geometry.volume import Volume
from .local_contrast import SURROUNDINGS, evenly_bright, locally_normalised
from .optimisation import LEVELS, Optimiser, TooLittleOverlap
from .options import Progress
from .region import head_region, region_around
from .similarity import normalised_mutual_information
from .working_copy import coarsened, cropped, working_copy

#: mm outside the keypoints' hull up to which scans are compared: the brain's surface, and what moves along with it.
FOCUS_MARGIN = 20.0

_REGION_SPACING = 4.0  # mm
_FEWEST_VOXELS = 200
_CROP_MARGIN = 40.0  # mm around the region in the moving scan, so that no pose in reach runs out of voxels
_JUDGED_SPACING = 2.0  # mm

#: The refined alignment may differ, in root-mean-square over the corners of the region, by this many predicted errors of
#: the keypoint alignment, and always by the floor: the prediction knows nothing of errors that all keypoints share.
_PREDICTED_ERRORS = 4.0
_FLOOR = 15.0  # mm

#: Where anatomies differ, scans are a little more alike at wrong poses too: a gain of normalised mutual information counts
#: for so many nats against what the keypoints say.  Set on synthetic scans of two people in several contrasts.
_NATS = 200.0


@dataclass(frozen=True, eq=False)
class Refinement:
    """What refinement made of an alignment.

    Attributes:
        matrix: 4×4 moving → fixed RAS: the refined alignment, or exactly the given one where not ``accepted``.
        accepted: whether the refined alignment was taken.
        similarity_before, similarity_after: normalised mutual information in the region looked at; equal where not accepted.
        reason: one plain sentence.
        contradicted: whether the scans look more alike at a pose further away than the keypoints allow.
    """

    matrix: NDArray[np.float64]
    accepted: bool
    similarity_before: float
    similarity_after: float
    reason: str
    contradicted: bool = False


def refine(
    fixed: Volume,
    moving: Volume,
    moving_to_fixed: ArrayLike,
    kind: TransformType,
    q: NDArray | None = None,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    progress: Progress | None = None,
    *,
    focus: NDArray | None = None,
    margin: float = FOCUS_MARGIN,
    locally: bool = False,
    starts: Sequence[NDArray[np.float64]] = (),
) -> Refinement:
    """Refine a 4×4 ``moving_to_fixed`` (RAS), changing it by a transform of the given ``kind`` only.

    ``kind`` is rigid where the anatomy is one and the same; else the scans' brightness is evened first (``local_contrast``).
    ``locally`` compares each voxel with what is near it, which helps small heads that turn far under the coils.
    ``q`` is the error form of the given alignment (see ``geometry.accuracy``), which bounds the change; between anatomies
    that differ it also weighs what the keypoints say against what intensities gain.  None does neither.
    ``focus`` (N, 3), fixed RAS mm, are points of the anatomy that should fit, usually the fixed keypoints: the scans are
    compared around them, and up to ``margin`` mm outside their hull, rather than over the whole head, whose neck and scalp
    differ between people and days.
    ``starts``, 4×4, are other poses to begin at, should the scans look more alike there.
    Voxels outside the masks (zero) are not compared.  The result is the same at every call.
    """
    start = np.array(moving_to_fixed, dtype=float)
    around = None if focus is None or len(focus) == 0 else np.asarray(focus, dtype=float)
    near = fixed if around is None else cropped(fixed, around, margin + _REGION_SPACING)
    overview = coarsened(near, _REGION_SPACING)
    inside = _region(overview, fixed_mask, around, margin) & coverage(near, Grid.of(overview))
    if inside.sum() < _FEWEST_VOXELS:
        return _unchanged(start, 1.0, "Not refined: too little of the fixed scan can be compared.")
    region = Volume(inside.astype(np.uint8), overview.ijk_to_ras)
    points = apply(overview.ijk_to_ras, np.argwhere(inside)[:, ::-1])
    back, same_anatomy = invert(start), kind is TransformType.RIGID
    near_fixed = cropped(fixed, points, SURROUNDINGS if locally else _REGION_SPACING)
    near_moving = cropped(moving, apply(back, points), _CROP_MARGIN)
    if locally or not same_anatomy:
        freed = locally_normalised if locally else evenly_bright
        near_fixed = _freed(freed, near_fixed, region, fixed_mask)
        near_moving = _freed(freed, near_moving, region.moved(back), moving_mask)

    judged_fixed, judged_moving = (coarsened(volume, _JUDGED_SPACING) for volume in (near_fixed, near_moving))
    judged = inside_mask(region, Grid.of(judged_fixed))

    def similarity(matrix: NDArray) -> float:
        return normalised_mutual_information(judged_fixed, judged_moving, matrix, judged, spacing=_JUDGED_SPACING)

    before = similarity(start)
    begun = max([start, *starts], key=similarity)
    optimiser = Optimiser(near_fixed, near_moving, region, moving_mask)
    refined = begun
    try:
        for index, level in enumerate(optimiser.levels):
            if progress is not None:
                progress(index / len(optimiser.levels), f"Refining at {level.spacing:g} mm")
            refined = optimiser.run(level, kind, refined)
    except TooLittleOverlap:
        return _unchanged(start, before, "Not refined: the two scans overlap too little.")
    corners = _corners(points)
    change = _average_change(refined @ invert(start), corners)
    bound = np.inf if q is None else max(_FLOOR, _PREDICTED_ERRORS * _root_mean_square(predicted_error(q, corners)))
    after = similarity(refined)
    if not change <= bound:
        reason = f"Not refined: intensities pull {change:.0f} mm away from the keypoints ({bound:.0f} mm allowed)."
        return Refinement(start, False, before, before, reason, contradicted=after > before)
    if q is not None and not same_anatomy:
        refined = _weighed(start, refined, after - before, points, _root_mean_square(predicted_error(q, points)))
        after = similarity(refined)
    if not after > before:
        return _unchanged(start, before, "Not refined: the keypoint alignment could not be improved.")
    change = _average_change(refined @ invert(start), corners)
    return Refinement(refined, True, before, after, f"Refined by {change:.1f} mm on average.")


def _weighed(start: NDArray, refined: NDArray, gain: float, points: NDArray, error: float) -> NDArray[np.float64]:
    """The likeliest alignment between two, 4×4: ``start``, known to ``error`` mm over ``points``, and ``refined``.

    On the way w from 0 to 1, the scans gain ``gain``·(1 − (1 − w)²) in likeness, which is highest at its end, and the
    keypoints lose (w c)²/2σ² nats, c being how far the points move in all and σ the error.
    """
    step = refined @ invert(start)
    gained, lost = _NATS * max(0.0, gain), (_average_change(step, points) / max(error, 1e-6)) ** 2 / 2
    share = gained / max(gained + lost, 1e-12)
    taken = expm(share * np.real(logm(step))) @ start
    return affine(taken[:3, :3], taken[:3, 3])


def _average_change(change: NDArray, points: NDArray) -> float:
    """How far, root-mean-square, a 4×4 ``change`` moves points, mm."""
    return _root_mean_square(np.linalg.norm(apply(change, points) - points, axis=1))


def _freed(freed: Callable[..., Volume], scan: Volume, region: Volume, mask: Volume | None) -> Volume:
    """A scan freed of what coils do, no finer than the optimiser looks; ``region``, in the scan's space, is what matters."""
    small = working_copy(scan, LEVELS[-1].spacing)
    grid = Grid.of(small)
    return freed(small, inside_mask(region, grid), None if mask is None else inside_mask(mask, grid))


def _unchanged(start: NDArray, similarity: float, reason: str) -> Refinement:
    return Refinement(start, False, similarity, similarity, reason)


def _region(overview: Volume, fixed_mask: Volume | None, focus: NDArray | None, margin: float) -> NDArray[np.bool_]:
    grid = Grid.of(overview)
    chosen = np.ones(grid.shape, dtype=bool) if fixed_mask is None else inside_mask(fixed_mask, grid)
    if focus is not None:
        return chosen & region_around(focus, margin, grid)
    return chosen if fixed_mask is not None else head_region(overview)


def _corners(points: NDArray) -> NDArray[np.float64]:
    """The corners, shape (8, 3), of the box along R, A and S around ``points``."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.array([[r, a, s] for r in (low[0], high[0]) for a in (low[1], high[1]) for s in (low[2], high[2])])


def _root_mean_square(values: NDArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
