"""Synthetic views of heads with everything the losses need to know about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from .contrast import ContrastSettings, Painter, Tissue
from .poses import PoseRange, View, Warp, random_view, random_warp
from .subjects import Subject

_SLABS = (60.0, 200.0)  # mm: thickness of the thinnest and the thickest
_DEEPEST_CROP = 0.5  # share of the reference points' extent that a missing slab may reach into


@dataclass(frozen=True)
class ViewSettings:
    """The grid that the network sees and how views are cut.

    Attributes:
        size: voxels per side, N.
        spacing: mm between voxels.
        crop: probability that part of the view was not acquired, and up to half of the anatomy is missing with it.
        slab: probability that only a slab was acquired, as by a scan of the whole womb in few slices.
    """

    size: int
    spacing: float
    crop: float = 0.3
    slab: float = 0.0

    @property
    def half_width(self) -> float:
        """Distance in mm from the middle to the outermost voxel centres."""
        return (self.size - 1) / 2 * self.spacing


@dataclass(frozen=True)
class Batch:
    """B views as tensors; points in mm, centred on the view's grid, axes R, A, S.

    Attributes:
        images: ``(B, 1, N, N, N)`` in [0, 1].
        renderings: the anatomy in one canonical contrast, ``(B, 1, N, N, N)``, for L_sim.
        tissues: shares of grey matter, white matter and fluid in every voxel, ``(B, 3, N, N, N)``, for L_dice.
        classes: class of the anatomy, ``(B, 2N, 2N, 2N)`` uint8, at half the view's spacing.
        valid: ``(B, N, N, N)``, true where the view is known to be acquired.
        points: reference points ``(B, K, 3)``.
        present: ``(B, K)``, false where a reference point lies outside the view.
        linear: ``(B, 3, 3)`` from view to head; with ``shift`` ``(B, 3)`` it gives the known motion between two views.
        shift: where the brain's centre lies in the view.
        same_subject: ``(B/2,)``, true where views 2i and 2i+1 show one subject.
    """

    images: Tensor
    renderings: Tensor
    tissues: Tensor
    classes: Tensor
    valid: Tensor
    points: Tensor
    present: Tensor
    linear: Tensor
    shift: Tensor
    same_subject: Tensor

    def moved(self, points: Tensor) -> Tensor:
        """Points ``(B, K, 3)`` of all views as their first views' appear in the second ones ``(B/2, K, 3)``, were each pair
        one subject: the known motion x₂ = L₂⁻¹ L₁ (x₁ − s₁) + s₂.
        """
        first, second = slice(0, None, 2), slice(1, None, 2)
        motion = torch.linalg.solve(self.linear[second], self.linear[first])
        return (points[first] - self.shift[first, None]) @ motion.mT + self.shift[second, None]

    def classes_at(self, points: Tensor, spacing: float) -> Tensor:
        """Class of the anatomy ``(B, K)`` under points ``(B, K, 3)`` of views with ``spacing`` mm between voxels."""
        size = self.classes.shape[-1]
        index = (points / (spacing / 2) + (size - 1) / 2).round().long().clamp(0, size - 1)
        views = torch.arange(len(points), device=points.device)[:, None]
        return self.classes[views, index[..., 2], index[..., 1], index[..., 0]].long()


class ViewGenerator:
    """Draws batches of random views.  Deterministic for a given state of ``rng``."""

    def __init__(
        self,
        subjects: Sequence[Subject],
        tissue: Tissue,
        canonical: Tensor,
        settings: ViewSettings,
        contrast: ContrastSettings,
        mirrored_order: Tensor,
        rng: Generator,
    ) -> None:
        """``canonical`` (classes,) holds the intensity of each class in the common contrast of the renderings,
        ``mirrored_order`` (K,) for each reference point its twin in the other half of the head.
        """
        self._subjects = list(subjects)
        self._painter = Painter(tissue, contrast, rng)
        self._canonical = canonical
        self._kinds = _kinds(tissue, canonical)
        self.settings = settings
        self._rng = rng
        self._fine = lattice(2 * settings.size, settings.spacing / 2, rng.device)
        self._mirror = mirrored_order.to(rng.device)

    def pairs(self, count: int, limits: Sequence[PoseRange], same_subject: float) -> Batch:
        """``count`` pairs, views 2i and 2i+1 together: of one subject with probability ``same_subject``, else of two.

        Each view takes its pose range from ``limits`` at random.  Two views of one subject share their elastic shape, so
        that the motion between them is affine and known exactly.
        """
        views, pairs_of_one = [], []
        for _ in range(count):
            chosen = torch.randperm(len(self._subjects), generator=self._rng, device=self._rng.device)[:2].tolist()
            same = self._chance(same_subject) or len(chosen) == 1
            mirrored, warp = self._chance(0.5), random_warp(limits[0], self._rng)
            views.append(self._view(self._subjects[chosen[0]], limits, warp, mirrored))
            if not same:
                mirrored, warp = self._chance(0.5), random_warp(limits[0], self._rng)
            views.append(self._view(self._subjects[chosen[0 if same else 1]], limits, warp, mirrored))
            pairs_of_one.append(same)
        tensors = [torch.stack(parts) for parts in zip(*views, strict=True)]
        return Batch(*[*tensors, torch.tensor(pairs_of_one, device=self._rng.device)])

    def _view(self, subject: Subject, limits: Sequence[PoseRange], warp: Warp, mirrored: bool) -> tuple[Tensor, ...]:
        chosen = limits[int(torch.randint(len(limits), (1,), generator=self._rng, device=self._rng.device))]
        centre = subject.points.mean(dim=0)
        view = random_view(centre, warp, chosen, self._rng)
        points = view.from_head(_flipped(subject.points[self._mirror], centre) if mirrored else subject.points)
        classes = self._look_up(subject, view, mirrored)
        acquired = self._acquired(points)
        image = self._painter.paint(classes) * acquired
        rendering = functional.avg_pool3d(self._canonical[classes][None, None], 2)[0]
        tissues = functional.avg_pool3d(self._kinds[:, classes][None], 2)[0]
        known = acquired if self._chance(0.5) else torch.ones_like(acquired)
        valid = known > 0
        present = (points.abs() <= self.settings.half_width).all(dim=1) & self._inside(points, acquired)
        return image[None], rendering, tissues, classes.to(torch.uint8), valid, points, present, view.linear, view.shift

    def _look_up(self, subject: Subject, view: View, mirrored: bool) -> Tensor:
        """Class map ``(2N, 2N, 2N)`` of what the view sees: one nearest-neighbour look-up at twice the resolution."""
        head = view.to_head(self._fine)
        if mirrored:
            head = _flipped(head, view.centre)
        index = (head - subject.origin).round().long()
        size = torch.tensor(subject.classes.shape[::-1], device=index.device)
        inside = ((index >= 0) & (index < size)).all(dim=-1)
        x, y, z = index.minimum(size - 1).clamp(min=0).unbind(-1)
        return torch.where(inside, subject.classes[z, y, x].long(), 0)

    def _acquired(self, points: Tensor) -> Tensor:
        """Mask ``(N, N, N)``: 1 where the scan was acquired; sometimes a slab at one side is missing.

        The slab reaches up to half-way through the ``points`` ``(K, 3)``.  (A slab measured by the view instead hardly ever
        hid any of them, and networks learned that every keypoint is always there.)
        """
        size = self.settings.size
        mask = torch.ones(size, size, size, device=self._rng.device)
        if self._chance(self.settings.crop):
            which, side, share = torch.rand(3, generator=self._rng, device=self._rng.device).tolist()
            axis = int(3 * which)
            low, high = points[:, axis].min(), points[:, axis].max()
            depth = share * _DEEPEST_CROP * (high - low)
            places = self._places(points.device)
            kept = places > low + depth if side < 0.5 else places < high - depth
            mask = mask * _across(kept, axis)
        if self.settings.slab > 0 and self._chance(self.settings.slab):
            mask = mask * self._slab(points.mean(dim=0))
        return mask

    def _slab(self, middle: Tensor) -> Tensor:
        """A slab across a random axis that nearly always holds ``middle`` (3,), broadcast over ``(N, N, N)``."""
        which, thickness, off = torch.rand(3, generator=self._rng, device=self._rng.device).tolist()
        axis, width = int(3 * which), _SLABS[0] + thickness * (_SLABS[1] - _SLABS[0])
        kept = (self._places(middle.device) - middle[axis] - (off - 0.5) * width).abs() < 0.55 * width
        return _across(kept, axis)

    def _places(self, device: torch.device) -> Tensor:
        """Of the voxels along an axis, mm from the middle of the view, (N,)."""
        return (torch.arange(self.settings.size, device=device) - (self.settings.size - 1) / 2) * self.settings.spacing

    def _inside(self, points: Tensor, acquired: Tensor) -> Tensor:
        half = (self.settings.size - 1) / 2
        index = (points / self.settings.spacing + half).round().long().clamp(0, self.settings.size - 1)
        return acquired[index[:, 2], index[:, 1], index[:, 0]] > 0

    def _chance(self, probability: float) -> bool:
        return float(torch.rand(1, generator=self._rng, device=self._rng.device)) < probability


def _across(values: Tensor, axis: int) -> Tensor:
    """Values ``(N,)`` along I (0), J (1) or K (2), to be broadcast over ``(N, N, N)``."""
    return values.view([-1 if axis == 2 - dimension else 1 for dimension in range(3)])


def _kinds(tissue: Tissue, canonical: Tensor) -> Tensor:
    """For grey matter, white matter and fluid which classes are of that kind, ``(3, classes)``."""
    kinds = canonical.new_zeros(3, tissue.count)
    for row, classes in enumerate((tissue.grey, tissue.white, tissue.fluid)):
        kinds[row, classes] = 1
    return kinds


def _flipped(points: Tensor, centre: Tensor) -> Tensor:
    """Points ``(..., 3)`` mirrored left to right about ``centre``."""
    mirrored = points.clone()
    mirrored[..., 0] = 2 * centre[0] - points[..., 0]
    return mirrored


def lattice_axis(size: int, spacing: float, device: torch.device) -> Tensor:
    """Where ``size`` points lie along one axis, in mm around the middle."""
    return (torch.arange(size, device=device, dtype=torch.float32) - (size - 1) / 2) * spacing


def lattice(size: int, spacing: float, device: torch.device) -> Tensor:
    """Points ``(size, size, size, 3)`` in mm around the middle, x running fastest."""
    axis = lattice_axis(size, spacing, device)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.stack([x, y, z], dim=-1)
