"""How well networks follow turned scans: exact for steerable ones at quarter turns, and not so for the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from KeypointRegistrationLib.detection.architecture import NetworkKind
from KeypointRegistrationLib.detection.network import KeypointDetector
from KeypointRegistrationLib.evaluation.equivariance import equivariance_table, follow
from KeypointRegistrationLib.geometry.sampling import Grid, Sampler
from KeypointRegistrationLib.training.reading import Reader, untrained_reader
from KeypointRegistrationLib.training.steerable_kernels import confine
from samples import sample_volume
from scipy.spatial.transform import Rotation

QUARTER = Rotation.from_euler("z", 90, degrees=True).as_matrix().round()


def reader(kind: NetworkKind) -> Reader:
    return untrained_reader(kind, (4, 8), keypoints=6, size=16, spacing=10.0)


def test_a_steerable_network_follows_quarter_turns_exactly_and_a_plain_one_does_not() -> None:
    scan = Sampler(sample_volume())
    centre = scan.volume.centre
    (steerable,) = follow(reader(NetworkKind.STEERABLE), scan, centre, [QUARTER])
    (plain,) = follow(reader(NetworkKind.UNET), scan, centre, [QUARTER])
    assert steerable.distance < 0.05
    assert steerable.maps < 0.01
    assert plain.distance > 5
    assert plain.maps > 0.3


def test_not_turning_changes_nothing() -> None:
    scan = Sampler(sample_volume())
    (same,) = follow(reader(NetworkKind.UNET), scan, scan.volume.centre, [np.eye(3)])
    assert (same.distance, same.maps) == (0, 0)


def test_positions_are_where_the_maps_are_in_the_scan() -> None:
    volume = sample_volume()
    network = reader(NetworkKind.UNET)
    read = network(Sampler(volume), Grid.cubic(16, 10.0, volume.centre, Rotation.random(random_state=1).as_matrix()))
    places = read.heatmaps.grid.positions()
    for values, position in zip(read.heatmaps.values, read.positions, strict=True):
        np.testing.assert_allclose(values.ravel() @ places, position, atol=0.02)


def test_what_breaks_equivariance_can_be_taken_away() -> None:
    plain = reader(NetworkKind.STEERABLE)
    torch.manual_seed(1)
    network = KeypointDetector(6, replace(plain.network.architecture, denoiser=(4, 8)))
    confine(network)
    denoised = Reader("denoised", network, 16, 10.0)
    scan = Sampler(sample_volume())
    (worse,) = follow(denoised, scan, scan.volume.centre, [QUARTER])
    (better,) = follow(denoised.undenoised(), scan, scan.volume.centre, [QUARTER])
    assert worse.distance > 1
    assert better.distance < 0.05
    assert network.denoiser is not None
    assert denoised.undenoised().parameters < denoised.parameters


def test_the_table_has_a_row_per_network() -> None:
    networks = [(reader(kind), sample_volume()) for kind in NetworkKind]
    table = equivariance_table(networks, [Rotation.random(random_state=1).as_matrix()])
    for kind in NetworkKind:
        assert f"untrained: {kind.value} of 4-8" in table
    with pytest.raises(IndexError):
        table.splitlines()[6]
