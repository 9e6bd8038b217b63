"""Keypoints of scans that were looked at before: a scan's keypoints depend on that scan alone, so they can be kept."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from ..detection.bundle import Card
from ..detection.heatmaps import Detection
from ..geometry.volume import Volume
from .pipeline import KeypointSource

#: How much the kept detections may take, in bytes; nearly all of it are probability maps.
_CAPACITY = 512 << 20


class KeypointMemory:
    """The detections used most recently, by what determines them, within ``capacity`` bytes."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, Detection] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, key: str) -> Detection | None:
        """The detection kept under ``key``, if it is still there."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: str, detection: Detection) -> None:
        """Keep a detection; those not used for longest make room for it."""
        self._kept[key] = detection
        self._kept.move_to_end(key)
        while sum(map(_size, self._kept.values())) > self._capacity:
            self._kept.popitem(last=False)


class RememberingDetector:
    """A detector that does not look again at what it has seen: the same voxels, place, mask, weights and device."""

    def __init__(self, detector: KeypointSource, memory: KeypointMemory) -> None:
        self._detector = detector
        self._memory = memory

    @property
    def card(self) -> Card:
        """Of the model."""
        return self._detector.card

    @property
    def warnings(self) -> list[str]:
        """What was different from what was asked for."""
        return self._detector.warnings

    @property
    def device(self) -> str:
        """Where it runs."""
        return self._detector.device

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        """Keypoints and probability maps of a scan, from memory where they are known.

        Raises:
            InputError: if the scan or the mask cannot be used.
        """
        contents = fingerprint(volume), "" if mask is None else fingerprint(mask)
        known = self._memory.recall(self._key(*contents))
        if known is not None:
            return replace(known, remembered=True)
        found = self._detector.detect(volume, mask)
        self._memory.keep(self._key(*contents), found)  # the device may have changed meanwhile
        return found

    def _key(self, *contents: str) -> str:
        return " ".join((self.card.sha256, self.device, *contents))


def fingerprint(volume: Volume) -> str:
    """A digest of voxels and position.  The name does not count."""
    digest = hashlib.blake2b(digest_size=32)
    digest.update(f"{volume.shape} {volume.voxels.dtype.str} {volume.ijk_to_ras.tolist()}".encode())
    for slab in volume.slabs():
        digest.update(np.ascontiguousarray(slab).data)
    return digest.hexdigest()


def _size(detection: Detection) -> int:
    keypoints = detection.keypoints
    return detection.heatmaps.values.nbytes + keypoints.positions.nbytes + keypoints.covariances.nbytes
