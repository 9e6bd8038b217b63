"""Maximising the mutual information of two scans over the few parameters of a linear transform, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry.sampling import Grid, coverage, inside_mask
from ..geometry.transforms import TransformType, invert
from ..geometry.volume import Volume
from .itk_space import to_affine, to_image, to_lps_point, to_matrix
from .working_copy import coarsened, working_copy


@dataclass(frozen=True)
class Level:
    """One pass of the optimiser.

    Attributes:
        spacing: of the scans it looks at, mm.
        iterations: at most.
        first_step, last_step: how far (mm) a step moves the anatomy at first, and below which length it has converged.
    """

    spacing: float
    iterations: int
    first_step: float
    last_step: float


LEVELS = (Level(4.0, 150, 2.0, 0.02), Level(2.0, 100, 0.7, 0.01), Level(1.0, 80, 0.25, 0.005))

_FINER = 0.65  # than the scans' own voxels: a level that is finer still shows nothing new
_SAMPLES = 20_000
_BINS = 32
_SEED = 2503
_RELAXATION = 0.9  # of the step where the gradient turns back; 0.7 stops millimetres short in narrow valleys
_MASK_SPACING = 2.0  # mm
_SMOOTHING = 0.5  # Gaussian σ in units of a level's spacing

_CentredTransform = sitk.Euler3DTransform | sitk.Similarity3DTransform | sitk.AffineTransform
_TRANSFORMS: dict[TransformType, Callable[[], _CentredTransform]] = {
    TransformType.RIGID: sitk.Euler3DTransform,
    TransformType.SIMILARITY: sitk.Similarity3DTransform,
    TransformType.AFFINE: lambda: sitk.AffineTransform(3),
}


class Optimiser:
    """Improves a moving → fixed transform of two scans.

    Mattes mutual information (Mattes et al. 2003), which serves within and across contrasts, is sampled at random places,
    always the same ones, and climbed by ITK's regular-step gradient descent, whose parameters are scaled by how far they
    move the anatomy.

    Args:
        fixed, moving: the scans, already cropped to where they matter.
        region: where, in fixed space, the scans are compared (not zero); its voxels may be coarse.
        centre: RAS mm, shape (3,), of the anatomy in fixed space, about which the optimiser turns and stretches.
        moving_mask: which voxels of the moving scan count, or None for all.
    """

    def __init__(
        self, fixed: Volume, moving: Volume, region: Volume, centre: NDArray, moving_mask: Volume | None = None
    ) -> None:
        finest = min(fixed.spacing.min(), moving.spacing.min())
        self.levels = [level for level in LEVELS if level is LEVELS[0] or level.spacing > _FINER * finest]
        self._fixed, self._moving = (working_copy(volume, self.levels[-1].spacing) for volume in (fixed, moving))
        self._region = sitk.Cast(to_image(region), sitk.sitkUInt8)
        self._region_volume = float(region.voxels.astype(bool).sum() * region.voxel_volume)
        self._centre = to_lps_point(centre)
        grid = Grid.of(coarsened(self._moving, _MASK_SPACING))
        counts = coverage(moving, grid)  # a straightened copy holds corners that were never scanned
        if moving_mask is not None:
            counts &= inside_mask(moving_mask, grid)
        everything = counts.all()
        self._moving_region = None if everything else sitk.Cast(to_image(Volume(counts, grid.ijk_to_ras)), sitk.sitkUInt8)

    def run(self, level: Level, kind: TransformType, matrix: NDArray) -> NDArray:
        """The 4×4 moving → fixed (RAS) after one level, started from ``matrix`` and changed by a ``kind`` only.

        Raises:
            RuntimeError: by ITK, if the scans do not overlap at a pose it tries.
        """
        fixed, moving = (coarsened(volume, level.spacing) for volume in (self._fixed, self._moving))
        method = self._metric(self._region_volume / fixed.voxel_volume)
        method.SetOptimizerAsRegularStepGradientDescent(
            level.first_step, level.last_step, level.iterations, relaxationFactor=_RELAXATION
        )
        method.SetOptimizerScalesFromPhysicalShift()
        # A small change of fixed space is looked for, which comes before the given fixed → moving transform.
        method.SetMovingInitialTransform(to_affine(invert(matrix)))
        change = _TRANSFORMS[kind]()
        change.SetCenter(self._centre)
        method.SetInitialTransform(change, inPlace=True)
        smoothing = _SMOOTHING * level.spacing
        method.Execute(*(sitk.SmoothingRecursiveGaussian(to_image(volume), smoothing) for volume in (fixed, moving)))
        return invert(to_matrix(change)) @ matrix

    def _metric(self, voxels_in_region: float) -> sitk.ImageRegistrationMethod:
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricFixedMask(self._region)
        if self._moving_region is not None:
            method.SetMetricMovingMask(self._moving_region)
        method.SetMetricSamplingStrategy(method.RANDOM if voxels_in_region > _SAMPLES else method.NONE)
        method.SetMetricSamplingPercentage(min(1.0, _SAMPLES / voxels_in_region), _SEED)
        method.MetricUseFixedImageGradientFilterOff()
        method.MetricUseMovingImageGradientFilterOff()
        method.SetInterpolator(sitk.sitkLinear)
        return method
