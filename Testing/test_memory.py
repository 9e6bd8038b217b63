"""Keypoints that are kept: never for another scan, and never too many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.detection.bundle import load_card
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.registration.memory import KeypointMemory, RememberingDetector
from samples import sample_heatmaps, sample_keypoints, sample_matrix, sample_volume
from tiny_model import write_tiny_bundle


class Counting:
    """A detector that counts how often it has to look."""

    def __init__(self, folder: Path) -> None:
        write_tiny_bundle(folder)
        self.card = load_card("tiny", folder)
        self.warnings: list[str] = []
        self.device = "cpu"
        self.looks = 0

    def detect(self, volume: Volume, mask: Volume | None = None) -> Detection:
        self.looks += 1
        keypoints = sample_keypoints(8, seed=self.looks)
        return Detection(keypoints, sample_heatmaps(keypoints))


@pytest.fixture
def counting(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


def mask_of(volume: Volume) -> Volume:
    return Volume(volume.voxels > 0, volume.ijk_to_ras, "mask")


def test_the_same_scan_under_another_name_is_known(counting: Counting) -> None:
    detector = RememberingDetector(counting, KeypointMemory())
    first = detector.detect(sample_volume())
    again = detector.detect(replace(sample_volume(), name="another name"))
    assert counting.looks == 1
    assert (first.remembered, again.remembered) == (False, True)
    np.testing.assert_array_equal(again.keypoints.positions, first.keypoints.positions)


@pytest.mark.parametrize("difference", ["one voxel", "number type", "place", "mask", "another mask", "weights", "device"])
def test_any_difference_that_counts_makes_it_another_scan(counting: Counting, difference: str) -> None:
    memory, volume = KeypointMemory(), sample_volume()
    mask = mask_of(volume) if difference == "another mask" else None
    RememberingDetector(counting, memory).detect(volume, mask)
    if difference == "one voxel":
        voxels = volume.voxels.copy()
        voxels[3, 4, 5] += 1
        volume = replace(volume, voxels=voxels)
    elif difference == "number type":
        volume = replace(volume, voxels=volume.voxels.astype(np.float32))
    elif difference == "place":
        volume = volume.moved(sample_matrix(0.001, (0, 0, 0)))
    elif difference == "mask":
        mask = mask_of(volume)
    elif difference == "another mask":
        mask = Volume(volume.voxels > 100, volume.ijk_to_ras, "mask")
    elif difference == "weights":
        counting.card = replace(counting.card, sha256="1" * 64)
    else:
        counting.device = "cuda"
    assert not RememberingDetector(counting, memory).detect(volume, mask).remembered
    assert counting.looks == 2


def test_what_a_mask_and_a_scan_are_is_not_confused(counting: Counting) -> None:
    detector, volume = RememberingDetector(counting, KeypointMemory()), sample_volume()
    mask = mask_of(volume)
    detector.detect(volume, mask)
    assert not detector.detect(mask, volume).remembered


def test_the_memory_keeps_what_was_used_last_and_no_more_than_fits(counting: Counting) -> None:
    size = sample_heatmaps(sample_keypoints(8)).values.nbytes
    memory = KeypointMemory(capacity=int(2.5 * size))
    detector = RememberingDetector(counting, memory)
    scans = [sample_volume(seed=seed) for seed in range(3)]
    for scan in (scans[0], scans[1], scans[0], scans[2]):  # the second is the one not used for longest
        detector.detect(scan)
    assert len(memory) == 2
    assert detector.detect(scans[0]).remembered and detector.detect(scans[2]).remembered
    assert not detector.detect(scans[1]).remembered


def test_a_detection_larger_than_the_memory_is_not_kept(counting: Counting) -> None:
    memory = KeypointMemory(capacity=10)
    RememberingDetector(counting, memory).detect(sample_volume())
    assert len(memory) == 0
