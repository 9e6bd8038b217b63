"""Schemes of points that the label maps of a training have in common."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.training import anatomy
from KeypointRegistrationLib.training.landmarks import SpreadLandmarks, landmarks_of
from phantom import phantom_labels


@pytest.fixture(scope="module")
def labels() -> Volume:
    return phantom_labels(4.0)


def test_named_points_are_those_of_the_anatomy(labels: Volume) -> None:
    scheme = landmarks_of("named", count=0, brain_below=500)
    assert scheme.names == anatomy.names()
    np.testing.assert_array_equal(scheme.points(labels), anatomy.reference_points(labels))


def test_spread_points_fill_the_box_of_the_brain_as_mirrored_twins(labels: Volume) -> None:
    scheme = SpreadLandmarks(32, brain_below=500)
    points = scheme.points(labels)
    assert points.shape == (len(scheme.names), 3) == (32, 3)
    np.testing.assert_allclose(points[scheme.mirrored_order], points * (-1, 1, 1), atol=2.0)
    apart = np.linalg.norm(points[:, None] - points, axis=2) + 1e3 * np.eye(32)
    assert apart.min() > 8.0
    kji = np.argwhere((labels.voxels > 0) & (labels.voxels < 500))
    extent = (kji.max(axis=0) - kji.min(axis=0))[::-1] * 4.0
    assert (np.ptp(points, axis=0) > 0.6 * extent).all()
    assert (np.ptp(points, axis=0) < extent).all()


def test_fewer_spread_points_are_the_first_of_more(labels: Volume) -> None:
    many, few = (SpreadLandmarks(count, 500).points(labels) for count in (24, 10))
    np.testing.assert_array_equal(few, many[:10])


def test_points_on_the_midline_have_no_side_and_no_twin(labels: Volume) -> None:
    scheme = landmarks_of("midline", 16, brain_below=500)
    points = scheme.points(labels)
    np.testing.assert_allclose(points[:, 0], 0.0, atol=2.0)
    np.testing.assert_array_equal(scheme.mirrored_order, np.arange(16))
    assert (np.ptp(points, axis=0)[1:] > 60.0).all()


@pytest.mark.parametrize("count", [6, 11])
def test_a_number_of_points_that_cannot_be_spread_is_a_sentence(count: int) -> None:
    with pytest.raises(InputError, match=f"even number of points, at least 8, can be spread; {count} was asked"):
        landmarks_of("spread", count, brain_below=500)


def test_an_unknown_scheme_is_a_sentence() -> None:
    with pytest.raises(InputError, match="named, spread, midline, middle or marked, not sprayed"):
        landmarks_of("sprayed", 32, 500)


def test_a_map_without_a_brain_is_a_sentence(labels: Volume) -> None:
    scalp = Volume(np.full_like(labels.voxels, 507), labels.ijk_to_ras, "scalp")
    with pytest.raises(InputError, match="scalp has no brain: no label from 1 to below 500"):
        SpreadLandmarks(8, 500).points(scalp)
