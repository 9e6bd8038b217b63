"""Stepping through a worklist in the scene: what comes, what goes, what stays, and where one left off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import slicer
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.files.worklist import read_worklist
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.review.annotation import NETWORK_ANSWER, Rating
from KeypointRegistrationLib.review.worklist_state import RowStatus
from KeypointRegistrationLib.scene.notes.annotations import annotate
from KeypointRegistrationLib.scene.notes.worklist import SceneWorklist
from KeypointRegistrationLib.scene.notes.worklists import (
    WORKLIST,
    active_worklist,
    close_worklist,
    everything_annotated,
    open_worklist,
)
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration, find_registrations
from KeypointRegistrationLib.scene.using.products import add_product
from samples import sample_matrix, sample_registration
from test_annotations import said
from test_scene_results import two_volumes
from test_scene_volumes import put_under_new_transform
from worklist_steps import go, register, scans, write_list


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_list(tmp_path)


@pytest.fixture
def worklist(scene: slicer.vtkMRMLScene, file: Path) -> SceneWorklist:
    return open_worklist(scene, read_worklist(file))


def statuses(worklist: SceneWorklist) -> list[str]:
    return [line.status.value for line in worklist.lines]


class TestStepping:
    def test_a_rows_scans_come_and_go(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        assert scans(scene) == [] and worklist.position is None
        arrival = go(worklist, 0)
        assert (arrival.fixed.GetName(), arrival.moving.GetName()) == ("a", "b")
        assert arrival.result is None and worklist.position == 0
        count = scene.GetNumberOfNodes()
        go(worklist, 1)
        assert scans(scene) == ["c", "d"] and scene.GetNumberOfNodes() == count

    def test_a_scan_that_the_next_row_needs_stays(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        fixed = go(worklist, 1).fixed
        assert go(worklist, 2).fixed is fixed
        assert scans(scene) == ["c", "e"]

    def test_the_registration_goes_with_its_row_and_its_annotation_stays(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene
    ) -> None:
        annotate(register(go(worklist, 1)), said(Rating.ACCEPTABLE, comment="fine"))
        assert statuses(worklist) == ["open", "rated", "open"]
        go(worklist, 2)
        assert find_registrations(scene) == [] and scans(scene) == ["c", "e"]
        assert worklist.lines[1].rating is Rating.ACCEPTABLE
        (entry,) = everything_annotated(scene)
        assert entry.history == (replace(said(Rating.ACCEPTABLE, comment="fine"), judged=NETWORK_ANSWER),)
        assert entry.moving.endswith("d.nii.gz")

    def test_masks_come_and_go_with_their_scans(self, scene: slicer.vtkMRMLScene, file: Path) -> None:
        file.write_text("fixed,moving,moving_mask\na.nii.gz,b.nii.gz,c.nii.gz\nc.nii.gz,d.nii.gz,\n")
        worklist = open_worklist(scene, read_worklist(file))
        arrival = go(worklist, 0)
        assert arrival.fixed_mask is None and arrival.moving_mask.GetName() == "c"
        assert go(worklist, 1).moving_mask is None
        assert scans(scene) == ["c", "d"]

    def test_without_tidying_everything_stays_and_is_found_again(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene
    ) -> None:
        first = go(worklist, 0, tidy=False)
        result = register(first)
        go(worklist, 1, tidy=False)
        assert scans(scene) == ["a", "b", "c", "d"]
        again = go(worklist, 0)
        assert again.fixed is first.fixed and again.result.identifier == result.identifier

    def test_of_two_registrations_of_a_row_the_later_is_shown_and_both_stay(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene
    ) -> None:
        arrival = go(worklist, 0)
        first = register(arrival)
        second = register(arrival)
        annotate(first, said(Rating.REJECT))
        assert go(worklist, 0).result.identifier == second.identifier
        assert worklist.lines[0].rating is Rating.REJECT
        annotate(second, said(Rating.ACCEPT, minutes=1))
        assert worklist.lines[0].rating is Rating.ACCEPT
        go(worklist, 1)
        assert len(find_registrations(scene)) == 2 and scans(scene) == ["a", "b", "c", "d"]


class TestWhatPeopleHaveDoneStays:
    def change_voxels(self, result: SceneRegistration) -> None:
        slicer.util.arrayFromVolume(result.moving_volume)[0] = 1
        slicer.util.arrayFromVolumeModified(result.moving_volume)

    def segment(self, result: SceneRegistration) -> None:
        segmentation = result.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(result.fixed_volume)

    def make_something_of_it(self, result: SceneRegistration) -> None:
        add_product(result, result.scene.AddNewNodeByClass("vtkMRMLModelNode"))

    def use_transform(self, result: SceneRegistration) -> None:
        model = result.scene.AddNewNodeByClass("vtkMRMLModelNode")
        model.SetAndObserveTransformNodeID(result.transform.GetID())

    def move(self, result: SceneRegistration) -> None:
        put_under_new_transform(result.fixed_volume, sample_matrix(), result.scene)

    def register_with_another(self, result: SceneRegistration) -> None:
        other, _ = two_volumes(result.scene)
        add_registration(result.scene, result.fixed_volume, other, sample_registration())

    @pytest.mark.parametrize(
        "change", ["change_voxels", "segment", "make_something_of_it", "use_transform", "move", "register_with_another"]
    )
    def test_a_row_that_was_changed_or_used_is_not_taken_away(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, change: str
    ) -> None:
        result = register(go(worklist, 0))
        getattr(self, change)(result)
        go(worklist, 1)
        assert {"a", "b", "c", "d"} <= set(scans(scene))
        assert result.identifier in [other.identifier for other in find_registrations(scene)]

    def test_being_looked_at_is_no_use(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        view = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
        arrival = go(worklist, 0)
        view.SetBackgroundVolumeID(arrival.fixed.GetID())
        view.SetForegroundVolumeID(arrival.moving.GetID())
        register(arrival)
        go(worklist, 1)
        assert scans(scene) == ["c", "d"] and not view.GetBackgroundVolumeID()

    def test_scans_that_the_person_has_loaded_stay(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        own = two_volumes(scene)
        go(worklist, 0)
        go(worklist, 1)
        assert scans(scene) == sorted(["c", "d", *(node.GetName() for node in own)])


class TestResuming:
    def test_a_saved_scene_goes_on_where_one_left_off(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, tmp_path: Path
    ) -> None:
        annotate(register(go(worklist, 0)), said(Rating.REJECT))
        annotate(register(go(worklist, 1)), said(Rating.ACCEPT))
        save_scene(scene, tmp_path / "scene.mrb")
        load_scene(scene, tmp_path / "scene.mrb")
        resumed = active_worklist(scene)
        assert resumed.position == 1
        assert [line.rating for line in resumed.lines] == [Rating.REJECT, Rating.ACCEPT, None]
        assert go(resumed, 1).result is not None and scans(scene) == ["c", "d"]
        go(resumed, 2)
        assert scans(scene) == ["c", "e"]

    def test_a_list_that_is_opened_again_goes_on(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, file: Path
    ) -> None:
        annotate(register(go(worklist, 0)), said(Rating.REJECT))
        close_worklist(scene)
        assert active_worklist(scene) is None
        again = open_worklist(scene, read_worklist(file))
        assert again.position == 0 and again.lines[0].rating is Rating.REJECT

    def test_a_list_that_was_edited_meanwhile_keeps_what_was_done(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, file: Path
    ) -> None:
        annotate(register(go(worklist, 0)), said(Rating.REJECT))
        go(worklist, 1)
        file.write_text("fixed,moving,id\nc.nii.gz,e.nii.gz,3\nc.nii.gz,d.nii.gz,2\n")
        worklist.reopen(read_worklist(file))
        assert worklist.position == 1 and statuses(worklist) == ["open", "open"]
        assert [entry.rating for entry in everything_annotated(scene)] == [Rating.REJECT]

    def test_closing_the_scene_ends_the_work(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        go(worklist, 0)
        scene.Clear(0)
        assert active_worklist(scene) is None

    def test_scans_deleted_meanwhile_are_loaded_again(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        result = register(go(worklist, 0))
        annotate(result, said(Rating.ACCEPT))
        assert worklist.lines[0].rating is Rating.ACCEPT
        scene.RemoveNode(result.moving_volume)
        assert worklist.here.moving is None and worklist.lines[0].rating is Rating.ACCEPT
        assert go(worklist, 0).moving is not None

    def test_a_damaged_list_is_left_alone(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, file: Path) -> None:
        (node,) = [n for n in slicer.util.getNodesByClass("vtkMRMLTextNode", scene) if n.GetAttribute(WORKLIST)]
        node.SetText("{")
        assert active_worklist(scene) is None and everything_annotated(scene) == ()
        assert len(open_worklist(scene, read_worklist(file)).lines) == 3
        assert node.GetText() == "{"


class TestFilesThatCannotBeLoaded:
    def test_the_row_says_why_and_the_list_goes_on(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, tmp_path: Path
    ) -> None:
        (tmp_path / "d.nii.gz").rename(tmp_path / "moved.nii.gz")
        arrival = go(worklist, 1)
        assert arrival.problem.startswith("There is no file") and "d.nii.gz" in arrival.problem
        assert arrival.fixed is None and worklist.lines[1].remark == arrival.problem
        assert statuses(worklist) == ["open", "failed", "open"]
        assert go(worklist, 2).moving.GetName() == "e" and scans(scene) == ["c", "e"]
        (tmp_path / "moved.nii.gz").rename(tmp_path / "d.nii.gz")
        assert go(worklist, 1).problem == "" and worklist.lines[1].status is RowStatus.OPEN

    def test_what_is_loaded_but_no_scan_is_taken_away_again(
        self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene
    ) -> None:
        def loads_nothing(path: str) -> slicer.vtkMRMLScalarVolumeNode:
            return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", Path(path).name)

        arrival = worklist.step(0, loads_nothing, tidy=True)
        assert "has no voxels" in arrival.problem and scans(scene) == []

    @pytest.mark.parametrize("count", [0, 2])
    def test_a_file_holds_one_scan(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene, count: int) -> None:
        def loads(path: str) -> list[slicer.vtkMRMLScalarVolumeNode | None]:
            return [scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path) for _ in range(count)] or [None]

        assert "exactly one volume" in worklist.step(0, loads, tidy=True).problem and scans(scene) == []

    def test_the_loaders_own_sentence_is_shown(self, worklist: SceneWorklist) -> None:
        def refuses(path: str) -> slicer.vtkMRMLScalarVolumeNode:
            raise InputError(f"{path} is damaged.")

        assert worklist.step(0, refuses, tidy=True).problem.endswith("a.nii.gz is damaged.")
        assert worklist.lines[0].status is RowStatus.FAILED


class TestPairsOfTheScene:
    def test_all_registrations_are_rows_and_the_place_is_kept(self, scene: slicer.vtkMRMLScene) -> None:
        results = [add_registration(scene, *two_volumes(scene), sample_registration()) for _ in range(3)]
        pairs = open_worklist(scene, None)
        annotate(results[1], said(Rating.ACCEPT, comment="good"))
        assert statuses(pairs) == ["registered", "rated", "registered"]
        assert pairs.lines[1].remark == "good"
        assert go(pairs, 1).result.identifier == results[1].identifier
        results[0].remove()
        assert pairs.position == 0 and len(pairs.lines) == 2
        results[1].remove()
        assert pairs.position is None

    def test_all_that_was_annotated_is_listed_once(self, worklist: SceneWorklist, scene: slicer.vtkMRMLScene) -> None:
        own = add_registration(scene, *two_volumes(scene), sample_registration())
        row = register(go(worklist, 0))
        gone = register(go(worklist, 1, tidy=False))
        gone.remove()
        listed = everything_annotated(scene)
        assert [entry.identifier for entry in listed][:2] == [own.identifier, row.identifier]
        assert len({entry.identifier for entry in listed}) == len(listed)
        np.testing.assert_array_equal([entry.moving.endswith(".nii.gz") for entry in listed[:2]], [False, True])
