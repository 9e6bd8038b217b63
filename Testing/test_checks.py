"""Configurations that a training cannot work with: refused by a sentence that names the setting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.training.checks import check_config
from KeypointRegistrationLib.training.config import LossConfig, TrainingConfig, load_config
from tiny_training import CONFIGURATIONS, tiny_config


def changed(table: str, **settings: object) -> TrainingConfig:
    config = tiny_config()
    return replace(config, **{table: replace(getattr(config, table), **settings)})


@pytest.mark.parametrize("path", sorted(CONFIGURATIONS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_configuration_in_the_repository_can_be_trained_and_says_what_it_is_for(path: Path) -> None:
    check_config(load_config(path))
    comment = path.read_text(encoding="utf-8").split("\nname =")[0]
    assert comment.startswith("# ")
    assert len(comment.split()) > 15


def test_the_papers_objective_is_unsupervised_and_pose_is_all_that_the_other_adds_to_it() -> None:
    strict, stronger = (load_config(CONFIGURATIONS / f"paper-objective{end}.toml") for end in ("", "-and-pose"))
    assert replace(stronger.losses, pose=0.0) == strict.losses
    assert stronger.losses.pose > 0
    assert strict.losses.reference == strict.losses.dice == 0
    assert min(strict.losses.similarity, strict.losses.point_spread, strict.losses.sharpness, strict.losses.repulsion) > 0
    assert (stronger.data, stronger.network, stronger.view) == (strict.data, strict.network, strict.view)


def test_the_tiny_configuration_of_these_tests_is_fine() -> None:
    check_config(tiny_config())


@pytest.mark.parametrize(
    ("table", "settings", "sentence"),
    [
        (
            "view",
            {"size": 10},
            r"view\.size of 10 cannot be halved 2 times, once for each of network\.widths.*multiple of 4",
        ),
        ("view", {"size": 4}, r"view\.size of 4 cannot be halved 2 times.*from 8 on, such as 8"),
        ("view", {"spacing": 0.0}, r"view\.spacing must be above zero, not 0"),
        ("view", {"spacing": float("nan")}, r"view\.spacing must be above zero, not nan"),
        ("view", {"crop": 1.5}, r"view\.crop must lie between 0 and 1, not be 1\.5"),
        ("schedule", {"steps": 0}, r"schedule\.steps must be above zero"),
        ("schedule", {"learning_rate": -1e-3}, r"schedule\.learning_rate must be above zero, not -0\.001"),
        ("schedule", {"same_subject": -0.5}, r"schedule\.same_subject must lie between 0 and 1"),
        ("schedule", {"nested": True}, r"schedule\.nested concerns the terms similarity and dice"),
        ("contrast", {"stripes": 2.0}, r"contrast\.stripes must lie between 0 and 1"),
        ("data", {"labels": ""}, r"neither data\.labels nor data\.scans"),
        ("data", {"scans": "scans"}, r"both data\.labels and data\.scans"),
        ("data", {"labels": "", "scans": "scans", "landmarks": "named"}, r'Set data\.landmarks = "spread"'),
        ("losses", {"sharpness": -1.0}, r"losses\.sharpness must not be negative"),
        ("losses", {"denoise": 1.0}, r"losses\.denoise and network\.denoiser go together"),
        ("losses", {"repulsion_reach": 0.0}, r"losses\.repulsion_reach must be above zero"),
        ("losses", {"similarity_transform": "elastic"}, r"rigid or affine, not elastic"),
        ("losses", {"pose": 1.0}, r"losses\.pose needs pairs of views of one subject"),
        ("network", {"kind": "U-Nett"}, r"no network called U-Nett\. Known: space-to-depth U-Net, steerable U-Net"),
        ("card", {"transform_types": ("affin",)}, r"transform_types holds affin\. Known: rigid, similarity, affine"),
    ],
)
def test_a_setting_that_cannot_work_is_named(table: str, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_config(changed(table, **settings))


def test_a_training_without_a_term_that_places_keypoints_is_refused_in_both_its_parts() -> None:
    config = replace(tiny_config(), losses=LossConfig(presence=1.0))
    with pytest.raises(InputError, match=r"No term in \[losses\] says where keypoints should be"):
        check_config(config)
    with pytest.raises(InputError, match=r"No term in \[pretraining\]"):
        check_config(changed("schedule", pretraining=0.5))


def test_tissues_cannot_be_compared_where_scans_tell_none() -> None:
    config = changed("data", labels="", scans="scans")
    config = replace(config, losses=LossConfig(dice=1.0))
    with pytest.raises(InputError, match="term dice compares tissues"):
        check_config(config)
