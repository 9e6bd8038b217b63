"""The steerable network: its kernels turn with what they see, and so do the maps that it makes."""

from __future__ import annotations

import pytest
import torch
from e3nn import o3
from KeypointRegistrationLib.detection.architecture import Architecture, NetworkKind
from KeypointRegistrationLib.detection.moments import moments
from KeypointRegistrationLib.detection.network import KeypointDetector
from KeypointRegistrationLib.detection.steerable import Fields, handedness
from KeypointRegistrationLib.training.steerable_kernels import confine, kernel_basis, plain_state
from torch.nn import functional

SIZE, KEYPOINTS = 16, 6
STEERABLE = Architecture(NetworkKind.STEERABLE, (4, 8))

# Quarter turns of an array (z, y, x), and the rotation of space that each is: about x from y to z, and so on.
TURNS = {
    "about x": ((-3, -2), [[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "about y": ((-3, -1), [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
    "about z": ((-2, -1), [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
}


def quarter_turn(name: str, volume: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The volume turned, and the matrix R with turned(R x) = volume(x)."""
    axes, matrix = TURNS[name]
    return torch.rot90(volume, 1, axes), torch.tensor(matrix, dtype=torch.float32)


@pytest.fixture(scope="module")
def detector() -> KeypointDetector:
    torch.manual_seed(0)
    return confine(KeypointDetector(KEYPOINTS, STEERABLE)).eval()


def mean_positions(detector: KeypointDetector, image: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        reading = detector(image, torch.ones(image.shape[:1] + image.shape[2:], dtype=torch.bool))
    return moments(reading.log_probabilities, image.shape[-1] // 2, 2.0).means[0]


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("size", [5, 6])
@pytest.mark.parametrize("orders", [(out, into) for out in range(3) for into in range(3)])
def test_a_kernel_turned_is_the_kernel_between_turned_fields(name: str, size: int, orders: tuple[int, int]) -> None:
    """κ(Rx) = D_out(R) κ(x) D_in(R)⁻¹, exactly where R takes the lattice to itself."""
    kernels = kernel_basis(*orders, size)
    turned, rotation = quarter_turn(name, kernels)
    turn_out, turn_in = (o3.Irrep(order, (-1) ** order).D_from_matrix(rotation) for order in orders)
    expected = torch.einsum("ba,nbczyx,cd->nadzyx", turn_out, kernels, turn_in)  # of turned(x) = κ(R⁻¹x)
    torch.testing.assert_close(turned, expected, atol=1e-5, rtol=0)


def test_the_kernels_between_scalars_are_round_and_those_to_vectors_point_outwards() -> None:
    round_kernels = kernel_basis(0, 0, 5)[:, 0, 0]
    torch.testing.assert_close(round_kernels, round_kernels.flip(1).transpose(2, 3), atol=1e-6, rtol=0)
    to_vector = kernel_basis(1, 0, 5)[:, :, 0]
    assert torch.allclose(to_vector[:, :, 2, 2, 2], torch.zeros(3))
    assert torch.allclose(to_vector, -to_vector.flip(2, 3, 4), atol=1e-6)


@pytest.mark.parametrize("name", TURNS)
def test_turning_the_view_by_a_quarter_turns_the_maps_exactly(detector: KeypointDetector, name: str) -> None:
    image = torch.rand(1, 1, SIZE, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    turned, rotation = quarter_turn(name, image)
    expected = mean_positions(detector, image) @ rotation.T
    torch.testing.assert_close(mean_positions(detector, turned), expected, atol=1e-4 * SIZE, rtol=0)
    with torch.no_grad():
        maps, turned_maps = detector.network(image), detector.network(turned)
    torch.testing.assert_close(turned_maps, quarter_turn(name, maps)[0], atol=1e-4, rtol=0)


def test_another_turn_turns_the_maps_within_what_the_grid_allows() -> None:
    """Blobs, unlike their mirror image, turned by 45° in space: the steerable maps follow, an ordinary network's do not."""
    size = 24
    axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    positions = torch.stack([x, y, z], dim=-1)
    axis_of_turn = functional.normalize(torch.tensor([1.0, 2.0, -1.0]), dim=0)
    rotation = o3.axis_angle_to_matrix(axis_of_turn, torch.tensor(torch.pi / 4))

    def seen(centres: torch.Tensor) -> torch.Tensor:
        squares = (positions[..., None, :] - centres).square().sum(-1)
        return torch.exp(-squares / (2 * 2.5**2)).sum(-1)[None, None]

    def error(detector: KeypointDetector) -> float:
        """Of the maps of the turned blobs, turned back, in the middle of the view and relative to the maps' variation."""
        centres = torch.tensor([[3.0, 0.0, 1.0], [-2.0, 2.0, -1.0], [0.0, -3.0, -2.0], [-1.0, 1.0, 4.0]])
        with torch.no_grad():
            maps, turned = (detector.network(seen(points)) for points in (centres, centres @ rotation.T))
        turn = functional.pad(rotation, (0, 1))[None]
        lattice = functional.affine_grid(turn, maps.shape, align_corners=True)
        back = functional.grid_sample(turned, lattice, align_corners=True)
        middle = (..., *[slice(3, -3)] * 3)
        return float((maps[middle] - back[middle]).square().mean().sqrt() / maps[middle].std())

    torch.manual_seed(2)
    steerable = error(confine(KeypointDetector(KEYPOINTS, STEERABLE)).eval())
    assert steerable < 0.3
    assert error(KeypointDetector(KEYPOINTS, Architecture(NetworkKind.UNET, (8, 16))).eval()) > 2 * steerable


def test_handedness_is_kept_by_rotations_and_turned_by_mirrors() -> None:
    vectors = torch.randn(1, 4, 3, 5, generator=torch.Generator().manual_seed(0))
    rotation = o3.rand_matrix()
    found = handedness(vectors)
    assert found.shape == (1, 4, 5)
    torch.testing.assert_close(handedness(torch.einsum("ij,bnjv->bniv", rotation, vectors)), found, atol=1e-5, rtol=0)
    torch.testing.assert_close(handedness(-vectors), -found)
    assert found.abs().max() < 1
    upright = torch.eye(3)[None, :, :, None] * 1000.0
    torch.testing.assert_close(handedness(upright), torch.ones(1, 3, 1), atol=1e-4, rtol=0)
    assert handedness(vectors[:, :2]).shape == (1, 0, 5)


def test_plain_kernels_do_what_the_confined_network_does(detector: KeypointDetector) -> None:
    plain = KeypointDetector(KEYPOINTS, STEERABLE).eval()
    plain.load_state_dict(plain_state(detector))
    image = torch.rand(1, 1, SIZE, SIZE, SIZE)
    valid = torch.ones(1, SIZE, SIZE, SIZE, dtype=torch.bool)
    with torch.no_grad():
        for found, expected in zip(plain(image, valid), detector(image, valid), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_confined_kernels_stay_steerable_as_they_learn() -> None:
    torch.manual_seed(0)
    detector = confine(KeypointDetector(KEYPOINTS, STEERABLE))
    image = torch.rand(1, 1, SIZE, SIZE, SIZE)
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.05)
    before = detector.network(image).detach()
    detector.network(image).square().mean().backward()
    optimizer.step()
    with torch.no_grad():
        maps, turned = (detector.network(view) for view in (image, quarter_turn("about z", image)[0]))
    assert not torch.allclose(maps, before, atol=1e-3)
    torch.testing.assert_close(turned, quarter_turn("about z", maps)[0], atol=1e-4, rtol=0)


def test_fields_count_their_components_and_their_gates() -> None:
    fields = Fields.of_width(8)
    assert (fields.scalars, fields.vectors, fields.tensors) == (8, 4, 2)
    assert fields.channels == 8 + 3 * 4 + 5 * 2
    assert fields.gated.scalars == 8 + 4 + 2
