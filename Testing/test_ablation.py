"""The ablation: variants share their start, resume, and after some seconds of training the losses do what they claim."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from KeypointRegistrationLib.detection.bundle import load_card, verify
from KeypointRegistrationLib.detection.network import KeypointDetector
from KeypointRegistrationLib.evaluation import ablation as command
from KeypointRegistrationLib.evaluation import ablation_scans
from KeypointRegistrationLib.evaluation.ablation_table import Measured, Pairs, ablation_table
from KeypointRegistrationLib.evaluation.loss_pictures import compare
from KeypointRegistrationLib.evaluation.metrics import Scores
from KeypointRegistrationLib.evaluation.rows import Row, read_rows
from KeypointRegistrationLib.evaluation.tasks import Task
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.sampling import Grid, Sampler
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.training.ablation import Ablation, Variant
from KeypointRegistrationLib.training.config import LossConfig, TrainingConfig, load_config
from KeypointRegistrationLib.training.landmarks import landmarks_of
from KeypointRegistrationLib.training.reading import trained_reader
from KeypointRegistrationLib.training.sources import Material
from KeypointRegistrationLib.training.subjects import subject_from
from KeypointRegistrationLib.training.unseen import PairScores, Unseen
from phantom import phantom_labels
from samples import sample_volume
from small_pair import small_pair

FOLDER = REPOSITORY / "KeypointRegistration" / "Resources" / "Training"
KEYPOINTS = 8
SPATIAL = (Variant.NONE, Variant.KL, Variant.KL_VAR, Variant.ALL)


def small(steps: int = 60, **changes: object) -> TrainingConfig:
    config = load_config(FOLDER / "ablation-keymorph.toml")
    return replace(
        config,
        data=replace(config.data, count=KEYPOINTS),
        network=replace(config.network, widths=(8, 16), coarsening=1),
        view=replace(config.view, size=16, spacing=12.0),
        near=replace(config.near, rotation=5.0, shift=5.0),
        wide=replace(config.wide, rotation=15.0, shift=5.0),
        losses=replace(config.losses, sharpness=0.12, repulsion=5.0, repulsion_reach=20.0, point_spread=0.5),
        schedule=replace(
            config.schedule,
            steps=steps,
            pretraining=1 / 3,
            learning_rate=5e-3,
            average=0.8,
            report_every=10,
            validate_every=99,
        ),
        **changes,
    )


@pytest.fixture(scope="module")
def material() -> Material:
    volumes = [phantom_labels(4.0, squeeze, f"phantom {squeeze}") for squeeze in (0.95, 1.0, 1.05)]
    labels = sorted({int(label) for volume in volumes for label in np.unique(volume.voxels)})
    landmarks = landmarks_of("spread", KEYPOINTS, 500)
    subjects = [subject_from(volume, labels, landmarks) for volume in volumes]
    return Material(labels, landmarks, subjects[:2], subjects[1:])


@pytest.fixture(scope="module")
def trained(material: Material) -> Iterator[Ablation]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeypointDetector, "GAIN", 2.0)  # maps of a network this small are single voxels with the usual gain
        ablation = Ablation(small(), material, Path(folder))
        for variant in SPATIAL:
            assert list(ablation.trained(variant))[-1] == 60
        yield ablation


@pytest.fixture(scope="module")
def looked(trained: Ablation) -> dict[Variant, Unseen]:
    return {variant: trained.looked_at(variant, 6, same_subject=True, cropped=False) for variant in SPATIAL}


def median(unseen: Unseen, score: str) -> float:
    return float(np.median([getattr(pair, score) for pair in unseen.pairs]))


def test_after_some_seconds_of_training_each_loss_has_done_what_it_claims(looked: dict[Variant, Unseen]) -> None:
    spread = {variant: median(unseen, "spread_mm") for variant, unseen in looked.items()}
    spacing = {variant: median(unseen, "spacing_mm") for variant, unseen in looked.items()}
    divergence = {variant: median(unseen, "divergence") for variant, unseen in looked.items()}
    assert divergence[Variant.KL] < 0.8 * divergence[Variant.NONE]
    assert spread[Variant.KL_VAR] < 0.8 * spread[Variant.KL]
    assert spacing[Variant.ALL] > 1.1 * spacing[Variant.KL_VAR]


def test_all_variants_go_on_from_one_pretraining(material: Material, tmp_path: Path) -> None:
    ablation = Ablation(small(steps=6), material, tmp_path)
    starts = [ablation.trainer(variant) for variant in (Variant.NONE, Variant.SUPERVISED)]
    assert [trainer.step for trainer in starts] == [2, 2]
    first, second = (trainer.averaged.state_dict() for trainer in starts)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(starts[0].unseen_views(1).pairs(1, [small().wide], 0.0).images,
                       starts[1].unseen_views(1).pairs(1, [small().wide], 0.0).images)  # fmt: skip


def test_a_stopped_variant_goes_on_and_a_finished_one_is_not_trained_again(material: Material, tmp_path: Path) -> None:
    ablation = Ablation(small(steps=6), material, tmp_path)
    trainer = ablation.trainer(Variant.ALL)
    trainer.save()
    assert list(ablation.trained(Variant.ALL)) == [6]
    assert list(ablation.trained(Variant.ALL)) == []


def test_a_variant_keeps_what_its_name_says() -> None:
    whole = LossConfig(similarity=1.0, point_spread=0.1, sharpness=0.2, repulsion=0.3)
    spatial = {v: (v.losses(whole).point_spread, v.losses(whole).sharpness, v.losses(whole).repulsion) for v in Variant}
    assert spatial == {
        Variant.NONE: (0, 0, 0),
        Variant.KL: (0.1, 0, 0),
        Variant.KL_VAR: (0.1, 0.2, 0),
        Variant.ALL: (0.1, 0.2, 0.3),
        Variant.SUPERVISED: (0.1, 0.2, 0.3),
    }
    assert (Variant.SUPERVISED.losses(whole).dice, Variant.SUPERVISED.losses(whole).similarity) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"losses": LossConfig(similarity=1.0)}, "needs weights of similarity, point_spread, sharpness and repulsion"),
        ({"schedule": 0.0}, r"needs schedule\.pretraining between 0 and 1"),
    ],
)
def test_a_configuration_with_nothing_to_compare_is_refused(
    material: Material, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    config = small()
    if "schedule" in changes:
        changes = {"schedule": replace(config.schedule, pretraining=0.0)}
    with pytest.raises(InputError, match=sentence):
        Ablation(replace(config, **changes), material, tmp_path)


def test_pairs_of_two_people_have_no_known_motion_and_are_always_the_same(
    looked: dict[Variant, Unseen], trained: Ablation
) -> None:
    for unseen in looked.values():
        assert unseen.classes.shape == (12, KEYPOINTS)
        for pair in unseen.pairs:
            assert 0 <= pair.dice <= 1
            assert pair.corner_mm >= 0
    different = trained.looked_at(Variant.ALL, 2, same_subject=False, cropped=False)
    assert np.isnan([pair.corner_mm for pair in different.pairs]).all()
    assert [trained.looked_at(Variant.ALL, 2, same_subject=False, cropped=False).pairs[0].dice] == [different.pairs[0].dice]


def test_the_same_variant_is_measured_in_whole_and_in_cropped_views(
    trained: Ablation, looked: dict[Variant, Unseen]
) -> None:
    trainer = trained.trainer(Variant.ALL)
    whole, partial = (trainer.unseen_views(5, crop).pairs(6, [small().wide], 0.0) for crop in (0.0, 1.0))
    assert whole.valid.all() and not partial.valid.all()
    cropped = trained.looked_at(Variant.ALL, 6, same_subject=True, cropped=True)
    assert median(cropped, "corner_mm") > median(looked[Variant.ALL], "corner_mm")


def scores(corner: float) -> PairScores:
    return PairScores(corner / 2, corner, 0.9 - corner / 100, 4.0, 12.0, 15.0, 0.25)


def test_the_table_compares_with_the_variant_without_spatial_losses() -> None:
    def measured(variant: Variant, shift: float) -> Measured:
        pairs = [scores(10 + number + shift) for number in range(12)]
        whole = Pairs(Unseen(pairs, np.full((4, 3), 2)), Unseen(pairs, np.array([[1, 2, 3]] * 4)))
        pairs = [scores(20 + number - 2 * shift) for number in range(12)]
        return Measured(1, variant, whole, Pairs(Unseen(pairs, whole.one_subject.classes), Unseen(pairs, np.zeros((0, 3)))))

    table = ablation_table(small(), [measured(Variant.NONE, 0.0), measured(Variant.ALL, -3.0)])
    assert "60 steps, the first 20 of them the same for all; 1 seed (1); 12 pairs of each kind and seed." in table
    assert "| L_sim alone | 0.745 | 15.5 (19.9) | – | – | 12.0 | 15.0 | 0.25 | 4.0 |" in table
    assert "| all three | 0.775 | 12.5 (16.9) | < 0.001 | < 0.001 | 12.0 |" in table
    assert "| L_sim alone | 0.645 | 25.5 (29.9) | – | – |\n" in table  # in cropped views
    assert "| all three | 0.585 | 31.5 (35.9) | < 0.001 | < 0.001 |" in table
    rigid = replace(small(), losses=replace(small().losses, similarity_transform="rigid"))
    table = ablation_table(rigid, [measured(Variant.NONE, 0.0), measured(Variant.ALL, 0.5)])
    assert "| all three | 0.740 | 8.0 (10.2) | 16.0 (20.4) | < 0.001 | < 0.001 | 12.0 |" in table


def test_the_maps_of_all_variants_are_drawn_side_by_side(trained: Ablation, looked: dict[Variant, Unseen]) -> None:
    volume = sample_volume()
    grid = Grid.cubic(16, 12.0, volume.centre)
    reader = trained_reader(small(), trained.folder(Variant.ALL))
    read = reader(Sampler(volume), grid)
    one = compare(["a"], [read], Sampler(volume), grid)
    two = compare(["a", "b"], [read, read], Sampler(volume), grid)
    width = one.shape[1]
    np.testing.assert_array_equal(two[30:, :width], one[30:])
    np.testing.assert_array_equal(two[30:, -width:], one[30:])
    assert (one[30:200, :, 0] > one[30:200, :, 2] + 0.2).any()  # heat is warm where the scan is grey


def test_a_variant_can_be_left_as_a_bundle(trained: Ablation, tmp_path: Path) -> None:
    folder = trained.export(Variant.KL, tmp_path)
    card = load_card("ablation-keymorph-kl", tmp_path)
    assert folder.name == card.name and len(card.labels) == KEYPOINTS
    verify(card.name, tmp_path)


def test_too_few_pairs_and_missing_trainings_are_sentences(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = [str(FOLDER / "ablation-keymorph.toml"), "--output", str(tmp_path), "--pairs", "1"]
    with pytest.raises(InputError, match="at least 2 with --pairs"):
        command.run(parser.parse_args(arguments))
    with pytest.raises(InputError, match="There is no training in"):
        trained_reader(small(), tmp_path)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("ablation-*.toml")), ids=lambda path: path.stem)
def test_every_ablation_has_its_own_place_in_the_benchmarks(path: Path) -> None:
    page = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert f"<!-- begin {load_config(path).name} -->" in page and f"`{path.name}`" in page


def scans_of(tmp_path: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    ablation_scans.add_arguments(parser)
    words = [str(FOLDER / "ablation-keymorph.toml"), "rigid", "--output", str(tmp_path), "--data", str(tmp_path)]
    return parser.parse_args([*words, "--seeds", "1"])


def test_all_variants_are_measured_on_scans_once(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Task("rigid", "", lambda data: [small_pair(TransformType.RIGID)])
    monkeypatch.setitem(ablation_scans.TASKS, "rigid", task)
    monkeypatch.setattr(ablation_scans, "load_config", lambda path: small(steps=6))
    monkeypatch.setattr(ablation_scans, "subjects_of", lambda *_: material)
    with pytest.raises(InputError, match=r"L_sim alone of seed 1 is not trained in .*\. Train it with the command ablation"):
        ablation_scans.run(scans_of(tmp_path))
    ablation = Ablation(small(steps=6), material, tmp_path / "seed-1")
    for variant in Variant:
        assert list(ablation.trained(variant))
    ablation_scans.run(scans_of(tmp_path))
    rows = read_rows(tmp_path / "rigid-1.csv")
    assert [row.method for row in rows] == [f"closed-form:ablation-keymorph-{variant.value}" for variant in Variant]
    assert all((row.scores.corner_mm is None) == bool(row.error) for row in rows)
    capsys.readouterr()
    ablation_scans.run(scans_of(tmp_path))
    assert "corner mm" not in capsys.readouterr().err  # nothing was measured again
    assert read_rows(tmp_path / "rigid-1.csv") == rows


def test_scans_are_compared_with_the_variant_without_spatial_losses() -> None:
    names = {Variant.NONE: "a", Variant.ALL: "b"}
    rows = [
        Row(
            f"pair {pair}",
            0,
            5.0,
            method,
            "1",
            0,
            1.0,
            1.0,
            Scores(0.5 + better + pair / 100, 9.0, *[6.0 - 20 * better] * 2),
        )
        for method, better in (("a", 0.0), ("b", 0.1))
        for pair in range(12)
    ]
    table = ablation_scans.scans_table(rows, names, known_motion=False)
    assert "| L_sim alone | 12 | 0.555 | 9.00 | – |" in table
    assert "| all three | 12 | 0.655 | 9.00 | < 0.001 |" in table
    gave_up = Row("pair 12", 0, 5.0, "b", "1", 0, 1.0, 1.0, error="Flat.")
    table = ablation_scans.scans_table([*rows, gave_up], names, known_motion=True)
    assert "| L_sim alone | 12 | 6.0 (6.0) | 6.0 (6.0) | 0 % | – |" in table
    assert "| all three | 13 | 4.0 (4.0) | 4.0 (4.0) | 92 % | < 0.001 |" in table
