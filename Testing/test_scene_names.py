"""Names of keypoints in the scene: one place per model, shown in every point list, taken up from where people type them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.result import ModelIdentity, Registration
from KeypointRegistrationLib.scene.notes.names import (
    NAMES,
    NameObserver,
    keypoint_names,
    named,
    names_of,
    rename,
    set_names,
    show_names,
    shown_names,
)
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from samples import sample_registration
from test_scene_results import hierarchy_names, two_volumes

MODEL = sample_registration().model
LABELS = sample_registration().fixed_keypoints.labels


@pytest.fixture
def result(scene: slicer.vtkMRMLScene) -> SceneRegistration:
    return add_registration(scene, *two_volumes(scene), sample_registration())


def labels(result: SceneRegistration, side: str = "fixed") -> list[str]:
    node = getattr(result, f"{side}_points")
    return [node.GetNthControlPointLabel(k) for k in range(node.GetNumberOfControlPoints())]


def of_version(version: str, prefix: str = "point") -> Registration:
    """A registration with another version of the model, whose labels begin with ``prefix``."""
    registration = sample_registration()
    new = tuple(label.replace("point", prefix) for label in LABELS)
    return replace(
        registration,
        model=ModelIdentity(MODEL.name, version, "1" * 64),
        fixed_keypoints=replace(registration.fixed_keypoints, labels=new),
        moving_keypoints=replace(registration.moving_keypoints, labels=new),
    )


def test_a_name_shows_in_both_lists_of_every_registration_with_the_model(result: SceneRegistration) -> None:
    other = add_registration(result.scene, *two_volumes(result.scene), of_version("0.0.1"))
    rename(result, 3, "left eye")
    for each in (result, other):
        for side in ("fixed", "moving"):
            assert labels(each, side)[3] == "left eye"
            assert labels(each, side)[4] == "point 5"
    assert keypoint_names(result.scene, MODEL, LABELS)[3] == "left eye"


def test_names_are_of_one_model_and_its_labels(result: SceneRegistration) -> None:
    rename(result, 3, "left eye")
    scene = result.scene
    assert keypoint_names(scene, ModelIdentity("knees", "1", ""), LABELS) == LABELS
    other = add_registration(scene, *two_volumes(scene), of_version("2.0", prefix="vertex"))
    assert labels(other)[3] == "vertex 4"
    rename(other, 3, "right eye")
    assert labels(result)[3] == "left eye" and labels(other)[3] == "right eye"


def test_a_keypoint_added_by_hand_keeps_its_own_label(result: SceneRegistration) -> None:
    rename(result, 0, "nose")
    assert keypoint_names(result.scene, MODEL, (*LABELS, "mine"))[-2:] == (LABELS[-1], "mine")


def test_names_come_back_with_the_scene_and_no_list_shows_their_node(result: SceneRegistration, tmp_path: Path) -> None:
    scene = result.scene
    before = hierarchy_names(scene)
    rename(result, 3, "linkes Auge, «groß»")
    assert hierarchy_names(scene) == before
    save_scene(scene, tmp_path / "scene.mrb")
    load_scene(scene, tmp_path / "scene.mrb")
    (loaded,) = find_registrations(scene)
    assert names_of(loaded).names[3] == labels(loaded)[3] == "linkes Auge, «groß»"
    (node,) = [node for node in slicer.util.getNodesByClass("vtkMRMLTextNode", scene) if node.GetAttribute(NAMES)]
    assert node.GetHideFromEditors()


def test_an_empty_name_gives_the_models_label_back(result: SceneRegistration) -> None:
    rename(result, 3, "left eye")
    rename(result, 3, "")
    assert labels(result) == labels(result, "moving") == list(LABELS)


def test_a_refused_name_changes_nothing(result: SceneRegistration) -> None:
    rename(result, 3, "left eye")
    with pytest.raises(InputError, match="both be called"):
        rename(result, 4, "left eye")
    assert labels(result)[3:5] == ["left eye", "point 5"]


def test_a_new_registration_is_shown_with_the_names(result: SceneRegistration) -> None:
    rename(result, 3, "left eye")
    later = add_registration(result.scene, *two_volumes(result.scene), sample_registration())
    assert labels(later, "moving")[3] == "left eye"
    assert named(result.scene, later.registration).fixed_keypoints.labels[3] == shown_names(later)[3] == "left eye"


def test_a_damaged_node_is_left_alone(result: SceneRegistration) -> None:
    rename(result, 3, "left eye")
    (node,) = [n for n in slicer.util.getNodesByClass("vtkMRMLTextNode", result.scene) if n.GetAttribute(NAMES)]
    node.SetText("{")
    assert keypoint_names(result.scene, MODEL, LABELS) == LABELS
    rename(result, 3, "right eye")
    assert node.GetText() == "{"
    assert names_of(result).names[3] == "right eye"


def test_many_names_are_one_change_of_a_list(result: SceneRegistration) -> None:
    changes: list[str] = []
    result.fixed_points.AddObserver(result.fixed_points.PointModifiedEvent, lambda _node, event: changes.append(event))
    names = names_of(result)
    for k in range(len(names.labels)):
        names = names.renamed(k, f"name {k}")
    set_names(result.scene, names)
    assert len(changes) == 1 and labels(result)[-1] == "name 15"


class TestLabelsEditedInTheMarkupsModule:
    def test_a_label_becomes_the_name_everywhere(self, result: SceneRegistration) -> None:
        other = add_registration(result.scene, *two_volumes(result.scene), sample_registration())
        problems: list[str] = []
        observer = NameObserver(result, problems.append)
        result.moving_points.SetNthControlPointLabel(3, "left eye")
        assert names_of(result).names[3] == labels(result)[3] == labels(other, "moving")[3] == "left eye"
        result.fixed_points.SetNthControlPointLabel(3, "right eye")
        assert names_of(result).names[3] == labels(result, "moving")[3] == "right eye"
        assert problems == ["", ""]
        observer.close()

    def test_one_that_cannot_be_a_name_stays_as_it_was_typed(self, result: SceneRegistration) -> None:
        problems: list[str] = []
        observer = NameObserver(result, problems.append)
        result.fixed_points.SetNthControlPointLabel(3, "point 1")
        assert "both be called" in problems[0]
        assert labels(result)[3] == "point 1" and labels(result, "moving")[3] == "point 4"
        rename(result, 5, "chin")
        assert labels(result)[3] == "point 1"
        observer.close()

    def test_the_models_label_is_not_taken_for_a_name(self, result: SceneRegistration) -> None:
        rename(result, 3, "left eye")
        observer = NameObserver(result, lambda _problem: None)
        result.fixed_points.SetNthControlPointLabel(3, LABELS[3])
        assert names_of(result).names[3] == labels(result)[3] == "left eye"
        observer.close()

    def test_moving_a_point_or_renaming_by_panel_is_no_edit(self, result: SceneRegistration) -> None:
        problems: list[str] = []
        observer = NameObserver(result, problems.append)
        result.fixed_points.SetNthControlPointPosition(3, 1, 2, 3)
        rename(result, 3, "left eye")
        result.fixed_points.SetNthControlPointPosition(3, 4, 5, 6)
        assert problems == []
        observer.close()

    def test_edited_while_nobody_watched_it_is_taken_up_when_shown(self, result: SceneRegistration) -> None:
        rename(result, 5, "chin")
        result.fixed_points.SetNthControlPointLabel(3, "left eye")
        result.fixed_points.SetNthControlPointLabel(5, "my chin")
        show_names(result)
        assert names_of(result).names[3:6] == ("left eye", "point 5", "chin")
        assert labels(result, "moving")[3:6] == ["left eye", "point 5", "chin"]
        assert labels(result)[5] == "my chin"  # not lost, and the name that all share is not changed unseen

    def test_lists_that_have_lost_points_are_left_alone(self, result: SceneRegistration) -> None:
        result.fixed_points.SetFixedNumberOfControlPoints(False)
        result.fixed_points.RemoveNthControlPoint(0)
        show_names(result)
        set_names(result.scene, names_of(result).renamed(0, "nose"))
        assert labels(result)[0] == "point 2" and labels(result, "moving")[0] == "nose"
        result.scene.RemoveNode(result.moving_points)
        show_names(result)
        observer = NameObserver(result, lambda _problem: None)
        observer.close()
