"""Stand-in for ``slicer.ScriptedLoadableModule``: the base classes of a module's face."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

import slicer


class ModuleParent:
    """What the application gives a module to describe itself with.  Anything else cannot be set."""

    _FIELDS = ("title", "categories", "dependencies", "contributors", "helpText", "acknowledgementText", "hidden", "icon")

    def __init__(self, name: str, path: Path) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "path", str(path))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._FIELDS:
            raise AttributeError(f"a module has no attribute {name!r}")
        object.__setattr__(self, name, value)


class ScriptedLoadableModule:
    def __init__(self, parent: ModuleParent) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories, parent.dependencies, parent.contributors = [], [], []
        parent.helpText = parent.acknowledgementText = ""

    def resourcePath(self, filename: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        return f'<p>For more information see the <a href="{docPage or self.moduleName}">online documentation</a>.</p>'


class ScriptedLoadableModuleWidget:
    """``parent`` is the module's widget in the application: a layout, the scene, and whether it is entered."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.layout = parent.layout()

    def resourcePath(self, filename: str) -> str:
        return str(Path(self.parent.modulePath).parent / "Resources" / filename)

    def setup(self) -> None: ...

    def cleanup(self) -> None: ...

    def enter(self) -> None: ...

    def exit(self) -> None: ...


class ScriptedLoadableModuleLogic:
    def __init__(self, parent: Any = None) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        """The module's one parameter node, made if the scene has none."""
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(self.moduleName)
            node.SetModuleName(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            node.SetName(scene.GenerateUniqueName(self.moduleName))
            node = scene.AddNode(node)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    def runTest(self) -> None:
        for name in dir(self):
            if name.startswith("test"):
                self.setUp()
                getattr(self, name)()
                self.tearDown()

    def delayDisplay(self, message: str, msec: int = 500) -> None: ...
