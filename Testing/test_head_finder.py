"""Finding heads in scans of much more than a head, with a network that sees whatever is bright."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from KeypointRegistrationLib.detection.detector import Detector
from KeypointRegistrationLib.detection.head_finder import FoundHead, HeadFinder
from KeypointRegistrationLib.detection.network import Reading
from KeypointRegistrationLib.geometry.sampling import Grid
from KeypointRegistrationLib.geometry.volume import Volume
from tiny_model import write_tiny_bundle
from torch.nn import functional

WIDE = (700.0, 300.0, 260.0)  # mm: wider than the view of the tiny model, however coarse


class Bright:
    """Maps that follow brightness; present where anything is bright."""

    def __call__(self, image: torch.Tensor, _valid: torch.Tensor) -> Reading:
        coarse = functional.avg_pool3d(image, 2).flatten(2)
        return Reading(functional.log_softmax(20 * coarse, dim=2), 30 * coarse.amax(dim=2) - 5, image)


@pytest.fixture
def finder(tmp_path: Path) -> HeadFinder:
    write_tiny_bundle(tmp_path)
    finder = HeadFinder("tiny", folder=tmp_path)
    finder._model = Bright()  # type: ignore[assignment]
    return finder


def womb(*heads: tuple[tuple[float, float, float], float]) -> Volume:
    """A wide dark scan with bright balls of 25 mm radius at RAS places, each as bright as told."""
    matrix = np.diag([5.0, 5.0, 5.0, 1.0])
    matrix[:3, 3] = -np.array(WIDE) / 2
    grid = Grid(tuple(int(extent / 5) for extent in WIDE[::-1]), matrix)
    values = np.random.default_rng(0).uniform(0, 1, len(grid.positions()))
    for place, brightness in heads:
        values += brightness * (np.linalg.norm(grid.positions() - place, axis=1) < 25)
    return Volume(values.reshape(grid.shape), matrix, "womb")


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (-290.0, 90.0, -60.0), (280.0, -100.0, 70.0)])
def test_a_head_is_found_wherever_it_lies_in_a_scan_wider_than_a_view(finder: HeadFinder, place: tuple) -> None:
    best = finder.find(womb((place, 100.0)))[0]
    assert np.linalg.norm(best.centre - place) < 12
    assert best.likelihood > 0.5


def test_several_places_are_told_the_likeliest_first_and_each_once(finder: HeadFinder) -> None:
    heads = ((-60.0, 0.0, 0.0), (60.0, 0.0, 0.0))
    found = finder.find(womb(*((place, 100.0) for place in heads)))
    for place in heads:
        assert min(np.linalg.norm(head.centre - place) for head in found[:2]) < 12
    assert [head.likelihood for head in found] == sorted((head.likelihood for head in found), reverse=True)
    for number, head in enumerate(found):
        assert all(np.linalg.norm(head.centre - other.centre) > 40 for other in found[:number])


def test_another_head_is_seen_beside_the_one_that_is_known_and_only_where_there_is_one(finder: HeadFinder) -> None:
    known, other = np.array([-60.0, 0.0, 0.0]), np.array([100.0, 20.0, 0.0])
    seen = finder.another(womb((tuple(known), 100.0), (tuple(other), 60.0)), known, 40.0)
    assert seen is not None and np.linalg.norm(seen.centre - other) < 12
    assert finder.another(womb((tuple(known), 100.0)), known, 40.0) is None


def test_a_scan_of_nothing_but_the_head_has_no_other(finder: HeadFinder) -> None:
    assert finder.another(womb(((0.0, 0.0, 0.0), 100.0)), np.zeros(3), 1000.0) is None


def test_no_more_places_are_told_than_asked_for(finder: HeadFinder) -> None:
    assert len(finder.find(womb(((-60.0, 0.0, 0.0), 100.0), ((60.0, 0.0, 0.0), 95.0)), most=1)) == 1


def test_a_detector_looks_where_its_finder_saw_heads_but_a_mask_wins(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    detector = Detector("tiny", folder=tmp_path)
    scan = womb(((100.0, 0.0, 0.0), 100.0))

    class Elsewhere:
        def find(self, _volume: Volume) -> list[FoundHead]:
            return [FoundHead(np.array([-80.0, 10.0, 0.0]), 0.9), FoundHead(np.array([0.0, 50.0, 0.0]), 0.2)]

    def middles(mask: Volume | None) -> list[np.ndarray]:
        return [head.centre for head in detector._heads(scan, mask)]

    np.testing.assert_allclose(middles(None), [[100, 0, 0]], atol=6)
    detector._finder = Elsewhere()  # type: ignore[assignment]
    np.testing.assert_allclose(middles(None), [[-80, 10, 0], [0, 50, 0]])
    mask = Volume((scan.voxels > 50).astype(np.uint8), scan.ijk_to_ras, "mask")
    np.testing.assert_allclose(middles(mask), [[100, 0, 0]], atol=6)
