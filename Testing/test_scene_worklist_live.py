"""Rows of a worklist whose registrations stay in the scene: lists say what holds now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import slicer
from KeypointRegistrationLib.files.worklist import read_worklist
from KeypointRegistrationLib.review.annotation import Rating
from KeypointRegistrationLib.scene.notes.annotations import annotate
from KeypointRegistrationLib.scene.notes.worklist import SceneWorklist
from KeypointRegistrationLib.scene.notes.worklists import close_worklist, everything_annotated, open_worklist
from test_annotations import said
from worklist_steps import go, register, write_list


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_list(tmp_path)


@pytest.fixture
def worklist(scene: slicer.vtkMRMLScene, file: Path) -> SceneWorklist:
    return open_worklist(scene, read_worklist(file))


def ratings(worklist: SceneWorklist) -> list[Rating | None]:
    return [line.rating for line in worklist.lines]


def test_a_row_that_is_rated_again_after_going_on_has_the_new_rating(
    worklist: SceneWorklist, scene: slicer.vtkMRMLScene
) -> None:
    result = register(go(worklist, 0, tidy=False))
    annotate(result, said(Rating.REJECT))
    go(worklist, 1, tidy=False)
    annotate(result, said(Rating.ACCEPT, minutes=1))
    assert [entry.rating for entry in everything_annotated(scene)] == [Rating.ACCEPT]
    assert ratings(worklist) == [Rating.ACCEPT, None, None]


def test_what_is_in_the_scene_goes_before_what_a_row_remembers(
    worklist: SceneWorklist, scene: slicer.vtkMRMLScene, file: Path
) -> None:
    result = register(go(worklist, 0, tidy=False))
    worklist.note()
    file.write_text("fixed,moving\nc.nii.gz,d.nii.gz\n")
    worklist.reopen(read_worklist(file))
    result.correct(result.correction, replace(result.original, fre=9.0))
    (entry,) = everything_annotated(scene)
    assert entry.fre == 9.0 and entry.moving.endswith("b.nii.gz")


def test_two_lists_of_one_pair_lose_nothing_that_was_said(
    worklist: SceneWorklist, scene: slicer.vtkMRMLScene, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(file.read_text())
    result = register(go(worklist, 0))
    worklist.note()
    again = open_worklist(scene, read_worklist(other))
    annotate(result, said(Rating.REJECT))
    assert ratings(again)[0] is Rating.REJECT
    close_worklist(scene)
    result.remove()
    assert [entry.rating for entry in everything_annotated(scene)] == [Rating.REJECT]


def test_rows_with_the_same_scans_have_registrations_of_their_own(scene: slicer.vtkMRMLScene, file: Path) -> None:
    file.write_text("fixed,moving,id,fixed_mask\na.nii.gz,b.nii.gz,whole,\na.nii.gz,b.nii.gz,masked,c.nii.gz\n")
    worklist = open_worklist(scene, read_worklist(file))
    whole = register(go(worklist, 0, tidy=False))
    annotate(whole, said(Rating.REJECT))
    assert go(worklist, 1, tidy=False).result is None
    masked = register(worklist.here)
    annotate(masked, said(Rating.ACCEPT))
    assert ratings(worklist) == [Rating.REJECT, Rating.ACCEPT]
    assert go(worklist, 0, tidy=False).result.identifier == whole.identifier


def test_a_row_that_names_other_scans_is_unrated(worklist: SceneWorklist, scene: slicer.vtkMRMLScene, file: Path) -> None:
    annotate(register(go(worklist, 0)), said(Rating.ACCEPT))
    assert ratings(worklist) == [Rating.ACCEPT, None, None]
    file.write_text(file.read_text().replace("b.nii.gz", "e.nii.gz"))
    worklist.reopen(read_worklist(file))
    assert ratings(worklist) == [None, None, None]
    assert go(worklist, 0).result is None
    assert [entry.rating for entry in everything_annotated(scene)] == [Rating.ACCEPT]
