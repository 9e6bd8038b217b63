"""One person or two, by how much the keypoints differ in size and shape."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.transforms import apply
from KeypointRegistrationLib.registration.anatomy import unlikeness
from samples import sample_keypoints, sample_matrix

POINTS = sample_keypoints(40).positions


def seen_again(stretch: float, noise: float = 1.0) -> np.ndarray:
    """The points of a head turned, stretched along one axis, and found with errors of ``noise`` mm along each axis."""
    moved = apply(sample_matrix(70.0), POINTS * (1 + stretch, 1.0, 1.0))
    return moved + np.random.default_rng(1).normal(scale=noise, size=POINTS.shape)


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_scans_of_one_person_look_alike_however_the_head_lies_and_the_points_scatter(noise: float) -> None:
    assert unlikeness(POINTS, seen_again(0.0, noise), np.ones(40)) < 0.4


def test_a_percent_of_scale_is_still_one_person() -> None:
    assert unlikeness(POINTS, seen_again(0.01), np.ones(40)) == 0.0


def test_heads_of_other_shape_are_two_people_whichever_is_the_fixed_one() -> None:
    other = seen_again(0.1)
    assert unlikeness(POINTS, other, np.ones(40)) == unlikeness(other, POINTS, np.ones(40)) == 1.0


def test_more_stretch_never_looks_more_alike() -> None:
    shares = [unlikeness(POINTS, seen_again(stretch), np.ones(40)) for stretch in np.linspace(0.0, 0.12, 7)]
    assert shares == sorted(shares)


def test_too_few_or_flat_pairs_do_not_tell() -> None:
    assert unlikeness(POINTS[:4], POINTS[:4], np.ones(4)) is None
    flat = POINTS * (1.0, 1.0, 0.0)
    assert unlikeness(flat, flat, np.ones(40)) is None
