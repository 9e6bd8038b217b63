"""The use section, used like a person uses it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from host.dialogs import QDesktopServices
from host.mrml import load_scene, save_scene
from KeypointRegistrationLib.files.scans import read_volume
from KeypointRegistrationLib.review.annotation import Annotation, Rating
from KeypointRegistrationLib.scene.drawing.heatmap_store import keep_heatmaps
from KeypointRegistrationLib.scene.notes.annotations import annotate
from KeypointRegistrationLib.scene.notes.names import names_of, set_names
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.volumes import local_ijk_to_ras, volume_from_node
from panel_session import Session, scene_state
from PySide6 import QtCore
from registered_scene import add_points, corrected, nested, world
from samples import sample_matrix, sample_registration

R = sample_registration().moving_to_fixed


def registered(session: Session) -> SceneRegistration:
    """Two scans, registered; the section is open."""
    fixed, moving = session.choose_two_volumes()
    result = add_registration(session.scene, fixed, moving, sample_registration())
    session.panel._bench.refresh()
    session.person.open_section("useCollapsibleButton")
    return result


def tick(session: Session, name: str) -> None:
    """Click the box of a node in the list of what moves along."""
    entries = session.person.widget("companionsComboBox")._list
    row = entries.findText(name)
    assert row >= 0, f"{name} is not offered"
    entries.view().pressed.emit(entries.model().index(row, 0))
    session.application.process_events()


def is_ticked(session: Session, name: str) -> bool:
    entries = session.person.widget("companionsComboBox")._list
    return entries.model().item(entries.findText(name)).checkState() == QtCore.Qt.Checked


def test_a_ticked_node_moves_along_and_back_again(session: Session) -> None:
    registered(session)
    points = add_points(session.scene)
    before = world(points)
    tick(session, "Electrodes")
    np.testing.assert_allclose(world(points), (R @ [*before, 1])[:3], atol=1e-6)
    assert session.person.reads("useMessageLabel") == "Moves along: Electrodes."
    tick(session, "Electrodes")
    np.testing.assert_array_equal(world(points), before)
    assert session.person.reads("useMessageLabel") == "Nothing moves along any more."


def test_what_cannot_move_along_is_said_and_not_ticked(session: Session) -> None:
    registered(session)
    tick(session, "first head")
    assert "first head belongs to the fixed scan" in session.person.reads("useMessageLabel")
    assert not is_ticked(session, "first head")


def test_resampling_makes_a_volume_on_the_fixed_grid(session: Session) -> None:
    result = registered(session)
    session.person.type("backgroundEdit", "-7")
    session.person.choose("interpolationComboBox", "Nearest")
    session.person.click("resampleButton")
    assert session.person.reads("useMessageLabel") == "Made second head on first head."
    copy = session.scene.GetFirstNodeByName("second head on first head")
    values = volume_from_node(copy).voxels
    assert values.shape == volume_from_node(result.fixed_volume).shape and values.min() == -7
    assert set(np.unique(values)) <= {-7, *np.unique(volume_from_node(result.moving_volume).voxels)}
    session.person.type("backgroundEdit", "dark")
    session.person.click("resampleButton")
    assert "is no number" in session.person.reads("useMessageLabel")


def test_hardening_and_taking_it_back(session: Session) -> None:
    result = registered(session)
    moving = result.moving_volume
    before = local_ijk_to_ras(moving)
    assert session.person.widget("hardenButton").text() == "Harden"
    session.person.click("hardenButton")
    np.testing.assert_allclose(local_ijk_to_ras(moving), R @ before, atol=1e-9)
    assert session.person.widget("hardenButton").text() == "Take hardening back"
    assert session.person.reads("useMessageLabel") == "The alignment is now part of second head itself."
    assert session.person.widget("alignedCheckBox").isChecked() and not session.person.can_click("alignedCheckBox")
    session.person.click("hardenButton")
    assert session.person.can_click("alignedCheckBox")
    assert local_ijk_to_ras(moving).tobytes() == before.tobytes() and result.applied


def test_the_inverse_is_made_and_brought_up_to_date_after_a_correction(session: Session) -> None:
    registered(session)
    session.person.click("inverseButton")
    name = "first head → second head (inverse)"
    assert session.person.reads("useMessageLabel") == f"{name} is up to date."
    assert not session.person.sees("useNotesLabel")
    matrix = corrected(session.panel._bench.editor.result)
    session.panel._bench.refresh()
    assert f"{name} was made of an earlier state" in session.person.reads("useNotesLabel")
    session.person.click("inverseButton")
    assert not session.person.sees("useNotesLabel")
    inverse = session.scene.GetFirstNodeByName(name)
    np.testing.assert_allclose(slicer.util.arrayFromTransformMatrix(inverse), np.linalg.inv(matrix), atol=1e-9)


def test_exporting_writes_everything_and_never_over_an_earlier_export_unasked(session: Session, tmp_path: Path) -> None:
    result = registered(session)
    nested(result.fixed_volume, (sample_matrix(12),))  # moved since: the files are of the scans as they were registered
    folder = tmp_path / "export"
    session.person.click("exportButton")
    assert session.person.reads("useMessageLabel") == "Choose a folder to export to."
    assert not session.person.can_click("openPageButton")
    session.person.type("exportFolderEdit", str(folder))
    session.person.click("exportButton")
    assert session.person.reads("useMessageLabel") == f"Written to {folder}."
    report = json.loads((folder / "report.json").read_text())
    np.testing.assert_allclose(report["moving_to_fixed_ras"], R)
    assert read_volume(folder / "moved.nii.gz").shape == volume_from_node(result.fixed_volume).shape
    assert "second head aligned to first head" in (folder / "page.html").read_text(encoding="utf-8")
    (folder / "report.json").write_text("mine")
    session.person.click("exportButton")
    assert "holds an earlier export" in session.person.reads("useMessageLabel")
    assert (folder / "report.json").read_text() == "mine"
    session.person.click("replaceExportCheckBox")
    session.person.click("exportButton")
    assert json.loads((folder / "report.json").read_text()) != "mine"
    session.person.click("openPageButton")
    assert QDesktopServices.shown == [(folder / "page.html").as_uri()]


def test_heatmaps_names_corrections_and_reviews_are_exported_with_it(session: Session, tmp_path: Path) -> None:
    result = registered(session)
    keep_heatmaps(result, sample_registration())
    set_names(session.scene, names_of(result).renamed(3, "pineal gland"))
    annotate(result, Annotation(Rating.ACCEPT, "A. Reviewer", datetime(2026, 1, 2, tzinfo=timezone.utc)))
    session.panel._bench.editor.add_pair("my own", (1.0, 2.0, 3.0), (1.0, 2.0, 4.0))
    session.person.type("exportFolderEdit", str(tmp_path))
    session.person.click("exportHeatmapsCheckBox")
    session.person.click("exportButton")
    assert session.person.reads("useMessageLabel") == f"Written to {tmp_path}."
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(words in page for words in ("pineal gland", "A. Reviewer", "my own: added by hand"))
    assert "pineal gland" in (tmp_path / "keypoints.csv").read_text(encoding="utf-8")
    assert (tmp_path / "fixed_heatmaps.seq.nrrd").exists() and (tmp_path / "moving_heatmaps.seq.nrrd").exists()


def test_a_moved_scan_is_exported_where_it_was_registered(session: Session, tmp_path: Path) -> None:
    registered(session)
    session.person.type("exportFolderEdit", str(tmp_path / "aligned"))
    session.person.click("exportButton")
    session.person.click("hardenButton")
    session.person.type("exportFolderEdit", str(tmp_path / "hardened"))
    session.person.click("exportButton")
    one, other = (read_volume(tmp_path / name / "moved.nii.gz").voxels for name in ("aligned", "hardened"))
    np.testing.assert_array_equal(one, other)


def test_a_folder_that_cannot_be_written_is_a_sentence(session: Session, tmp_path: Path) -> None:
    registered(session)
    (tmp_path / "taken").write_text("mine")
    session.person.type("exportFolderEdit", str(tmp_path / "taken"))
    session.person.click("exportButton")
    assert "is a file, not a folder" in session.person.reads("useMessageLabel")


def test_undoing_the_registration_takes_all_of_it_back(session: Session) -> None:
    session.choose_two_volumes()
    points = add_points(session.scene)
    before = scene_state(session.scene)
    fixed, moving = (session.scene.GetFirstNodeByName(f"{which} head") for which in ("first", "second"))
    add_registration(session.scene, fixed, moving, sample_registration())
    session.panel._bench.refresh()
    session.person.open_section("useCollapsibleButton")
    tick(session, "Electrodes")
    for button in ("resampleButton", "inverseButton", "hardenButton"):
        session.person.click(button)
    session.person.click("removeResultButton")
    assert scene_state(session.scene) == before
    assert not points.GetAttributeNames()


def test_after_loading_it_shows_what_moves_along_and_that_it_is_hardened(session: Session, tmp_path: Path) -> None:
    registered(session)
    add_points(session.scene)
    tick(session, "Electrodes")
    session.person.click("hardenButton")
    save_scene(session.scene, tmp_path / "scene.mrb")
    load_scene(session.scene, tmp_path / "scene.mrb")
    session.application.process_events()
    assert is_ticked(session, "Electrodes")
    assert session.person.widget("hardenButton").text() == "Take hardening back"


@pytest.mark.parametrize("gone", ["fixed_volume", "moving_volume", "transform"])
def test_a_deleted_node_is_said_and_nothing_can_be_done(session: Session, gone: str) -> None:
    result = registered(session)
    session.scene.RemoveNode(getattr(result, gone))
    session.application.process_events()
    assert "is no longer in the scene" in session.person.reads("useNotesLabel")
    for button in ("resampleButton", "inverseButton", "hardenButton", "exportButton"):
        assert not session.person.can_click(button)


def test_a_scan_that_was_changed_since_is_told(session: Session) -> None:
    result = registered(session)
    result.moving_volume.SetOrigin(1.0, 2.0, 3.0)
    session.panel._bench.refresh()
    assert "second head has other voxels or another position" in session.person.reads("useNotesLabel")
    session.person.click("resampleButton")
    assert "Register again" in session.person.reads("useMessageLabel")


def test_a_bent_parent_is_a_sentence(session: Session) -> None:
    result = registered(session)
    bent = session.scene.AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
    bent.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    result.fixed_volume.SetAndObserveTransformNodeID(bent.GetID())
    session.panel._bench.refresh()
    assert "non-linear transform Bent" in session.person.reads("useNotesLabel")
    session.person.click("resampleButton")
    assert "non-linear transform Bent" in session.person.reads("useMessageLabel")
