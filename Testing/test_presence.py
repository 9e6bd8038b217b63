"""Whether a keypoint is in the scan at all is learned from cropped views."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from KeypointRegistrationLib.training.config import LossConfig
from tiny_training import scheduled, tiny_trainer


def test_a_training_of_seconds_finds_some_absent_keypoints_and_keeps_the_present_ones(tmp_path: Path) -> None:
    """Presence used to be learned as a constant: slabs hid hardly any keypoint, and its logit was a twelfth of this one."""
    config = scheduled(steps=120, pairs=2, validate_every=1000, report_every=120, learning_rate=1e-2, average=0.9)
    config = replace(
        config,
        view=replace(config.view, crop=0.8),
        near=replace(config.near, warp=0.0),
        wide=replace(config.wide, rotation=20, shift=10),
        contrast=replace(config.contrast, familiar=1.0, fluid_bright=0.0, thick=0.0, noise=0.0, bias=0.0),
        losses=LossConfig(reference=1.0, presence=1.0),
    )
    training = tiny_trainer(config, tmp_path)
    for _ in training.run():
        pass
    views = training.unseen_views(7)
    present, found = [], []
    with torch.no_grad():
        for _ in range(16):
            batch = views.pairs(1, [config.near, config.wide], 0.0)
            found.append(training.averaged.eval()(batch.images, batch.valid).presence > 0)
            present.append(batch.present)
    present, found = torch.cat(present), torch.cat(found)
    assert (~present).float().mean() > 0.1
    assert (~found[~present]).float().mean() > 0.08
    assert found[present].float().mean() > 0.95
