"""Other programs, called and read in the right direction."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.evaluation import multistart, peers
from KeypointRegistrationLib.evaluation.metrics import (
    corner_displacement,
)
from KeypointRegistrationLib.geometry.transforms import TransformType, affine, invert
from samples import sample_matrix, sample_volume
from scipy.spatial.transform import Rotation

RIGID, AFFINE = TransformType.RIGID, TransformType.AFFINE


def test_centre_of_mass_brings_the_heads_together():
    fixed = sample_volume()
    moving = fixed.moved(affine(np.eye(3), (30, -20, 10)))
    np.testing.assert_allclose(peers.centre_of_mass(fixed, moving, RIGID)[:3, 3], (-30, 20, -10), atol=0.1)
    np.testing.assert_array_equal(peers.unaligned(fixed, moving, RIGID), np.eye(4))


@pytest.mark.parametrize("kind", [RIGID, AFFINE])
@pytest.mark.parametrize(
    ("peer", "package"),
    [(peers.ants, "ants"), (peers.elastix, "itk"), (peers.greedy, "picsl_greedy"), (multistart.register, "SimpleITK")],
)
def test_peers_answers_are_read_in_the_right_direction_and_space(peer, package, kind):
    pytest.importorskip(package)
    fixed, truth = sample_volume(), sample_matrix(8, (6, -4, 5))
    found = peer(fixed, fixed.moved(invert(truth)), kind)
    # A wrong direction, composition or handedness would be further off than doing nothing.
    assert corner_displacement(found, truth, fixed.corners) < 0.5 * corner_displacement(np.eye(4), truth, fixed.corners)


def test_several_starts_find_a_head_that_is_turned_far():
    turn = Rotation.from_euler("z", 100, degrees=True).as_matrix()
    fixed, truth = sample_volume(), affine(turn, (6, -4, 5))
    found = multistart.register(fixed, fixed.moved(invert(truth)), RIGID)
    assert corner_displacement(found, truth, fixed.corners) < 0.2 * corner_displacement(np.eye(4), truth, fixed.corners)
