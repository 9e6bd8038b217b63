"""What is asked of a model in scans that are cut: which keypoints are gone, and where the others are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from KeypointRegistrationLib.detection.heatmaps import Detection
from KeypointRegistrationLib.evaluation.inspect_cropping import cut, judge_cropped
from KeypointRegistrationLib.geometry.transforms import apply
from KeypointRegistrationLib.geometry.volume import Volume
from samples import sample_heatmaps, sample_keypoints, sample_volume

COUNT = 40


@pytest.mark.parametrize("seed", range(6))
def test_the_share_is_cut_off_and_the_rest_stays_where_it_was(seed: int) -> None:
    scan = sample_volume(size=30, spacing=5.0)
    positions = apply(scan.ijk_to_ras, np.random.default_rng(1).uniform(3, 26, (400, 3)))
    part = cut(scan, positions, 0.35, np.random.default_rng(seed))
    ijk = apply(part.ras_to_ijk, positions)
    inside = ((ijk >= -0.5) & (ijk <= np.array(part.shape[::-1]) - 0.5)).all(axis=1)
    assert 1 - inside.mean() == pytest.approx(0.35, abs=0.04)
    offset = np.round(apply(scan.ras_to_ijk, apply(part.ijk_to_ras, np.zeros((1, 3))))[0]).astype(int)
    k, j, i = (slice(o, o + n) for o, n in zip(offset[::-1], part.shape, strict=True))
    np.testing.assert_array_equal(part.voxels, scan.voxels[k, j, i])


def test_what_is_told_of_keypoints_is_compared_with_what_was_cut_off() -> None:
    scan = sample_volume(size=40, spacing=5.0)
    keypoints = sample_keypoints(COUNT)
    keypoints = replace(keypoints, presence=np.ones(COUNT))

    class AllThere:
        def detect(self, _volume: Volume) -> Detection:
            moved = replace(keypoints, positions=keypoints.positions + np.array([3.0, 0, 0]))
            return Detection(moved, sample_heatmaps(sample_keypoints(6), size=8, spacing=20.0))

    found = judge_cropped(AllThere(), scan, keypoints, 0.5, np.random.default_rng(0))  # type: ignore[arg-type]
    assert len(found.told_absent) and not found.told_absent.any()
    assert len(found.told_present) and found.told_present.all()
    np.testing.assert_allclose(found.errors, 3.0)
