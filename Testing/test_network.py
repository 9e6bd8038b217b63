"""The networks: their shapes, the masked softmax, the learned absence, and what they are built from."""

from __future__ import annotations

import pytest
import torch
from KeypointRegistrationLib.detection.architecture import Architecture, NetworkKind
from KeypointRegistrationLib.detection.intensity import normalised
from KeypointRegistrationLib.detection.network import KeypointDetector
from KeypointRegistrationLib.geometry.errors import InputError

EVERYWHERE = torch.ones(2, 16, 16, 16, dtype=torch.bool)


def built(**changes: object) -> KeypointDetector:
    torch.manual_seed(0)
    parts = {"kind": NetworkKind.UNET, "widths": (8, 16, 24)} | changes
    return KeypointDetector(5, Architecture(**parts)).eval()


@pytest.fixture(scope="module")
def detector() -> KeypointDetector:
    return built()


@pytest.mark.parametrize("coarsening", [1, 2])
def test_maps_are_probabilities_on_the_grid_that_the_coarsening_says(coarsening: int) -> None:
    reading = built(coarsening=coarsening)(torch.rand(2, 1, 16, 16, 16), EVERYWHERE)
    assert reading.log_probabilities.shape == (2, 5, (16 // coarsening) ** 3)
    assert reading.presence.shape == (2, 5)
    torch.testing.assert_close(reading.log_probabilities.exp().sum(dim=-1), torch.ones(2, 5))


@pytest.mark.parametrize("coarsening", [1, 2])
def test_no_probability_falls_outside_the_scan(coarsening: int) -> None:
    valid = torch.zeros(1, 16, 16, 16, dtype=torch.bool)
    valid[0, 4:8] = True
    log_probabilities = built(coarsening=coarsening)(torch.rand(1, 1, 16, 16, 16), valid).log_probabilities
    covered = valid[0, ::coarsening, ::coarsening, ::coarsening].flatten()
    torch.testing.assert_close(log_probabilities.exp()[..., covered].sum(dim=-1), torch.ones(1, 5))


def test_a_shift_of_the_view_by_one_voxel_of_a_fine_map_shifts_the_map_by_one() -> None:
    """The head's channels must be unfolded in the order in which the stem folded the voxels."""
    detector = built(widths=(8, 16), coarsening=1)
    with torch.no_grad():
        detector.network.head.weight.zero_()
        detector.network.head.bias.copy_(torch.arange(40.0))
        maps = detector.network(torch.rand(1, 1, 8, 8, 8))
    for k in range(5):
        for part, (z, y, x) in enumerate((z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)):
            assert (maps[0, k, z::2, y::2, x::2] == 8 * k + part).all()


def test_fine_maps_start_as_smooth_as_coarse_ones() -> None:
    """Eight parts that start each on its own make chequerboards, which training takes thousands of steps to undo."""
    detector = built(coarsening=1)
    with torch.no_grad():
        parts = detector.network(torch.rand(1, 1, 16, 16, 16)).unfold(2, 2, 2).unfold(3, 2, 2).unfold(4, 2, 2)
    torch.testing.assert_close(parts, parts[..., :1, :1, :1].expand_as(parts))


def test_an_anatomy_is_absent_when_no_voxel_beats_its_threshold(detector: KeypointDetector) -> None:
    image = torch.rand(2, 1, 16, 16, 16)
    with torch.no_grad():
        presence = detector(image, EVERYWHERE).presence
        detector.absence += 1000.0
        beaten = detector(image, EVERYWHERE).presence
        detector.absence -= 1000.0
    torch.testing.assert_close(presence - beaten, torch.full((2, 5), 1000.0 * detector.GAIN), atol=1e-2, rtol=0)


def test_without_a_denoiser_the_view_is_handed_on_as_it_is(detector: KeypointDetector) -> None:
    image = torch.rand(2, 1, 16, 16, 16)
    torch.testing.assert_close(detector(image, EVERYWHERE).cleaned, image, atol=0, rtol=0)


def test_a_denoiser_cleans_the_view_and_learns_from_its_own_loss_alone() -> None:
    detector = built(denoiser=(8, 16))
    reading = detector(torch.rand(2, 1, 16, 16, 16), EVERYWHERE)
    assert reading.cleaned.shape == (2, 1, 16, 16, 16)
    reading.log_probabilities.square().mean().backward(retain_graph=True)
    assert all(weight.grad is None for weight in detector.denoiser.parameters())
    reading.cleaned.square().mean().backward()
    assert all(weight.grad is not None for weight in detector.denoiser.parameters())


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"coarsening": 3}, "cannot be 3 times as coarse"),
        ({"kind": NetworkKind.STEERABLE, "coarsening": 1}, "Set coarsening = 2"),
        ({"widths": (8, 10)}, r"channels in widths must be multiples of four, not \[8, 10\]"),
        ({"denoiser": (2, 8)}, r"channels in denoiser must be multiples of four"),
        ({"widths": (8,)}, "at least two levels"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_a_sentence(parts: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Architecture(**({"kind": NetworkKind.UNET, "widths": (8, 16)} | parts))


def test_an_architecture_says_in_words_what_it_is() -> None:
    title = Architecture(NetworkKind.STEERABLE, (8, 12), denoiser=(16, 32)).title
    assert title == "steerable U-Net of 8-12 after a denoiser of 16-32, maps half as fine as the view"


def test_normalised_intensities_ignore_outliers_and_what_is_not_covered() -> None:
    image = torch.linspace(0, 1, 32**3).reshape(32, 32, 32).clone()
    image[0, 0, 0] = 1e6
    covered = torch.ones_like(image, dtype=torch.bool)
    covered[16:] = False
    scaled = normalised(image, covered)
    assert scaled[:16].max() == 1
    assert scaled[16:].abs().max() == 0
    assert scaled[8].mean() == pytest.approx(0.53, abs=0.02)
