"""A bundled network at work on one scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.alignment import DegenerateError
from ..geometry.errors import InputError
from ..geometry.keypoints import Keypoints
from ..geometry.robust import RobustFit, robust_fit
from ..geometry.sampling import Grid, Sampler, inside_mask
from ..geometry.transforms import TransformType, affine, apply, nearest_rotation, rotation_angle
from ..geometry.volume import Volume
from .bundle import Card, load_card, verified_weights
from .head_finder import FoundHead, HeadFinder
from .heatmaps import Detection, Heatmaps
from .localisation import head_centre
from .moments import moments
from .network import bundled_network
from .orientations import TURNED_HEADS
from .views import shown

_LOOKS = 5
_SETTLED = (2.0, 2.0)  # degrees and mm: a view that would move by less stays, which moves keypoints by half a mm
_SIZE_RANGE = (0.75, 1.3)  # of the head relative to the template, followed by the view
_HEAD_RADIUS = 55.0  # mm around the middle of a head of the template's size: nothing of it is further away


@dataclass(frozen=True, eq=False)
class _View:
    """Where a scan is looked at: the axes (3, 3), columns, and the middle (3,), RAS mm, of the grid that is sampled."""

    scan: Sampler
    mask: Volume | None
    axes: NDArray[np.float64]
    centre: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Look:
    """One pass of the network: the view, what it found there, and how the template of an upright head fits into the scan."""

    view: _View
    detection: Detection
    pose: RobustFit | None

    @property
    def doubt(self) -> float:
        """Median spread of the maps, in mm of a head of the template's size; infinite without a pose.

        Maps are wide where the network sees nothing it knows, but also in a large head: that is no reason for doubt.  And a
        head seen the wrong way round is taken for a smaller one than it is.
        """
        if self.pose is None:
            return float(np.inf)
        return float(np.median(self.detection.keypoints.spread)) / _head_size(self.pose.matrix)

    @property
    def misfit(self) -> float:
        """Median distance in mm of the keypoints from where the template would have them; infinite without a pose.

        Of views that are all far from upright it tells the nearer ones better than the doubt does.
        """
        if self.pose is None:
            return float(np.inf)
        return float(np.nanmedian(self.pose.residuals)) / _head_size(self.pose.matrix)


class Detector:
    """Finds the keypoints of a model bundle in scans.

    The scan is looked at up to five times, each time interpolated once from (block averages of) its voxels: first upright
    around the head, then turned, centred and scaled as the keypoints found so far say the head lies.  Should the maps stay
    wider than those of upright heads of that size usually are, it is looked at from other sides, set by set, until they do
    not, and the surest view kept.

    Args:
        name: of the bundle.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        folder: of the bundles (default: those that come with the module).
        looks: most looks from one side; with one, there is no other side either.

    Raises:
        InputError: if the bundle is unknown, damaged or altered.
    """

    def __init__(self, name: str, device: str = "auto", folder: Path | None = None, looks: int = _LOOKS) -> None:
        self.card: Card = load_card(name, folder)
        self.warnings: list[str] = []
        self._looks = looks
        self._device = self._choose(device)
        self._model = bundled_network(self.card, verified_weights(name, folder))
        self._place(self._device)
        self._finder = HeadFinder(self.card.finder, self._device, folder) if self.card.finder else None

    @property
    def device(self) -> str:
        """Where the network runs: ``cpu``, ``cuda`` or ``mps``."""
        return self._device

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        """Keypoints and probability maps of ``volume``; voxels outside ``mask`` (zero) are not looked at.

        Raises:
            InputError: if the scan is constant or not finite, or the mask misses it.
        """
        volume.value_range()
        heads = self._heads(volume, mask)
        scan = Sampler(volume)
        looks = self._settled(self._look([_View(scan, mask, np.eye(3), head.centre) for head in heads]))
        head, best = min(zip(heads, looks, strict=True), key=lambda pair: pair[1].doubt / np.sqrt(pair[0].likelihood))
        for orientations in TURNED_HEADS:
            if best.doubt <= self.card.familiar_spread or self._looks == 1:
                break
            looks = self._look([_View(scan, mask, axes, head.centre) for axes in orientations])
            likeliest = min(looks, key=lambda look: look.misfit)
            best = min(best, *self._settled([likeliest]), key=lambda look: look.doubt)
        return replace(best.detection, doubt=best.doubt)

    def detect_together(self, volumes: Sequence[Volume], start: NDArray[np.float64]) -> list[Detection]:
        """``detect`` of scans in which the head lies near the pose ``start`` (a ``Detection.pose``); it is searched
        for nowhere else.  The network sees the scans as one batch.

        Raises:
            InputError: if one of the scans is constant or not finite.
        """
        for volume in volumes:
            volume.value_range()
        looks = self._settled(self._look([_View(Sampler(volume), None, *self._upright(start)) for volume in volumes]))
        return [replace(look.detection, doubt=look.doubt) for look in looks]

    def other_head(self, volume: Volume, found: Detection) -> NDArray[np.float64] | None:
        """Middle of a head (3,), RAS mm, other than the one ``found`` in ``volume``; None where the model sees none.

        That of a twin, say.  Models without a finder look for no second head.
        """
        if self._finder is None or found.pose is None:
            return None
        size = np.clip(_head_size(found.pose), *_SIZE_RANGE)
        other = self._finder.another(volume, found.pose[:3, 3], _HEAD_RADIUS * size)
        return None if other is None else other.centre

    def _heads(self, volume: Volume, mask: Volume | None) -> list[FoundHead]:
        """Where the model's finder sees heads; without one, or in a mask, the largest bright object."""
        found = self._finder.find(volume) if self._finder is not None and mask is None else []
        return found or [FoundHead(head_centre(volume, mask), 1.0)]

    def _settled(self, looks: Sequence[_Look]) -> list[_Look]:
        """Turn to where the heads seem to be, and look again, until the views would hardly change."""
        settled = list(looks)
        unsettled = list(range(len(settled)))
        for _ in range(self._looks - 1):
            views = {index: view for index in unsettled if (view := self._next_view(settled[index])) is not None}
            if not views:
                break
            for index, look in zip(views, self._look(list(views.values())), strict=True):
                settled[index] = look
            unsettled = list(views)
        return settled

    def _next_view(self, look: _Look) -> _View | None:
        """The view that sees the head upright, unless it would be nearly the same, or no head was seen."""
        if look.pose is None:
            return None
        view = look.view
        axes, centre = self._upright(look.pose.matrix)
        turned = rotation_angle(affine(nearest_rotation(axes) @ nearest_rotation(view.axes).T, np.zeros(3)))
        if turned < _SETTLED[0] and np.linalg.norm(centre - view.centre) < _SETTLED[1]:
            return None
        return _View(view.scan, view.mask, axes, centre)

    def _look(self, views: Sequence[_View]) -> list[_Look]:
        grids, images, covered = [], [], []
        for view in views:
            grid = Grid.cubic(self.card.size, self.card.spacing, view.centre, view.axes)
            image, known = shown(view.scan, grid, None if view.mask is None else inside_mask(view.mask, grid))
            grids.append(grid)
            images.append(image)
            covered.append(known)
        looks = []
        for view, detection in zip(views, self._run(torch.stack(images), torch.stack(covered), grids), strict=True):
            pose = self._pose(detection.keypoints)
            if pose is not None:
                expected = apply(pose.matrix, self.card.template)
                keypoints = _without_those_outside(detection.keypoints, expected, view.scan.volume)
                detection = replace(detection, keypoints=keypoints, pose=pose.matrix)
            looks.append(_Look(view, detection, pose))
        return looks

    @torch.inference_mode()
    def _run(self, images: Tensor, covered: Tensor, grids: Sequence[Grid]) -> list[Detection]:
        """What the network sees in views ``(B, 1, N, N, N)`` that scans cover where ``covered`` ``(B, N, N, N)``."""
        try:
            reading = self._model(images.to(self._device), covered.to(self._device))
        except torch.OutOfMemoryError:
            self.warnings.append("The GPU ran out of memory, so the keypoints were found on the CPU.")
            self._place("cpu")
            reading = self._model(images, covered)
        log_probabilities, presence = reading.log_probabilities.cpu(), reading.presence.cpu()
        return [self._detection(*parts) for parts in zip(log_probabilities.split(1), presence.split(1), grids, strict=True)]

    def _detection(self, log_probabilities: Tensor, presence: Tensor, grid: Grid) -> Detection:
        """Keypoints and maps in RAS of one view's log probabilities ``(1, K, n³)`` and presence logits ``(1, K)``."""
        coarsening = self.card.architecture.coarsening
        size, spacing = self.card.size // coarsening, self.card.spacing * coarsening
        found = moments(log_probabilities, size, spacing)
        map_grid = grid.coarsened(coarsening)
        to_ras = map_grid.ijk_to_ras[:3, :3] / spacing
        middle = map_grid.ijk_to_ras[:3, :3] @ np.full(3, (size - 1) / 2) + map_grid.ijk_to_ras[:3, 3]
        keypoints = Keypoints(
            self.card.labels,
            found.means[0].double().numpy() @ to_ras.T + middle,
            to_ras @ found.covariances[0].double().numpy() @ to_ras.T,
            torch.sigmoid(presence[0]).double().numpy(),
            found.divergences(isotropic=False)[0].double().numpy(),
        )
        maps = log_probabilities[0].exp().unflatten(1, (size, size, size)).numpy()
        return Detection(keypoints, Heatmaps(maps, map_grid))

    def _pose(self, keypoints: Keypoints) -> RobustFit | None:
        """Similarity that takes the template into the scan, or None where too little of the head was found."""
        count = len(keypoints)
        template = Keypoints(keypoints.labels, self.card.template, np.zeros((count, 3, 3)), np.ones(count), np.zeros(count))
        noise = np.hypot(2 * self.card.localisation_error(keypoints.spread), self.card.variation + 4.0)
        try:
            return robust_fit(TransformType.SIMILARITY, template, keypoints, keypoints.present, noise)
        except DegenerateError:
            return None

    def _upright(self, template_to_scan: NDArray) -> tuple[NDArray, NDArray]:
        """Axes (scaled with the head) and centre of the grid that sees the head upright."""
        size = np.clip(_head_size(template_to_scan), *_SIZE_RANGE)
        return nearest_rotation(template_to_scan[:3, :3]) * size, template_to_scan[:3, 3]

    def _choose(self, device: str) -> str:
        available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if device == "auto":
            return "cuda" if available["cuda"] else "cpu"
        if device not in available:
            raise InputError(f"{device} is not a device. Choose auto, cpu, cuda or mps.")
        if not available[device]:
            self.warnings.append(f"The device {device} is not available on this computer, so the CPU was used.")
            return "cpu"
        return device

    def _place(self, device: str) -> None:
        self._device = device
        self._model = self._model.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def _head_size(template_to_scan: NDArray) -> float:
    """Size of the head relative to the template."""
    return float(np.cbrt(abs(np.linalg.det(template_to_scan[:3, :3]))))


def _without_those_outside(keypoints: Keypoints, expected: NDArray, volume: Volume) -> Keypoints:
    """Keypoints whose ``expected`` positions (K, 3) lie outside the scan are not present, whatever their maps show."""
    ijk = apply(volume.ras_to_ijk, expected)
    inside = ((ijk >= -0.5) & (ijk <= np.array(volume.shape[::-1]) - 0.5)).all(axis=1)
    return replace(keypoints, presence=keypoints.presence * inside)
