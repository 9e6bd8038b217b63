"""Annotations of registrations in the scene: kept with the record, saved, removed and exported with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.geometry.transforms import TransformType
from KeypointRegistrationLib.registration.correction import AddedPair, Correction, PairChoice
from KeypointRegistrationLib.registration.result import ModelIdentity
from KeypointRegistrationLib.review.annotation import NETWORK_ANSWER, CorrectionCount, Rating
from KeypointRegistrationLib.scene.notes.annotations import (
    ANNOTATIONS,
    adopt_annotations,
    annotate,
    annotated,
    annotated_registrations,
    annotations_of,
    is_rating_outdated,
)
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from samples import sample_registration
from test_annotations import said
from test_scene_results import two_volumes


@pytest.fixture
def result(scene: slicer.vtkMRMLScene) -> SceneRegistration:
    return add_registration(scene, *two_volumes(scene), sample_registration())


def test_what_was_said_comes_back_with_the_scene(result: SceneRegistration, tmp_path: Path) -> None:
    scene = result.scene
    annotate(result, said(Rating.ACCEPT))
    annotate(result, said(Rating.REJECT, "Bo", 'two\nlines; "quoted": <&> 100 %', minutes=1))
    before = annotations_of(result)
    save_scene(scene, tmp_path / "scene.mrb")
    load_scene(scene, tmp_path / "scene.mrb")
    (loaded,) = find_registrations(scene)
    assert annotations_of(loaded) == before
    assert annotated(loaded).rating is Rating.REJECT


def test_two_registrations_of_a_pair_have_annotations_of_their_own(result: SceneRegistration) -> None:
    other = add_registration(result.scene, result.fixed_volume, result.moving_volume, sample_registration())
    annotate(result, said(Rating.REJECT))
    annotate(other, said(Rating.ACCEPT))
    assert [entry.rating for entry in annotated_registrations(result.scene)] == [Rating.REJECT, Rating.ACCEPT]


def test_a_removed_registration_cannot_be_annotated(result: SceneRegistration) -> None:
    result.remove()
    with pytest.raises(InputError, match="Brain T1 → Atlas is no longer in the scene"):
        annotate(result, said())


def test_damaged_annotations_are_said_and_never_overwritten(result: SceneRegistration) -> None:
    result.record.SetAttribute(ANNOTATIONS, "[{")
    with pytest.raises(InputError, match="cannot be read"):
        annotate(result, said())
    with pytest.raises(InputError, match="cannot be read"):
        annotated_registrations(result.scene)
    assert result.record.GetAttribute(ANNOTATIONS) == "[{"


def test_the_list_says_what_people_have_changed(result: SceneRegistration) -> None:
    count = len(result.original.status)
    correction = Correction(
        result.original.transform_type,
        choices={3: PairChoice.LEAVE_OUT, 4: PairChoice.LEAVE_OUT, 5: PairChoice.USE},
        fixed_positions={6: (1.0, 2.0, 3.0)},
        moving_positions={6: (1.0, 2.0, 3.0), 7: (1.0, 2.0, 3.0), count: (0.0, 0.0, 0.0)},
        added=(AddedPair("mine", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),),
    )
    result.correct(correction, replace(result.original, fre=2.5))
    entry = annotated(result)
    assert entry.corrections == CorrectionCount(left_out=2, moved=2, added=1)
    assert entry.fre == 2.5
    assert (entry.fixed, entry.moving) == ("Atlas", "Brain T1")


@pytest.mark.parametrize(
    "change",
    [
        {"choices": {3: PairChoice.USE}},
        {"factors": {3: 2.0}},
        {"transform_type": TransformType.AFFINE},
        {"robust": False},
        {"keep_refinement": False},
    ],
)
def test_whatever_a_person_has_changed_is_a_correction(result: SceneRegistration, change: dict) -> None:
    assert not annotated(result).corrected
    result.correct(replace(result.correction, **change), result.original)
    assert annotated(result).corrected and annotated(result).corrections == CorrectionCount()


def test_a_rating_is_of_the_correction_that_was_there(result: SceneRegistration) -> None:
    first, second = (replace(result.correction, factors={3: factor}) for factor in (2.0, 3.0))
    annotate(result, said(Rating.ACCEPT))
    assert not is_rating_outdated(result)
    result.correct(first, result.original)
    assert is_rating_outdated(result)
    annotate(result, said(Rating.ACCEPT, minutes=1))
    assert not is_rating_outdated(result) and len(annotations_of(result)) == 2
    result.correct(second, result.original)
    assert is_rating_outdated(result)
    (loaded,) = find_registrations(result.scene)
    loaded.correct(first, result.original)
    assert not is_rating_outdated(loaded)
    assert annotations_of(loaded)[0].judged == NETWORK_ANSWER != annotated(loaded).correction


def test_the_name_of_an_added_pair_does_not_make_a_rating_old(result: SceneRegistration) -> None:
    pair = AddedPair("mine", (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    result.correct(replace(result.correction, added=(pair,)), result.original)
    annotate(result, said(Rating.ACCEPT))
    result.correct(replace(result.correction, added=(replace(pair, label="nose"),)), result.original)
    assert not is_rating_outdated(result)


def test_a_scan_that_is_gone_is_listed_by_the_name_it_had(result: SceneRegistration) -> None:
    result.fixed_volume.SetName("renamed")
    result.scene.RemoveNode(result.moving_volume)
    entry = annotated(result)
    assert (entry.fixed, entry.moving) == ("renamed", "Brain T1")


class TestTakingAListBack:
    def test_what_it_says_is_added_and_nothing_is_lost(self, result: SceneRegistration) -> None:
        annotate(result, said(Rating.ACCEPT))
        exported = annotated(result)
        annotate(result, said(Rating.REJECT, minutes=9))
        extra = replace(exported, history=(*exported.history, said(Rating.ACCEPTABLE, "Bo", minutes=5)))
        elsewhere = replace(exported, identifier="elsewhere")
        assert adopt_annotations(result.scene, [extra, elsewhere]) == {result.identifier}
        assert [entry.rating for entry in annotations_of(result)] == [Rating.ACCEPT, Rating.ACCEPTABLE, Rating.REJECT]

    @pytest.mark.parametrize("model", [ModelIdentity("knees", "0.0.0", ""), ModelIdentity("brain-affine", "9.0", "")])
    def test_one_of_another_model_or_version_is_refused_whole(self, result: SceneRegistration, model: ModelIdentity) -> None:
        other = add_registration(result.scene, *two_volumes(result.scene), sample_registration())
        good = replace(annotated(result), history=(said(),))
        with pytest.raises(InputError, match="The list is about"):
            adopt_annotations(result.scene, [good, replace(annotated(other), model=model, history=(said(),))])
        assert annotations_of(result) == annotations_of(other) == ()
