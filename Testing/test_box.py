"""A box as a mask: what is inside it, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.geometry.box import box_mask
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.sampling import Grid, inside_mask
from samples import sample_matrix


@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_what_is_inside_a_turned_box_is_inside_its_mask(degrees: float) -> None:
    turned, middle, size = sample_matrix(degrees)[:3, :3], np.array([5.0, -8.0, 3.0]), np.array([30.0, 50.0, 20.0])
    grid = Grid.cubic(40, 2.0, middle)
    inside = inside_mask(box_mask(turned * size, middle), grid).ravel()
    depth = (size / 2 - np.abs((grid.positions() - middle) @ turned)).min(axis=1)
    assert inside[depth > 1e-6].all() and not inside[depth < -1e-6].any()
    assert inside.any()


@pytest.mark.parametrize("size", [(40.0, 0.0, 40.0), (np.nan, 40.0, 40.0)])
def test_a_box_into_which_nothing_fits_is_refused(size: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="nothing fits into it"):
        box_mask(np.diag(size), np.zeros(3), "ROI")
