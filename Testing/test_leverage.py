"""Leverage against its definition: how far the fit follows one point that moves."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.alignment import DegenerateError, fit
from KeypointRegistrationLib.geometry.leverage import leverage
from KeypointRegistrationLib.geometry.transforms import TransformType, apply
from samples import sample_keypoints, sample_matrix

MOVING = sample_keypoints(14).positions
WEIGHTS = np.linspace(1.0, 3.0, 14)


@pytest.mark.parametrize("kind", [TransformType.RIGID, TransformType.AFFINE])
def test_it_is_the_share_of_a_shift_that_the_fit_follows(kind: TransformType) -> None:
    matrix = sample_matrix()
    fixed = apply(matrix, MOVING)
    shares = leverage(kind, matrix, MOVING, WEIGHTS)
    for k in (0, 5, 13):
        followed = 0.0
        for axis in range(3):
            moved = fixed.copy()
            moved[k, axis] += 1e-3
            followed += (apply(fit(kind, MOVING, moved, WEIGHTS), MOVING)[k] - fixed[k])[axis] / 1e-3 / 3
        # The affine fit is the midpoint of two regressions, of which leverage linearises the first.
        assert shares[k] == pytest.approx(followed, abs=2e-3)


@pytest.mark.parametrize("kind", list(TransformType))
def test_all_leverages_share_the_parameters(kind: TransformType) -> None:
    assert leverage(kind, sample_matrix(), MOVING, WEIGHTS).sum() == pytest.approx(kind.parameters / 3)


def test_a_pair_that_stands_alone_has_leverage_one() -> None:
    plane = np.array([[x, y, 0.0] for x in (-40, 0, 40) for y in (-40, 0, 40)] + [[0, 0, 60.0]])
    shares = leverage(TransformType.AFFINE, np.eye(4), plane, np.ones(10))
    assert shares[9] == pytest.approx(1.0)
    assert shares[:9].max() < 0.7


def test_a_pair_without_weight_has_none() -> None:
    assert leverage(TransformType.RIGID, np.eye(4), MOVING, np.r_[0.0, WEIGHTS[1:]])[0] == 0


def test_points_that_determine_nothing_are_refused() -> None:
    with pytest.raises(DegenerateError):
        leverage(TransformType.AFFINE, np.eye(4), MOVING * (1, 1, 0), WEIGHTS)
