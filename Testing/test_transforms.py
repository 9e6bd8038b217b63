"""Transforms keep their conventions and say in plain numbers what they do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from KeypointRegistrationLib.geometry.transforms import (
    TransformType,
    affine,
    apply,
    decompose,
    describe,
    invert,
    nearest_rotation,
    ras_to_lps,
    rotation_angle,
)
from samples import sample_matrix
from scipy.spatial.transform import Rotation

numbers = st.floats(-1, 1)


@st.composite
def affines(draw) -> np.ndarray:
    """Rotations of any angle after a moderate stretch and shear, with shifts of up to 200 mm."""
    rotation = Rotation.from_rotvec([draw(st.floats(-3, 3)) for _ in range(3)]).as_matrix()
    stretch = np.eye(3) + 0.25 * np.array([[draw(numbers) for _ in range(3)] for _ in range(3)])
    return affine(rotation @ stretch, [200 * draw(numbers) for _ in range(3)])


@given(affines())
@settings(max_examples=50, deadline=None)
def test_inverting_undoes_a_transform_exactly_in_its_last_row(matrix):
    inverse = invert(matrix)
    assert np.array_equal(inverse[3], (0, 0, 0, 1))
    np.testing.assert_allclose(inverse @ matrix, np.eye(4), atol=1e-9)


@given(affines())
@settings(max_examples=50, deadline=None)
def test_decomposition_puts_together_again_and_its_rotation_is_proper(matrix):
    parts = decompose(matrix)
    np.testing.assert_allclose(parts.matrix, matrix, atol=1e-9)
    np.testing.assert_allclose(parts.rotation @ parts.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(parts.rotation) == pytest.approx(1)


def test_ras_to_lps_moves_the_same_anatomy():
    matrix = sample_matrix()
    point = np.array([11.0, 22.0, 33.0])
    lps = apply(ras_to_lps(matrix), point * (-1, -1, 1))
    np.testing.assert_allclose(lps * (-1, -1, 1), apply(matrix, point))
    np.testing.assert_allclose(ras_to_lps(ras_to_lps(matrix)), matrix)


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 30.0, 90.0, 179.999])
def test_rotation_angle_is_the_turn_however_the_transform_also_stretches(degrees):
    matrix = sample_matrix(degrees)
    assert rotation_angle(matrix) == pytest.approx(degrees, abs=1e-6)
    assert rotation_angle(matrix @ np.diag([1.1, 0.9, 1.05, 1])) == pytest.approx(degrees, abs=1e-6)


def test_nearest_rotation_of_a_mirror_image_is_no_mirror_image():
    assert np.linalg.det(nearest_rotation(np.diag([1.0, 1.0, -1.0]))) == pytest.approx(1)


def test_parameters_are_the_degrees_of_freedom():
    assert [kind.parameters for kind in TransformType] == [6, 7, 12]


def test_describing_nothing_says_nothing_moves():
    assert describe(np.eye(4)) == "does not rotate, shifts 0.0 mm at the centre"


def test_describing_names_angle_axis_shift_and_scales():
    turn = Rotation.from_euler("z", 12.34, degrees=True).as_matrix()
    text = describe(affine(turn @ np.diag([1.03, 0.98, 1.01]), (3, 4, 0)))
    assert "rotates 12.3° about the foot–head axis" in text
    assert "shifts 5.0 mm" in text
    assert "scales 1.030 / 0.980 / 1.010 along R / A / S" in text
    assert "shear" not in text


def test_described_shift_is_the_one_at_the_given_centre():
    turn = Rotation.from_euler("x", 180, degrees=True).as_matrix()
    assert "shifts 200.0 mm" in describe(affine(turn, (0, 0, 0)), centre=(50, 100, 0))
    assert "oblique axis" in describe(sample_matrix())


@pytest.mark.parametrize(
    ("axis", "degrees", "words"),
    [
        ("x", 20, "the face upwards"),
        ("x", -20, "the face downwards"),
        ("y", 20, "the top of the head to its right"),
        ("y", -20, "the top of the head to its left"),
        ("z", 20, "the face to its left"),
        ("z", -20, "the face to its right"),
    ],
)
def test_the_words_say_which_way_a_head_turns(axis: str, degrees: float, words: str) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    face, top = matrix[:3, :3] @ (0, 1, 0), matrix[:3, :3] @ (0, 0, 1)
    seen = {
        "the face upwards": face[2] > 0.1,
        "the face downwards": face[2] < -0.1,
        "the top of the head to its right": top[0] > 0.1 and abs(face[2]) < 0.1,
        "the top of the head to its left": top[0] < -0.1 and abs(face[2]) < 0.1,
        "the face to its left": face[0] < -0.1,
        "the face to its right": face[0] > 0.1,
    }
    assert seen[words] and describe(matrix).startswith(
        f"rotates 20.0° about the {('left–right', 'back–front', 'foot–head')['xyz'.index(axis)]} axis, {words}"
    )
