"""The three spatial losses and the others, against closed forms and by their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from KeypointRegistrationLib.detection.moments import moments
from KeypointRegistrationLib.training import closed_form, losses

SIZE, SPACING = 12, 4.0


def log_maps(logits: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(logits, dim=-1)


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
