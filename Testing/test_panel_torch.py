"""Without PyTorch: one question, and the run goes on, or a sentence says why not."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer
from KeypointRegistrationLib.scene.results.handle import find_registrations
from panel_session import Session
from PySide6.QtWidgets import QMessageBox


@pytest.fixture
def torch_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Puts a PyTorch extension in place whose installer behaves as told; returns the file that stands for torch."""
    torch = tmp_path / "torch"
    monkeypatch.setattr(slicer.util, "pip_install", lambda _requirements: None, raising=False)

    def put(install: Callable[[], Any]) -> Path:
        extension = types.ModuleType("PyTorchUtils")
        extension.PyTorchUtilsLogic = lambda: types.SimpleNamespace(installTorch=install)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
        return torch

    return put


def apply_without_torch(session: Session, torch: Path, answer: QMessageBox.StandardButton) -> None:
    session.choose_two_volumes()
    session.worker(f"needs-torch={torch}")
    session.application.answer(answer)
    session.person.click("applyButton")
    session.application.wait_until(lambda: bool(session.application.messages), "the question about PyTorch")
    session.wait_until_idle()


def test_torch_is_installed_after_one_question_and_the_run_goes_on(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    torch = torch_extension(lambda: (tmp_path / "torch").touch() or "the torch module")
    apply_without_torch(session, torch, QMessageBox.Ok)
    assert len(session.application.messages) == 1
    assert len(find_registrations(session.scene)) == 1


def test_declining_torch_leaves_a_sentence(session: Session, torch_extension: Callable) -> None:
    torch = torch_extension(lambda: pytest.fail("installed without consent"))
    apply_without_torch(session, torch, QMessageBox.Cancel)
    assert "PyTorch" in session.person.reads("messageLabel")
    assert session.person.can_click("applyButton")


def test_without_network_a_sentence_says_so(
    session: Session, torch_extension: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    def install() -> None:
        raise RuntimeError("Command 'pip' returned 1")

    with caplog.at_level(logging.CRITICAL):
        apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert "Check the network connection" in session.person.reads("messageLabel")


def test_an_installation_that_changes_nothing_is_not_offered_twice(session: Session, torch_extension: Callable) -> None:
    apply_without_torch(session, torch_extension(lambda: "the torch module"), QMessageBox.Ok)
    assert len(session.application.messages) == 1
    assert "does not start" in session.person.reads("messageLabel")


def test_installing_ends_in_a_result_also_when_the_person_has_left_the_module(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    torch = torch_extension(lambda: (tmp_path / "torch").touch() or "the torch module")
    session.choose_two_volumes()
    session.worker(f"needs-torch={torch}")
    session.application.answer(QMessageBox.Ok)
    session.person.click("applyButton")
    session.application.leave(session.panel)
    session.application.wait_until(lambda: bool(session.application.messages), "the question about PyTorch")
    session.wait_until_idle()
    assert len(find_registrations(session.scene)) == 1
    session.application.enter(session.panel)
    assert session.person.sees("trustLabel") and session.person.can_click("applyButton")


@pytest.mark.parametrize("event", ["the volume is removed", "the scene is closed"])
def test_volumes_lost_while_torch_is_installed_end_the_run_with_a_sentence(
    session: Session, tmp_path: Path, torch_extension: Callable, event: str
) -> None:
    def install() -> str:
        if event == "the volume is removed":
            session.scene.RemoveNode(slicer.util.getNode("second head"))
        else:
            session.scene.Clear(0)
        (tmp_path / "torch").touch()
        return "the torch module"

    apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert "no longer in the scene" in session.person.reads("messageLabel")
    assert session.person.can_click("fixedVolumeSelector") and not session.person.can_click("applyButton")


def test_nothing_can_be_changed_or_started_while_torch_is_installed(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    seen: list[bool] = []

    def install() -> str:
        session.panel.logic.getParameterNode().refine = False  # anything that the panel follows
        slicer.app.processEvents()
        seen.extend(session.person.can_click(name) for name in ("applyButton", "fixedVolumeSelector", "modelComboBox"))
        (tmp_path / "torch").touch()
        return "the torch module"

    apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert seen == [False, False, False]
    assert session.person.can_click("applyButton")


def test_a_missing_safetensors_is_installed_alone(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch_extension: Callable
) -> None:
    torch_extension(lambda: pytest.fail("PyTorch was installed as well"))
    installed: list[str] = []

    def pip_install(requirement: str) -> None:
        installed.append(requirement)
        (tmp_path / "safetensors").touch()

    monkeypatch.setattr(slicer.util, "pip_install", pip_install, raising=False)
    session.choose_two_volumes()
    session.worker(f"needs-safetensors={tmp_path / 'safetensors'}")
    session.application.answer(QMessageBox.Ok)
    session.person.click("applyButton")
    session.application.wait_until(lambda: bool(session.application.messages), "the question about safetensors")
    session.wait_until_idle()
    assert installed == ["safetensors>=0.4"] and "PyTorch" not in session.application.messages[0]
    assert len(find_registrations(session.scene)) == 1


def test_reloading_while_torch_is_installed_ends_the_run(
    session: Session, tmp_path: Path, torch_extension: Callable
) -> None:
    def install() -> str:
        session.application.reload(session.panel)
        (tmp_path / "torch").touch()
        return "the torch module"

    apply_without_torch(session, torch_extension(install), QMessageBox.Ok)
    assert not session.panel._job.is_active and find_registrations(session.scene) == []


def test_without_the_extension_a_sentence_says_where_to_get_it(session: Session, tmp_path: Path) -> None:
    apply_without_torch(session, tmp_path / "torch", QMessageBox.Ok)
    assert "Extensions Manager" in session.person.reads("messageLabel")
