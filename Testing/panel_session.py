"""A person at the panel: the running application, its window, and a worker that behaves as told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import slicer
from host.application import Application
from host.person import Person
from KeypointRegistrationLib.detection import bundle
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.volumes import add_volume
from samples import sample_volume
from tiny_model import write_tiny_bundle

MODULE = Path(__file__).resolve().parent.parent / "KeypointRegistration" / "KeypointRegistration.py"
DOUBLE = Path(__file__).resolve().parent / "worker_double.py"


class Session:
    """A running application with an open panel, a person at it, and a worker that behaves as told."""

    def __init__(self, application: Application, result: Path, panel: Any = None) -> None:
        """``result`` is what the worker's double hands out."""
        self.application, self.result = application, result
        self.panel = panel or application.open_panel(MODULE, width=350)
        self.scene = application.scene
        self.person = Person(application, self.panel)

    @property
    def client(self) -> Any:
        """The panel's way to its worker."""
        return self.panel.logic.worker

    def worker(self, behaviour: str) -> None:
        """Let a double serve the next registrations (see ``worker_double``)."""
        self.start_workers_with([sys.executable, str(DOUBLE), behaviour, str(self.result)])

    def start_workers_with(self, command: list[str]) -> None:
        self.client.close()
        self.client._command = lambda: command

    def add(self, volume: Volume) -> slicer.vtkMRMLScalarVolumeNode:
        node = add_volume(self.scene, volume)
        self.application.process_events()
        return node

    def choose_two_volumes(self) -> tuple[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLScalarVolumeNode]:
        fixed, moving = self.add(sample_volume("first head")), self.add(sample_volume("second head", seed=1))
        self.person.choose("fixedVolumeSelector", "first head")
        self.person.choose("movingVolumeSelector", "second head")
        return fixed, moving

    def register(self) -> None:
        """Apply, and wait for the end."""
        self.person.click("applyButton")
        self.wait_until_idle()

    def start_and_hang(self) -> list[tuple[str, str]]:
        """Bring a registration to the middle of its work; returns the scene as it is then."""
        self.choose_two_volumes()
        self.worker("hangs")
        self.person.click("applyButton")
        self.wait_for("Finding keypoints")
        return scene_state(self.scene)

    def wait_for(self, text: str) -> None:
        """Wait until the message line says ``text``."""
        self.application.wait_until(lambda: text in self.panel.ui.messageLabel.text, f"the message {text!r}")

    def wait_for_apply(self, enabled: bool) -> None:
        """Wait until Apply can be clicked, or cannot."""
        state = "enabled" if enabled else "disabled"
        self.application.wait_until(lambda: self.person.can_click("applyButton") is enabled, f"Apply to be {state}")

    def wait_until_idle(self) -> None:
        self.application.wait_until(lambda: not self.panel._job.is_active, "the end of the registration")


def scene_state(scene: slicer.vtkMRMLScene) -> list[tuple[str, str]]:
    """Names and parents of all nodes that belong to the user."""
    nodes = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    parents = [node.GetParentTransformNode() if node.IsA("vtkMRMLTransformableNode") else None for node in nodes]
    return [(node.GetID(), parent.GetID() if parent else "") for node, parent in zip(nodes, parents, strict=True)]


def write_two_models(folder: Path) -> None:
    """Two models to choose from, of which the second is for rigid alignment only."""
    texts = {"title": "Brain, any contrast", "summary": "Finds points in heads.", "limits": ["Not for children."]}
    rewrite_card(write_tiny_bundle(folder, "brain-affine"), texts)
    rewrite_card(write_tiny_bundle(folder, "other"), {"title": "Rigid only", "transform_types": ["rigid"]})


def rewrite_card(folder: Path, changes: dict[str, Any]) -> None:
    path = folder / bundle.CARD_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
