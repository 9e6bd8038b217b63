"""Random looks: what a scanner might have made of a map of tissue classes.

After the generative models of SynthSeg (Billot et al. 2023) and SynthMorph (Hoffmann et al. 2022); every strength here is
our own choice.  All images are ``(N, N, N)`` tensors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from ..detection.intensity import normalised


@dataclass(frozen=True)
class Tissue:
    """Classes by kind, as index tensors into the class list.

    Of scans without labels the classes are ``levels`` of grey rather than tissues: what they show is all brain.
    """

    count: int
    twins: Tensor  # (pairs, 2): left and right class of one tissue
    brain: Tensor
    white: Tensor
    grey: Tensor
    fluid: Tensor
    levels: bool = False


def tissue_of(
    labels: list[int], brain_below: int, white: list[int], fluid: list[int], twins: list[tuple[int, int]]
) -> Tissue:
    """Kinds of the classes ``labels``; brain labels are those between 1 and ``brain_below``."""
    index = {label: c for c, label in enumerate(labels)}

    def classes(wanted: list[int]) -> Tensor:
        return torch.tensor([index[label] for label in wanted if label in index], dtype=torch.long)

    brain = [label for label in labels if 0 < label < brain_below]
    grey = [label for label in brain if label not in white and label not in fluid]
    pairs = torch.tensor([(index[a], index[b]) for a, b in twins if a in index and b in index], dtype=torch.long)
    return Tissue(len(labels), pairs, classes(brain), classes(white), classes(grey), classes(fluid))


def grey_levels(count: int) -> Tissue:
    """``count`` grey levels of scans, black first."""
    none = torch.zeros(0, dtype=torch.long)
    return Tissue(count, none.reshape(0, 2), torch.arange(1, count), none, none, none, levels=True)


def canonical_contrast(tissue: Tissue) -> Tensor:
    """Intensity of each class in the common contrast of the renderings, ``(classes,)``.

    Fluid is bright, white matter dark, what is not brain black.  Where nobody told kinds of tissue, each class of the brain
    has an intensity of its own, neighbours in number far apart; scans are rendered as they are.
    """
    if tissue.levels:
        return torch.linspace(0, 1, tissue.count)
    contrast = torch.zeros(tissue.count)
    if len(tissue.white) or len(tissue.fluid):
        contrast[tissue.grey] = 0.6
        contrast[tissue.white] = 0.3
        contrast[tissue.fluid] = 1.0
    else:
        contrast[tissue.brain] = 0.3 + 0.7 * (0.618034 * torch.arange(1, len(tissue.brain) + 1)) % 1
    return contrast


@dataclass(frozen=True)
class ContrastSettings:
    """How scans may look.  Probabilities unless said otherwise.

    Attributes:
        familiar: tissues in the order of a common contrast; else at random.  Of scans without labels: their own contrast;
            else a random smooth curve of it.
        fluid_bright: of those, the share where fluid is bright (T2) rather than dark (T1).
        stripped: nothing but the brain is seen.  Needs label maps, as do surroundings.
        surroundings: beyond the head there is something rather than nothing, such as the mother's body around a foetus.
        womb: beyond the brain there are a skull, a scalp, fluid in places, and then surroundings.
        thick: slices are thick, or the whole scan is coarse.
        thickest: largest ratio of slice thickness to voxel.
        stripes: slices differ in brightness, as the spin history of moving tissue makes them.
        noise: largest standard deviation, as a share of the brightest value.
        bias: largest standard deviation of the logarithm of the bias field.
    """

    familiar: float = 0.4
    fluid_bright: float = 0.5
    stripped: float = 0.4
    surroundings: float = 0.0
    womb: float = 0.0
    thick: float = 0.5
    thickest: float = 2.5
    stripes: float = 0.0
    noise: float = 0.06
    bias: float = 0.4


class Painter:
    """Turns class maps into scans of random contrast and quality."""

    def __init__(self, tissue: Tissue, settings: ContrastSettings, rng: Generator) -> None:
        self._tissue = tissue
        self._settings = settings
        self._rng = rng

    def paint(self, classes: Tensor) -> Tensor:
        """A scan in [0, 1], at half the resolution of the class map ``(2N, 2N, 2N)`` of class indices (0 = background)."""
        if self._tissue.levels:
            image = self._recoloured(classes)
        else:
            image = self._intensities(classes)
            if self._chance(self._settings.womb):
                image = torch.where(classes > 0, image, self._womb(classes > 0))
            elif self._chance(self._settings.surroundings):
                image = torch.where(classes > 0, image, self._surroundings(image.shape))
        image = functional.avg_pool3d(image[None, None], 2)[0, 0]
        if self._chance(self._settings.stripes):
            image = self._striped(image)
        image = self._thick_slices(image)
        image = image * self._bias(image.shape)
        image = image / image.max().clamp(min=1e-6)
        image = image.clamp(min=0) ** torch.exp(0.4 * self._normal(1))
        noise = self._settings.noise * self._uniform() ** 2
        image = (image + noise * self._normal(*image.shape)).abs()
        return normalised(image)

    def _intensities(self, classes: Tensor) -> Tensor:
        count = self._tissue.count
        means = torch.rand(count, generator=self._rng, device=self._rng.device)
        deviations = 0.1 * torch.rand(count, generator=self._rng, device=self._rng.device)
        if self._chance(self._settings.familiar):
            self._make_familiar(means)
        if len(self._tissue.twins) and self._chance(0.85):
            means[self._tissue.twins[:, 1]] = means[self._tissue.twins[:, 0]]
        means[0] = 0.15 * self._uniform() if self._chance(0.25) else 0.0
        deviations[0] = 0.05 * self._uniform() if self._chance(0.25) else 0.0
        if self._chance(self._settings.stripped):
            outside = torch.ones(count, dtype=torch.bool, device=means.device)
            outside[self._tissue.brain] = False
            means[outside] = 0
            deviations[outside] = 0
        return means[classes] + deviations[classes] * self._normal(*classes.shape)

    def _recoloured(self, levels: Tensor) -> Tensor:
        """Grey levels as they are, or along a random smooth curve that leaves black black."""
        if self._chance(self._settings.familiar):
            curve = torch.linspace(0, 1, self._tissue.count, device=levels.device)
        else:
            knots = torch.rand(1, 1, 6, generator=self._rng, device=self._rng.device)
            knots[..., 0] = 0
            curve = functional.interpolate(knots, size=self._tissue.count, mode="linear", align_corners=True)[0, 0]
        return curve[levels]

    def _make_familiar(self, means: Tensor) -> None:
        """The order of tissues in T1 (fluid dark, white matter bright) or, half the time, in T2."""
        fluid, grey, white = 0.15, 0.5, 0.75
        if self._chance(self._settings.fluid_bright):
            fluid, white = 0.9, 0.3
        for classes, mean in ((self._tissue.fluid, fluid), (self._tissue.grey, grey), (self._tissue.white, white)):
            means[classes] = mean + 0.06 * self._normal(len(classes))

    def _thick_slices(self, image: Tensor) -> Tensor:
        """Sometimes blurred along one axis as a thick-slice scan, or along all as a coarse one."""
        if not self._chance(self._settings.thick):
            return image
        factor = 1 + (self._settings.thickest - 1) * self._uniform()
        size = [float(n) for n in image.shape]
        for axis in range(3) if self._chance(0.3) else [int(self._uniform() * 3) % 3]:
            size[axis] /= factor
        small = functional.interpolate(image[None, None], size=[round(n) for n in size], mode="area")
        return functional.interpolate(small, size=image.shape, mode="trilinear")[0, 0]

    def _surroundings(self, shape: torch.Size) -> Tensor:
        """Blobs of a few random tissues, about as large as organs."""
        blobs = functional.interpolate(self._normal(1, 1, 5, 5, 5), size=shape, mode="trilinear")[0, 0]
        means = torch.rand(6, generator=self._rng, device=self._rng.device)
        tissue = means[((blobs + 1.5) * 2).long().clamp(0, 5)]
        return tissue + 0.08 * self._uniform() * self._normal(*shape)

    def _womb(self, brain: Tensor) -> Tensor:
        """What is around the ``brain`` of somebody unborn: a dark skull, a scalp, pockets of bright fluid, the mother."""
        image = self._surroundings(brain.shape)
        pockets = functional.interpolate(self._normal(1, 1, 6, 6, 6), size=brain.shape, mode="trilinear")[0, 0]
        image[pockets > 1.5 * self._uniform() - 0.5] = 0.7 + 0.3 * self._uniform()
        skull, scalp = 1 + int(2 * self._uniform()), 1 + int(3 * self._uniform())
        image[_dilated(brain, skull + scalp)] = 0.2 + 0.6 * self._uniform()
        image[_dilated(brain, skull)] = 0.3 * self._uniform()
        return image + 0.05 * self._uniform() * self._normal(*brain.shape)

    def _striped(self, image: Tensor) -> Tensor:
        """Slices along a random axis darkened at random, neighbours acquired apart differing most."""
        axis = int(self._uniform() * 3) % 3
        gains = 1 - 0.5 * self._uniform() * torch.rand(image.shape[axis], generator=self._rng, device=self._rng.device)
        gains[::2] = gains[::2].clamp(min=0.8)
        return image * gains.view([-1 if a == axis else 1 for a in range(3)])

    def _bias(self, shape: torch.Size) -> Tensor:
        field = self._normal(1, 1, 4, 4, 4) * self._settings.bias * self._uniform()
        return torch.exp(functional.interpolate(field, size=shape, mode="trilinear", align_corners=True)[0, 0])

    def _uniform(self) -> float:
        return float(torch.rand(1, generator=self._rng, device=self._rng.device))

    def _chance(self, probability: float) -> bool:
        return self._uniform() < probability

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._rng, device=self._rng.device)


def _dilated(mask: Tensor, voxels: int) -> Tensor:
    """``mask`` ``(n, n, n)`` grown by a cube of so many voxels in all directions, axis by axis."""
    grown = mask[None, None].float()
    for axis in range(3):
        window, padding = [1, 1, 1], [0, 0, 0]
        window[axis], padding[axis] = 2 * voxels + 1, voxels
        grown = functional.max_pool3d(grown, window, stride=1, padding=padding)
    return grown[0, 0] > 0
