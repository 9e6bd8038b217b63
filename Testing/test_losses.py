"""The three spatial losses and the others, against closed forms and by their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from KeypointRegistrationLib.detection.moments import Moments, moments
from KeypointRegistrationLib.training import closed_form, losses

SIZE, SPACING = 12, 4.0


def log_maps(logits: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(logits, dim=-1)


def lattice() -> torch.Tensor:
    """Voxel positions (mm), x fastest, shape (SIZE³, 3)."""
    axis = (torch.arange(SIZE) - (SIZE - 1) / 2) * SPACING
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), z.flatten()], dim=1)


def gaussian_logits(deviation: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> torch.Tensor:
    return -(lattice() - torch.tensor(centre)).square().sum(dim=1) / (2 * deviation**2)


BOX = torch.where((lattice().abs() < 4 * SPACING).all(dim=1), 0.0, -1e4)
SPIKE = torch.where(torch.arange(SIZE**3) == 700, 0.0, -1e4)
TWO = torch.logsumexp(torch.stack([gaussian_logits(5.0, (-16.0, 0, 0)), gaussian_logits(5.0, (16.0, 0, 0))]), dim=0)
OF_A_BOX = 1.5 * math.log(2 * math.pi * math.e / 12)


def found(*logits: torch.Tensor) -> Moments:
    return moments(log_maps(torch.stack(logits)[None]), SIZE, SPACING)


def test_the_point_spread_loss_of_gaussian_box_and_spike_is_known() -> None:
    extent_of_voxels = 1.5 * math.log(1 + SPACING**2 / 12 / 6.0**2)  # the less the wider: 0 in the limit
    assert losses.point_spread(found(gaussian_logits(6.0))).item() == pytest.approx(extent_of_voxels, abs=2e-3)
    assert losses.point_spread(found(BOX)).item() == pytest.approx(OF_A_BOX, abs=1e-3)
    assert losses.point_spread(found(SPIKE)).item() == pytest.approx(OF_A_BOX, abs=1e-3)


def test_the_point_spread_loss_of_two_far_peaks_is_that_of_one_gaussian_as_long_as_both_less_one_bit() -> None:
    # Two peaks that do not overlap: the entropy of one, and log 2; the variance along x is larger by half their distance².
    narrow = 5.0**2 + SPACING**2 / 12
    mean_variance = narrow + 16.0**2 / 3
    expected = 1.5 * math.log(mean_variance / narrow) - math.log(2)
    single = losses.point_spread(found(gaussian_logits(5.0))).item()  # what the grid itself costs
    assert losses.point_spread(found(TWO)).item() == pytest.approx(expected + single, abs=0.05)


def test_the_spatial_losses_are_means_over_keypoints() -> None:
    both = found(BOX, gaussian_logits(6.0))
    for loss in (losses.point_spread, losses.sharpness):
        parts = loss(found(BOX)) + loss(found(gaussian_logits(6.0)))
        assert loss(both).item() == pytest.approx(parts.item() / 2, rel=1e-4)


def test_the_sharpness_of_a_box_is_its_variance_above_the_floor() -> None:
    expected = ((8 * SPACING) ** 2 / 12 - (0.8 * SPACING) ** 2) / 100
    assert losses.sharpness(found(BOX)).item() == pytest.approx(expected, rel=1e-3)


def test_the_sharpness_of_gaussian_two_peaks_and_spike_is_known() -> None:
    floor, narrow = (0.8 * SPACING) ** 2, 4.0**2 + SPACING**2 / 12
    two = torch.logsumexp(torch.stack([gaussian_logits(4.0, (x, 0, 0)) for x in (-8.0, 8.0)]), dim=0)
    assert losses.sharpness(found(gaussian_logits(4.0))).item() == pytest.approx((narrow - floor) / 100, rel=2e-3)
    assert losses.sharpness(found(two)).item() == pytest.approx((narrow + 8.0**2 / 3 - floor) / 100, rel=5e-3)
    assert losses.sharpness(found(SPIKE)).item() == 0


def test_the_repulsion_of_many_keypoints_is_half_their_number_times_the_mean_over_pairs() -> None:
    corners = torch.tensor([[[0.0, 0, 0], [12, 0, 0], [0, 12, 0], [0, 0, 12]]])  # three legs and three hypotenuses
    legs, hypotenuses = (math.exp(-math.sqrt(length**2 + 1) / 15) for length in (12, 12 * math.sqrt(2)))
    assert losses.repulsion(corners, 15.0).item() == pytest.approx(4 / 2 * (legs + hypotenuses) / 2, rel=1e-5)
    assert losses.repulsion(torch.zeros(1, 5, 3), 15.0).item() == pytest.approx(5 / 2 * math.exp(-1 / 15), rel=1e-5)


def test_wide_maps_are_not_pulled_harder_than_their_variance_says() -> None:
    narrow, wide = (gaussian_logits(width).requires_grad_() for width in (5.0, 10.0))
    pulls = [torch.autograd.grad(losses.sharpness(found(logits)), logits)[0].abs().sum() for logits in (narrow, wide)]
    assert 1 < pulls[1] / pulls[0] < 5  # linear in the variance, which is four times as large


def from_references(wanted: list[tuple[float, float, float]], *logits: torch.Tensor, present: list[float]) -> torch.Tensor:
    axis = (torch.arange(SIZE) - (SIZE - 1) / 2) * SPACING
    points = torch.tensor(wanted)[None]
    return losses.reference_map(log_maps(torch.stack(logits)[None]), axis, points, torch.tensor([present]), 5.0)


def test_the_divergence_of_a_reference_from_a_gaussian_is_known() -> None:
    # KL of Gaussians of one width: d²/2σ²; of two widths in one place: 3 (ln(σ₂/σ₁) + σ₁²/2σ₂² − ½).
    middle, aside = (0.0, 0.0, 0.0), (3.0, -4.0, 0.0)
    assert from_references([middle], gaussian_logits(5.0), present=[1]).item() == pytest.approx(0, abs=1e-4)
    assert from_references([aside], gaussian_logits(5.0), present=[1]).item() == pytest.approx(0.5, abs=2e-3)
    wider = 3 * (math.log(6 / 5) + 5**2 / (2 * 6**2) - 0.5)
    assert from_references([middle], gaussian_logits(6.0), present=[1]).item() == pytest.approx(wider, abs=5e-3)


def test_the_divergence_from_a_reference_takes_each_axis_for_what_it_is() -> None:
    for axis in range(3):
        place = tuple(8.0 if index == axis else 0.0 for index in range(3))
        assert from_references([place], gaussian_logits(5.0, place), present=[1]).item() == pytest.approx(0, abs=1e-3)


def test_the_divergence_from_a_reference_counts_only_keypoints_that_are_present() -> None:
    wanted, maps = [(0.0, 0.0, 0.0), (16.0, 0.0, 0.0)], (gaussian_logits(5.0), gaussian_logits(5.0))
    assert from_references(wanted, *maps, present=[1, 0]).item() == pytest.approx(0, abs=1e-4)
    assert from_references(wanted, *maps, present=[1, 1]).item() > 1


def test_a_spike_in_the_wrong_place_is_pulled_by_its_whole_map_where_the_distance_no_longer_pulls() -> None:
    spike = (SPIKE.clamp(min=-30.0)).requires_grad_()
    by_map = torch.autograd.grad(from_references([(16.0, 0.0, 0.0)], spike, present=[1]), spike)[0].abs().sum()
    apart = losses.distance(found(spike).means, torch.tensor([[[16.0, 0.0, 0.0]]]), torch.ones(1, 1))
    by_distance = torch.autograd.grad(apart, spike)[0].abs().sum()
    assert by_map > 1
    assert by_distance < 1e-6


@pytest.mark.parametrize(
    "loss",
    [
        losses.point_spread,
        losses.sharpness,
        lambda moments_found: losses.repulsion(moments_found.means, 8.0),
        lambda moments_found: losses.distance(moments_found.means, torch.full((1, 3, 3), 4.0), torch.ones(1, 3)),
    ],
    ids=["point spread", "sharpness", "repulsion", "distance"],
)
def test_gradients_of_the_terms_on_maps_are_those_of_finite_differences(loss: Callable[[Moments], torch.Tensor]) -> None:
    torch.manual_seed(3)
    logits = (2 * torch.randn(1, 3, 4**3, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda values: loss(moments(log_maps(values), 4, 6.0)), logits)


def test_gradients_of_the_terms_on_volumes_are_those_of_finite_differences() -> None:
    torch.manual_seed(4)
    fixed, moved = (torch.rand(1, 3, 3, 3, 3, dtype=torch.float64) for _ in range(2))
    known = torch.rand(1, 1, 3, 3, 3) > 0.3
    moved.requires_grad_()
    assert torch.autograd.gradcheck(lambda volume: losses.soft_dice(fixed, volume, known), moved)
    assert torch.autograd.gradcheck(
        lambda volume: losses.similarity(fixed[:, :1], volume, known), moved[:, :1].detach().requires_grad_()
    )
    assert torch.autograd.gradcheck(lambda volume: losses.denoising(volume, fixed), moved)


@pytest.mark.parametrize("between", [closed_form.rigid_between, closed_form.affine_between])
def test_gradients_pass_the_closed_forms_as_finite_differences_say(between) -> None:
    torch.manual_seed(5)
    source, target = ((torch.rand(1, 8, 3) - 0.5) * 80 for _ in range(2))
    target = source @ torch.linalg.matrix_exp(torch.tensor([[0, -0.3, 0], [0.3, 0, 0.1], [0, -0.1, 0]])) + 0.1 * target
    target.requires_grad_()

    def along(points: torch.Tensor) -> torch.Tensor:
        linear, offset = between(source, points, torch.ones(1, 8))
        return (linear * torch.arange(9).view(3, 3)).sum() * 10 + offset.sum()

    (gradient,) = torch.autograd.grad(along(target), target)
    direction = torch.nn.functional.normalize(torch.randn_like(target).flatten(), dim=0).view_as(target)
    step = 0.5
    with torch.no_grad():
        slope = (along(target + step * direction) - along(target - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=0.02, abs=0.02)


def test_soft_dice_is_none_for_equal_maps_and_whole_for_disjoint_ones() -> None:
    torch.manual_seed(6)
    shares = torch.rand(2, 3, 4, 4, 4)
    everywhere = torch.ones(2, 1, 4, 4, 4, dtype=torch.bool)
    assert losses.soft_dice(shares, shares, everywhere).item() == pytest.approx(0, abs=1e-6)
    half = torch.zeros(1, 1, 4, 4, 4)
    half[..., :2] = 1
    assert losses.soft_dice(half, 1 - half, everywhere[:1]).item() == pytest.approx(1)
    two_of_three = half.roll(1, dims=-1)  # of two slices each, one is shared
    assert losses.soft_dice(half, two_of_three, everywhere[:1]).item() == pytest.approx(0.5)


def test_soft_dice_counts_what_is_known_only() -> None:
    fixed = torch.ones(1, 1, 4, 4, 4)
    moved = fixed.clone()
    moved[..., 3] = 0
    known = (moved > 0).clone()
    assert losses.soft_dice(fixed, moved, known).item() == pytest.approx(0, abs=1e-6)


def test_presence_is_the_cross_entropy_of_the_truth() -> None:
    logits = torch.tensor([[math.log(3), -math.log(3)]])  # three to one for, and against
    assert losses.presence(logits, torch.tensor([[True, True]])).item() == pytest.approx(
        -(math.log(0.75) + math.log(0.25)) / 2
    )


def test_denoising_is_in_units_of_the_clean_variance() -> None:
    clean = torch.randn(1, 1, 6, 6, 6)
    assert losses.denoising(clean, clean).item() == 0
    assert losses.denoising(clean.mean().expand_as(clean), clean).item() == pytest.approx(1, rel=0.01)


def test_descending_the_point_spread_loss_merges_two_peaks_into_one() -> None:
    torch.manual_seed(0)
    logits = torch.zeros(1, 1, SIZE**3)
    logits[0, 0, [2 + 12 * 30, 9 + 12 * 110]] = 9.0
    logits.requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.2)
    start = losses.point_spread(moments(log_maps(logits), SIZE, SPACING)).item()
    for _ in range(150):
        loss = losses.point_spread(moments(log_maps(logits), SIZE, SPACING))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert start > 0.5
    assert loss.item() < 0.1 * start


def test_sharpness_is_the_variance_above_the_floor_and_stops_at_the_grid() -> None:
    wide = moments(log_maps(torch.zeros(1, 1, SIZE**3)), SIZE, SPACING)
    box_variance = ((SIZE * SPACING) ** 2) / 12
    assert losses.sharpness(wide).item() == pytest.approx((box_variance - (0.8 * SPACING) ** 2) / 100, rel=1e-3)
    spike = torch.full((1, 1, SIZE**3), -50.0)
    spike[0, 0, 700] = 50.0
    assert losses.sharpness(moments(log_maps(spike), SIZE, SPACING)).item() == 0


def test_descending_the_sharpness_loss_narrows_a_map_without_moving_it() -> None:
    logits = torch.zeros(1, 1, SIZE**3, requires_grad=True)
    before = moments(log_maps(logits), SIZE, SPACING)
    for _ in range(20):
        loss = losses.sharpness(moments(log_maps(logits), SIZE, SPACING))
        (gradient,) = torch.autograd.grad(loss, logits)
        logits = (logits - 1.0 * gradient / gradient.abs().max().clamp(min=1e-9)).detach().requires_grad_()
    after = moments(log_maps(logits), SIZE, SPACING)
    assert after.variances.item() < 0.2 * before.variances.item()
    assert (after.means - before.means).norm().item() < 0.5 * SPACING


def test_repulsion_of_a_pair_is_the_laplace_kernel_and_pushes_even_when_they_coincide() -> None:
    means = torch.tensor([[[0.0, 0, 0], [24.0, 0, 0]]])
    expected = 0.5 * 2 * math.exp(-math.sqrt(24**2 + 1) / 8)
    assert losses.repulsion(means, reach=8.0).item() == pytest.approx(expected)
    near = torch.tensor([[[0.0, 0, 0], [0.5, 0, 0]]], requires_grad=True)
    losses.repulsion(near, reach=8.0).backward()
    assert near.grad is not None
    assert near.grad[0, 1, 0] < -0.03  # descending moves the second point away from the first


def test_distance_counts_present_points_only_and_grows_linearly_far_out() -> None:
    wanted = torch.zeros(1, 3, 3)
    found = torch.tensor([[[30.0, 0, 0], [1.0, 0, 0], [500.0, 0, 0]]])
    present = torch.tensor([[True, True, False]])
    far, near = 5 * (30 - 2.5), 0.5 * 1
    assert losses.distance(found, wanted, present).item() == pytest.approx((far + near) / 25 / 2, rel=1e-3)


def test_similarity_is_zero_for_equal_renderings_and_in_units_of_variance() -> None:
    torch.manual_seed(0)
    fixed = torch.rand(2, 1, 8, 8, 8)
    everywhere = torch.ones_like(fixed, dtype=torch.bool)
    assert losses.similarity(fixed, fixed, everywhere).item() == 0
    mean = fixed.mean(dim=(1, 2, 3, 4), keepdim=True).expand_as(fixed)
    assert losses.similarity(fixed, mean, everywhere).item() == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("between", [closed_form.rigid_between, closed_form.affine_between])
def test_the_similarity_pulls_keypoints_towards_the_true_motion(between) -> None:
    torch.manual_seed(1)
    image = torch.nn.functional.avg_pool3d(torch.rand(1, 1, 20, 20, 20), 5, stride=1)
    half_width = 30.0
    points = (torch.rand(1, 10, 3) - 0.5) * 40
    moved = (points + torch.tensor([3.0, -2.0, 1.0])).requires_grad_()
    linear, offset = between(points, moved, torch.ones(1, 10))
    warped, inside = closed_form.warped(image, linear, offset, half_width)
    losses.similarity(image, warped, inside).backward()
    assert moved.grad is not None
    step = -moved.grad.mean(dim=1)[0]
    assert torch.dot(step, torch.tensor([-3.0, 2.0, -1.0])) > 0  # the images are equal: the true motion is none


def test_closed_forms_recover_an_exact_motion() -> None:
    torch.manual_seed(2)
    points = (torch.rand(2, 12, 3) - 0.5) * 100
    turn = torch.linalg.matrix_exp(torch.tensor([[0.0, -0.4, 0.1], [0.4, 0.0, -0.2], [-0.1, 0.2, 0.0]]))
    target = points @ turn.T + torch.tensor([5.0, 6.0, 7.0])
    linear, offset = closed_form.rigid_between(points, target, torch.rand(2, 12))
    torch.testing.assert_close(linear, turn.expand(2, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(offset, torch.tensor([5.0, 6.0, 7.0]).expand(2, 3), atol=1e-3, rtol=0)
    linear, offset = closed_form.affine_between(points, target, torch.ones(2, 12))
    torch.testing.assert_close(points @ linear.mT + offset[:, None], target, atol=0.2, rtol=0)
