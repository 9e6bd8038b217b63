"""What the worker hands over is what it had, and nothing in the hand-over can run code."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from KeypointRegistrationLib.files.archive import load_registration, load_volume, save_registration, save_volume
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.result import SimilarityChange, Trust, TrustLevel
from samples import sample_registration, sample_volume


def assert_same(one: object, other: object) -> None:
    """Equal down to the last bit, NaN included, arrays and nested dataclasses too."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other, equal_nan=True)
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    else:
        assert one == other or (one != one and other != other)


def test_a_registration_comes_back_complete(tmp_path: Path) -> None:
    registration = replace(
        sample_registration(),
        fre=1 / 3,
        similarity=SimilarityChange(float("nan"), 1.1),
        trust=Trust(TrustLevel.CHECK, ("One – reason.", "Another.")),
        warnings=("Grüße: 3 × 4",),
        device="cuda",
    )
    save_registration(tmp_path / "result.npz", registration)
    assert_same(load_registration(tmp_path / "result.npz"), registration)


def test_a_registration_without_heatmaps_comes_back_without(tmp_path: Path) -> None:
    registration = replace(sample_registration(), fixed_heatmaps=None, moving_heatmaps=None)
    save_registration(tmp_path / "result.npz", registration)
    assert_same(load_registration(tmp_path / "result.npz"), registration)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.uint64, np.float32])
def test_a_volume_comes_back_in_its_own_number_type(tmp_path: Path, dtype: type) -> None:
    volume = replace(sample_volume("Kopf 1"), voxels=sample_volume().voxels.astype(dtype))
    save_volume(tmp_path / "volume.npz", volume)
    assert_same(load_volume(tmp_path / "volume.npz"), volume)


def test_other_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    save_volume(tmp_path / "volume.npz", sample_volume())
    (tmp_path / "text.npz").write_text("hello")
    for name in ("volume.npz", "text.npz", "absent.npz"):
        with pytest.raises(InputError, match=name):
            load_registration(tmp_path / name)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", voxels=np.array([object()]), ijk_to_ras=np.eye(4), name=np.array("x"))
    with pytest.raises(InputError, match=r"evil\.npz"):
        load_volume(tmp_path / "evil.npz")
