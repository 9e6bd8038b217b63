"""SimpleITK's intensity registration from several starts: its Mattes mutual information, optimisers and initialiser."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..files.itk_space import to_image, to_matrix
from ..geometry.transforms import TransformType, invert
from ..geometry.volume import Volume
from ..registration.working_copy import coarsened

_SEED = 1
_BINS = 50
_FIRST_STEP, _LAST_STEP = 2.0, 0.001
_START_SPACING = 4.0  # mm
_FINEST_SPACING = 2.0  # mm
#: Shrink factor → share of the voxels that the metric looks at: all of the few, and few of the many.
_SHARES = {4: 1.0, 2: 0.5, 1: 0.1}
_STARTS = [np.zeros(3), *(turn * axis for turn in (90.0, -90.0, 180.0) for axis in np.eye(3))]  # degrees about R, A and S

_Kind = TypeVar("_Kind", sitk.Euler3DTransform, sitk.AffineTransform)


def register(fixed: Volume, moving: Volume, kind: TransformType) -> NDArray[np.float64]:
    """The 4×4 moving_to_fixed, RAS, of SimpleITK's Mattes mutual information and its gradient descent.

    Ten starts: centres of mass together, upright and after quarter and half turns about each axis.  Each is optimised
    rigidly at 8 mm; the best goes on at 8, 4 and 2 mm, and then to the affine alignment.
    """
    coarse = _Images(fixed, moving, _START_SPACING)
    candidates = [coarse.optimised(coarse.start(turn), levels=(2,), iterations=50) for turn in _STARTS]
    best, _ = min(candidates, key=lambda candidate: candidate[1])
    fine = _Images(fixed, moving, _FINEST_SPACING)
    rigid, _ = fine.optimised(best, levels=(4, 2, 1), iterations=100)
    if kind is TransformType.RIGID:
        return invert(to_matrix(rigid))
    start = sitk.AffineTransform(3)
    start.SetCenter(rigid.GetCenter())
    start.SetMatrix(rigid.GetMatrix())
    start.SetTranslation(rigid.GetTranslation())
    return invert(to_matrix(fine.optimised(start, levels=(2, 1), iterations=100)[0]))


class _Images:
    """A pair at one spacing in mm."""

    def __init__(self, fixed: Volume, moving: Volume, spacing: float) -> None:
        self._fixed, self._moving = to_image(coarsened(fixed, spacing)), to_image(coarsened(moving, spacing))

    def start(self, degrees: NDArray) -> sitk.Euler3DTransform:
        """Centres of mass together, turned about them."""
        moments = sitk.CenteredTransformInitializerFilter.MOMENTS
        centred = sitk.CenteredTransformInitializer(self._fixed, self._moving, sitk.Euler3DTransform(), moments)
        start = sitk.Euler3DTransform(centred)
        start.SetMatrix(Rotation.from_rotvec(degrees, degrees=True).as_matrix().ravel().tolist())
        return start

    def optimised(self, start: _Kind, *, levels: tuple[int, ...], iterations: int) -> tuple[_Kind, float]:
        """The transform (fixed to moving, LPS), which is optimised in place, and its metric, the less the better."""
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentagePerLevel([_SHARES[level] for level in levels], _SEED)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(_FIRST_STEP, _LAST_STEP, iterations, relaxationFactor=0.7)
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetShrinkFactorsPerLevel(levels)
        method.SetSmoothingSigmasPerLevel([level / 2 if level > 1 else 0.0 for level in levels])
        method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
        method.SetInitialTransform(start, inPlace=True)
        method.Execute(self._fixed, self._moving)
        return start, method.GetMetricValue()
