"""A real MRML scene without the Slicer application: slicer-core's own nodes, logics and files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import slicer
import vtk

#: The logics of the modules whose nodes and storage nodes the extension meets.  Without them, reading a saved scene loses
#: control points, and writing one can end the process.
_MODULE_LOGICS = {
    "Markups": slicer.vtkSlicerMarkupsLogic,
    "Volumes": slicer.vtkSlicerVolumesLogic,
    "Terminologies": slicer.vtkSlicerTerminologiesModuleLogic,
    "Segmentations": slicer.vtkSlicerSegmentationsModuleLogic,
    "SubjectHierarchy": slicer.vtkSlicerSubjectHierarchyModuleLogic,
    "Sequences": slicer.vtkSlicerSequencesLogic,
    "Transforms": slicer.vtkSlicerTransformLogic,
    "Tables": slicer.vtkSlicerTablesLogic,
    "Texts": slicer.vtkSlicerTextsLogic,
}


class RealScene:
    """An empty scene as Slicer has it at start, with ``slicer.mrmlScene`` set to it until ``close``.

    Attributes:
        scene: the vtkMRMLScene.
        application_logic: the vtkSlicerApplicationLogic that slice and 3-D logics belong to.
        logics: module logics by module name.
    """

    def __init__(self) -> None:
        self._cache = tempfile.TemporaryDirectory(prefix="mrml-cache-")
        self._previous = getattr(slicer, "mrmlScene", None)
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self.application_logic = self._make_application_logic()
        self.logics = self._make_module_logics()
        self._make_file_access()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self.scene.AddNewNodeByClass("vtkMRMLCrosshairNode").SetSingletonTag("default")
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)

    def __enter__(self) -> RealScene:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Empty the scene and give ``slicer.mrmlScene`` back to whoever had it before."""
        self.scene.Clear(1)
        self.application_logic.GetSliceLogics().RemoveAllItems()
        self.application_logic.GetViewLogics().RemoveAllItems()
        with vtk_messages_silenced():  # the subject hierarchy logic complains of having no scene
            for logic in self.logics.values():
                logic.SetMRMLScene(None)
        self.application_logic.SetMRMLScene(None)
        slicer.mrmlScene = self._previous
        self._cache.cleanup()

    def _make_application_logic(self) -> slicer.vtkSlicerApplicationLogic:
        logic = slicer.vtkSlicerApplicationLogic()
        logic.SetMRMLScene(self.scene)
        colours = slicer.vtkSlicerColorLogic()  # unlike the application logic's own, it knows colour legends
        colours.SetMRMLApplicationLogic(logic)
        logic.SetColorLogic(colours)
        with vtk_messages_silenced():  # it looks for colour files that only the application has
            colours.SetMRMLScene(self.scene)
            colours.AddDefaultColorNodes()
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        for factory in (slicer.vtkMRMLSliceViewDisplayableManagerFactory, slicer.vtkMRMLThreeDViewDisplayableManagerFactory):
            factory.GetInstance().SetMRMLApplicationLogic(logic)
        return logic

    def _make_module_logics(self) -> dict[str, slicer.vtkMRMLAbstractLogic]:
        logics = {}
        with vtk_messages_silenced():  # the terminologies logic looks for files that only the application has
            for name, make in _MODULE_LOGICS.items():
                logic = make()
                logic.SetMRMLScene(self.scene)
                logic.SetMRMLApplicationLogic(self.application_logic)
                self.application_logic.SetModuleLogic(name, logic)
                logics[name] = logic
        return logics

    def _make_file_access(self) -> None:
        """Reading an .mrb goes through these, as in the application."""
        self._cache_manager = slicer.vtkCacheManager()
        self._cache_manager.SetRemoteCacheDirectory(self._cache.name)
        self._data_manager = slicer.vtkDataIOManager()
        self._data_manager.SetCacheManager(self._cache_manager)
        self.scene.SetCacheManager(self._cache_manager)
        self.scene.SetDataIOManager(self._data_manager)
        self.scene.SetRootDirectory(self._cache.name)


def save_scene(scene: slicer.vtkMRMLScene, path: Path) -> None:
    """Write the scene as a Slicer data bundle (.mrb)."""
    if not scene.WriteToMRB(str(path)):
        raise OSError(f"the scene could not be written to {path}")


def load_scene(scene: slicer.vtkMRMLScene, path: Path) -> None:
    """Read a Slicer data bundle into the scene, replacing what is there."""
    scene.Clear(0)
    if not scene.ReadFromMRB(str(path)):
        raise OSError(f"the scene could not be read from {path}")


def load_volume(scene: slicer.vtkMRMLScene, path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """Load a scan from a file with the storage node that the application uses for it.

    Raises:
        RuntimeError: if it cannot be read; the scene is then as it was.
    """
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(path.name.split(".")[0]))
    node.AddDefaultStorageNode()
    storage = node.GetStorageNode()
    storage.SetFileName(str(path))
    with vtk_messages_silenced():
        is_read = path.is_file() and storage.ReadData(node)
    if not is_read:
        scene.RemoveNode(node)
        scene.RemoveNode(storage)
        raise RuntimeError(f"Failed to load node from file: {path}")
    node.CreateDefaultDisplayNodes()
    return node


@contextmanager
def vtk_messages_silenced() -> Iterator[None]:
    """No VTK warnings or errors on the console meanwhile."""
    verbosity = vtk.vtkLogger.GetCurrentVerbosityCutoff()
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    try:
        yield
    finally:
        vtk.vtkLogger.SetStderrVerbosity(verbosity)
