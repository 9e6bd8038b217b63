"""A worklist of small scans, and the steps through it."""

from __future__ import annotations

from pathlib import Path

import slicer
from host.mrml import load_volume
from KeypointRegistrationLib.files.nifti import write_nifti
from KeypointRegistrationLib.registration.result import Registration
from KeypointRegistrationLib.scene.notes.worklist import Arrival, SceneWorklist
from KeypointRegistrationLib.scene.results.adding import add_registration
from KeypointRegistrationLib.scene.results.handle import SceneRegistration
from samples import sample_registration, sample_volume


def write_list(folder: Path) -> Path:
    """A worklist of three pairs, of which the last two have the same fixed scan."""
    for seed, name in enumerate(("a", "b", "c", "d", "e")):
        write_nifti(folder / f"{name}.nii.gz", sample_volume(name, size=12, spacing=12.0, seed=seed))
    path = folder / "list.csv"
    path.write_text("fixed,moving,id\na.nii.gz,b.nii.gz,1\nc.nii.gz,d.nii.gz,2\nc.nii.gz,e.nii.gz,3\n")
    return path


def go(worklist: SceneWorklist, index: int, *, tidy: bool = True) -> Arrival:
    """Step to a row, loading as the application does."""
    return worklist.step(index, lambda path: load_volume(slicer.mrmlScene, Path(path)), tidy=tidy)


def register(arrival: Arrival, registration: Registration | None = None) -> SceneRegistration:
    """Add a result for the row that was stepped to."""
    return add_registration(slicer.mrmlScene, arrival.fixed, arrival.moving, registration or sample_registration())


def scans(scene: slicer.vtkMRMLScene) -> list[str]:
    """Names of the volumes that the person sees."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene)
    return sorted(node.GetName() for node in nodes if not node.GetHideFromEditors())
