"""Bad moments: whatever happens while a registration runs is a sentence, and the scene stays as it was."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from host.application import Application
from KeypointRegistrationLib.geometry.errors import InputError
from KeypointRegistrationLib.scene.results.handle import find_registrations
from panel_session import Session, scene_state
from samples import sample_matrix, sample_volume


def test_cancel_leaves_scene_and_disk_untouched(session: Session) -> None:
    before = session.start_and_hang()
    folder = session.client._folder
    session.person.click("cancelButton")
    assert session.person.reads("messageLabel") == "Cancelled. The scene is as it was."
    assert scene_state(session.scene) == before
    assert not folder.exists()
    assert session.person.can_click("applyButton") and not session.person.sees("cancelButton")


def test_a_script_cannot_take_the_worker_from_the_panel(session: Session) -> None:
    session.start_and_hang()
    fixed, moving = (slicer.util.getNode(name) for name in ("first head", "second head"))
    with pytest.raises(InputError, match="running already"):
        session.panel.logic.register(fixed, moving)
    assert session.panel._job.is_active and session.person.can_click("cancelButton")


def test_a_killed_worker_is_told_in_a_sentence(session: Session) -> None:
    before = session.start_and_hang()
    os.kill(session.client.process.pid, signal.SIGKILL)
    session.wait_until_idle()
    assert session.person.reads("messageLabel").startswith("The registration process ended unexpectedly (exit code -9).")
    assert scene_state(session.scene) == before
    assert session.person.can_click("applyButton")


def test_a_worker_that_dies_by_itself_is_told_in_a_sentence(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("dies")
    session.register()
    assert "ended unexpectedly (exit code 7)" in session.person.reads("messageLabel")


def test_a_worker_that_cannot_be_started_is_told_in_a_sentence(session: Session) -> None:
    session.choose_two_volumes()
    session.start_workers_with(["/no/such/python"])
    session.person.click("applyButton")
    assert "could not be started (No such file or directory)" in session.person.reads("messageLabel")


def test_slicer_without_its_interpreter_is_told_in_a_sentence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.choose_two_volumes()
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    session.person.click("applyButton")
    assert session.person.reads("messageLabel").startswith("PythonSlicer, the Python interpreter")
    assert session.person.can_click("applyButton")


def test_closing_the_scene_ends_the_registration(session: Session) -> None:
    session.start_and_hang()
    folder = session.client._folder
    session.scene.Clear(0)
    assert not session.panel._job.is_active and not folder.exists()
    assert "the scene was closed" in session.person.reads("messageLabel")
    assert not session.person.can_click("applyButton")
    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    assert session.person.sees("trustLabel")


@pytest.mark.parametrize("moment", ["removed", "moved", "changed"])
def test_a_volume_that_is_no_longer_what_it_was_gets_no_result(session: Session, moment: str) -> None:
    _fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    if moment == "removed":
        session.scene.RemoveNode(moving)
    elif moment == "moved":
        matrix = slicer.util.vtkMatrixFromArray(sample_matrix())
        transform = session.scene.AddNewNodeByClass("vtkMRMLTransformNode")
        transform.SetMatrixTransformToParent(matrix)
        moving.SetAndObserveTransformNodeID(transform.GetID())
    else:
        slicer.util.updateVolumeFromArray(moving, np.zeros((4, 4, 4)))
    session.wait_until_idle()
    assert f"second head was {moment} while" in session.person.reads("messageLabel")
    assert find_registrations(session.scene) == []


@pytest.mark.parametrize("moment", ["removed", "changed"])
def test_a_mask_that_is_no_longer_what_it_was_is_told_with_the_result_and_in_its_record(
    session: Session, moment: str
) -> None:
    session.choose_two_volumes()
    mask = session.add(sample_volume("brain"))
    session.person.open_section("advancedCollapsibleButton")
    session.person.choose("fixedMaskSelector", "brain")
    session.worker("finishes")
    session.person.click("applyButton")
    if moment == "removed":
        session.scene.RemoveNode(mask)
    else:
        slicer.util.updateVolumeFromArray(mask, np.zeros((4, 4, 4)))
    session.wait_until_idle()
    (result,) = find_registrations(session.scene)
    assert any(warning.startswith(f"brain was {moment} while") for warning in result.registration.warnings)
    assert result.provenance["masks"]["fixed"]["name"] == "brain"


def test_a_result_that_cannot_be_shown_ends_the_run_with_a_sentence(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("the scene is odd")

    monkeypatch.setattr("KeypointRegistrationLib.panel.job.add_registration", fail)
    session.choose_two_volumes()
    session.worker("finishes")
    session.register()
    assert session.person.reads("messageLabel").startswith("The result could not be shown (the scene is odd).")
    assert session.person.can_click("applyButton")


def test_a_full_disk_is_told_in_a_sentence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("KeypointRegistrationLib.panel.job.save_volume", fail)
    session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    assert session.person.reads("messageLabel").startswith("The disk with the temporary files is full.")
    assert not session.panel._job.is_active


def test_windowing_a_volume_meanwhile_does_not_spoil_the_result(session: Session) -> None:
    _fixed, moving = session.choose_two_volumes()
    session.worker("finishes")
    session.person.click("applyButton")
    moving.SetName("renamed")
    moving.GetDisplayNode().AutoWindowLevelOff()
    moving.GetDisplayNode().SetWindowLevelMinMax(0, 10)
    session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 1


def test_what_the_worker_refuses_is_shown_word_for_word(session: Session) -> None:
    session.choose_two_volumes()
    session.worker("refuses")
    session.register()
    assert session.person.reads("messageLabel") == "head is a single slice. Choose a 3-D volume."


def test_leaving_the_application_ends_the_worker(application: Application, made_up_result: Path) -> None:
    session = Session(application, made_up_result)
    session.start_and_hang()
    process = session.client.process
    application.close()
    assert process.exit_code is not None
    application.__init__()
