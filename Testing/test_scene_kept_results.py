"""Going back to a row of a worklist: its registration is there again, as it was left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.files.worklist import read_worklist
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.registration.correction import Correction, PairChoice
from KeypointRegistrationLib.registration.result import ModelIdentity
from KeypointRegistrationLib.review.annotation import Annotation, Rating
from KeypointRegistrationLib.scene.notes.annotations import annotate, annotations_of, is_rating_outdated
from KeypointRegistrationLib.scene.notes.names import rename
from KeypointRegistrationLib.scene.notes.worklist import SceneWorklist
from KeypointRegistrationLib.scene.notes.worklists import (
    active_worklist,
    adopt_everywhere,
    everything_annotated,
    open_worklist,
)
from KeypointRegistrationLib.scene.results.editor import RegistrationEditor
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.sides import Side
from KeypointRegistrationLib.scene.volumes import local_ijk_to_ras, volume_from_node
from samples import sample_matrix, sample_volume
from test_annotations import said
from test_correction import answer
from test_scene_results import hierarchy_names, world_points
from worklist_steps import go, register, scans, write_list


def opened_editor(result: SceneRegistration) -> RegistrationEditor:
    return RegistrationEditor(result, lambda _milliseconds, callback: callback())


@dataclass
class Left:
    """The registration of the first row as it was, before the person went on to the second row."""

    worklist: SceneWorklist
    identifier: str
    correction: Correction
    corners: np.ndarray
    points: np.ndarray
    labels: list[str]
    nodes: int
    folders: int
    created: str
    history: tuple[Annotation, ...]


@pytest.fixture
def left(scene: slicer.vtkMRMLScene, tmp_path: Path) -> Left:
    """Corrected in every way, named, rated, and taken away on going on."""
    worklist = open_worklist(scene, read_worklist(write_list(tmp_path)))
    result = register(go(worklist, 0), replace(answer(), fixed_heatmaps=None, moving_heatmaps=None))
    editor = opened_editor(result)
    editor.set_choice(0, PairChoice.LEAVE_OUT)
    editor.set_factor(4, 2.0)
    editor.move(1, Side.FIXED, (1.0, 2.0, 3.0))
    editor.add_pair("mine", (10.0, 20.0, 30.0), (11.0, 19.0, 31.0))
    editor.close()
    rename(result, 2, "nose")
    annotate(result, said(Rating.ACCEPTABLE, comment="with care"))
    before = Left(
        worklist,
        result.identifier,
        result.correction,
        volume_from_node(result.moving_volume).corners,
        world_points(result.moving_points),
        labels(result),
        scene.GetNumberOfNodes(),
        len(hierarchy_names(scene)),
        result.provenance["created"],
        annotations_of(result),
    )
    go(worklist, 1)
    assert find_registrations(scene) == [] and scans(scene) == ["c", "d"]
    return before


def labels(result: SceneRegistration) -> list[str]:
    node = result.fixed_points
    return [node.GetNthControlPointLabel(k) for k in range(node.GetNumberOfControlPoints())]


def test_it_is_there_again_as_it_was_left(left: Left, scene: slicer.vtkMRMLScene) -> None:
    result = go(left.worklist, 0).result
    assert result.identifier == left.identifier and result.correction == left.correction
    np.testing.assert_allclose(volume_from_node(result.moving_volume).corners, left.corners, atol=1e-8)
    np.testing.assert_allclose(world_points(result.moving_points), left.points, atol=1e-8)
    assert labels(result) == left.labels and labels(result)[-1] == "mine" and labels(result)[2] == "nose"
    assert annotations_of(result) == left.history and not is_rating_outdated(result)
    assert result.provenance["created"] == left.created
    assert scene.GetNumberOfNodes() == left.nodes and len(hierarchy_names(scene)) == left.folders


def test_it_can_be_corrected_further_and_taken_away_again(left: Left, scene: slicer.vtkMRMLScene) -> None:
    result = go(left.worklist, 0).result
    editor = opened_editor(result)
    assert editor.correction == left.correction and not editor.can_undo and not editor.problem
    editor.set_choice(5, PairChoice.LEAVE_OUT)
    editor.close()
    go(left.worklist, 2)
    assert find_registrations(scene) == []
    again = go(left.worklist, 0).result
    assert again.correction.choice(5) is PairChoice.LEAVE_OUT and again.correction.choice(0) is PairChoice.LEAVE_OUT
    again.remove()
    assert again.moving_volume.GetParentTransformNode() is None and hierarchy_names(scene) == []


def test_it_comes_back_in_a_saved_scene_too(left: Left, scene: slicer.vtkMRMLScene, tmp_path: Path) -> None:
    save_scene(scene, tmp_path / "scene.mrb")
    load_scene(scene, tmp_path / "scene.mrb")
    result = go(active_worklist(scene), 0).result
    assert result.identifier == left.identifier and result.correction == left.correction


def test_it_takes_little_room_while_it_is_away(left: Left, scene: slicer.vtkMRMLScene) -> None:
    def texts() -> int:
        return sum(len(node.GetText() or "") for node in slicer.util.getNodesByClass("vtkMRMLTextNode", scene))

    away = texts()
    record = go(left.worklist, 0).result.record
    assert away < texts() / 2 and len(record.GetText()) > away


def test_what_a_later_version_has_kept_stays_away(left: Left, scene: slicer.vtkMRMLScene) -> None:
    texts = slicer.util.getNodesByClass("vtkMRMLTextNode", scene)
    (kept,) = [node for node in texts if node.GetName() == "Kept registration"]
    kept.SetText("later")
    assert go(left.worklist, 0).result is None and kept.GetText() == "later"


def test_a_removed_registration_stays_removed(left: Left, scene: slicer.vtkMRMLScene) -> None:
    go(left.worklist, 0).result.remove()
    go(left.worklist, 1)
    assert go(left.worklist, 0).result is None
    assert [entry.rating for entry in everything_annotated(scene)] == [Rating.ACCEPTABLE]


@pytest.mark.parametrize("change", ["size", "place"])
def test_it_does_not_come_back_for_another_scan(left: Left, scene: slicer.vtkMRMLScene, tmp_path: Path, change: str) -> None:
    other = sample_volume("b", size=13 if change == "size" else 12, spacing=12.0, seed=1)
    if change == "place":
        other = replace(other, ijk_to_ras=sample_matrix(0, (5, 0, 0)) @ other.ijk_to_ras)
    write_nifti(tmp_path / "b.nii.gz", other)
    arrival = go(left.worklist, 0)
    assert arrival.result is None and arrival.moving is not None
    assert left.worklist.lines[0].rating is Rating.ACCEPTABLE
    np.testing.assert_allclose(local_ijk_to_ras(arrival.moving), other.ijk_to_ras, atol=1e-3)


class TestAnnotationsOfRowsThatAreNotThere:
    def test_a_list_adds_to_them(self, left: Left, scene: slicer.vtkMRMLScene) -> None:
        (entry,) = everything_annotated(scene)
        extra = said(Rating.REJECT, "Bo", minutes=3)
        assert adopt_everywhere(scene, [replace(entry, history=(extra,)), replace(entry, identifier="x")]) == (1, 2)
        assert left.worklist.lines[0].rating is Rating.REJECT
        result = go(left.worklist, 0).result
        assert [entry.reviewer for entry in annotations_of(result)] == ["Ada", "Bo"]

    def test_one_of_another_model_is_refused(self, left: Left, scene: slicer.vtkMRMLScene) -> None:
        (entry,) = everything_annotated(scene)
        foreign = replace(entry, model=ModelIdentity("knees", "1", ""), history=(said(Rating.REJECT, minutes=3),))
        with pytest.raises(InputError, match="The list is about knees 1"):
            adopt_everywhere(scene, [foreign])
        assert everything_annotated(scene) == (entry,)
