"""A desk to compare at: a scene with a layout, as the application has, the user's own view, and two registered scans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import slicer
from host.mrml import RealScene
from host.views import SliceView
from KeypointRegistrationLib.geometry.volume import Volume
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from KeypointRegistrationLib.scene.viewing.layouts import FIXED_VIEWS, MOVING_VIEWS, ORIENTATIONS
from KeypointRegistrationLib.scene.volumes import add_volume
from registered_scene import nested
from samples import sample_registration, sample_volume

SIZE = (240, 240)


class Desk:
    """A scene with a layout logic, as the application has, the user's red view, and two registered scans."""

    def __init__(self, host: RealScene, parents: tuple[np.ndarray, ...] = (), moving: Volume | None = None) -> None:
        self.host, self.scene = host, host.scene
        self.red = SliceView(host, "Red", size=SIZE)
        self._layouts = slicer.vtkMRMLLayoutLogic()
        self._layouts.SetMRMLScene(self.scene)
        self.layout = self._layouts.GetLayoutNode()
        self.layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        registration = sample_registration()
        head = sample_volume("Atlas")
        twin = replace(head.moved(np.linalg.inv(registration.moving_to_fixed)), name="Brain T1")
        self.fixed, self.moving = (add_volume(self.scene, volume) for volume in (head, moving or twin))
        for node in (self.fixed, self.moving):
            node.GetDisplayNode().AutoWindowLevelOff()
            node.GetDisplayNode().SetWindowLevel(900, 450)
        world = np.eye(4)
        for matrix in parents:
            world = matrix @ world
        for node in (self.fixed, self.moving):
            nested(node, (np.linalg.inv(world), *parents) if parents else ())
        self.red.show(self.fixed)
        self.result: SceneRegistration = add_registration(self.scene, self.fixed, self.moving, registration)

    def views(self) -> dict[str, SliceView]:
        """Windows on the views of the comparison, as the layout manager opens them."""
        names = zip((*FIXED_VIEWS, *MOVING_VIEWS), ORIENTATIONS * 2, strict=True)
        return {name: SliceView(self.host, name, orientation, SIZE) for name, orientation in names}

    def hide_points(self) -> None:
        for node in (self.result.fixed_points, self.result.moving_points):
            node.SetDisplayVisibility(False)


def grey_difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def memory_of(scene: slicer.vtkMRMLScene) -> dict[str, str]:
    """Everything that the user's nodes say of themselves, but addresses and times (and slices in 3-D, which views make)."""
    texts = {}
    for n in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(n)
        name = node.GetLayoutName() if hasattr(node, "GetLayoutName") else node.GetName()
        if not node.IsA("vtkMRMLModelNode") and not any(view in name for view in (*FIXED_VIEWS, *MOVING_VIEWS)):
            lines = str(node).splitlines()
            noisy = ("Time", "Reference Count", "0x")
            texts[node.GetID()] = "\n".join(line for line in lines if not any(word in line for word in noisy))
    return texts
