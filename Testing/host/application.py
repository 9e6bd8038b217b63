"""The Slicer application for tests: a window, a scene, and the modules that a panel imports.  Never shipped.

``Application`` puts ``qt``, ``ctk``, ``slicer.app`` and the Python layers of the application in place, loads a module file
as the module factory does, shows its panel in an off-screen window, and takes everything down again.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shiboken6
import slicer
import slicer.util
from PySide6 import QtCore, QtGui, QtWidgets

from . import ctk_inputs, dialogs, parameter_nodes, parameter_types, pythonqt, scripted_module, settings, signals, widgets
from .layout import qSlicerLayoutManager
from .mrml import RealScene, load_volume
from .slicer_app import SlicerApp
from .threads import ThreadWatch
from .uiloader import load_ui

#: How long ``Application.wait_until`` waits before it fails, in seconds.
PATIENCE_S = 300.0


class ModuleWidgetParent:
    """The application's side of a module widget (qSlicerScriptedLoadableModuleWidget), at the left of the main window."""

    def __init__(self, path: Path, main_window: QtWidgets.QMainWindow) -> None:
        self.modulePath = str(path)
        self.isEntered = False
        self.called: Any = None  # the widget object whose enter and exit Slicer calls: the first one, also after a reload
        self.window = QtWidgets.QScrollArea(main_window.centralWidget())
        self.window.setWidgetResizable(True)
        self.window.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAsNeeded)
        contents = QtWidgets.QWidget()
        QtWidgets.QVBoxLayout(contents).setContentsMargins(4, 4, 4, 4)
        self.window.setWidget(contents)

    def layout(self) -> Any:
        return pythonqt.wrap(self.window.widget().layout())


class Application:
    """The running application.  Use as a context manager; leaving it raises nothing, ``problems`` says what went wrong."""

    def __init__(self) -> None:
        self.qt_application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
        self.main_window = QtWidgets.QMainWindow()
        self.main_window.setObjectName("qSlicerMainWindow")
        self.main_window.setCentralWidget(QtWidgets.QWidget())
        self.main_window.resize(1200, 1000)
        self.real_scene = RealScene()
        self.scene = self.real_scene.scene
        self.viewport = QtWidgets.QWidget(self.main_window.centralWidget())
        self.layout_manager = qSlicerLayoutManager(self.real_scene, self.viewport)
        self.problems = signals.problems
        self.problems.clear()
        dialogs.clear_answers()
        settings.QSettings.store.clear()
        self._panels: list[tuple[Any, ModuleWidgetParent]] = []
        self._threads = ThreadWatch()
        self._replaced = _install(_application_modules(), self)

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Clean up the panels, the scene and the modules put in place."""
        for widget, parent in self._panels:
            if parent.isEntered:
                widget.exit()
            widget.cleanup()
            parent.window.deleteLater()
        self._panels.clear()
        self.layout_manager.close()
        self.real_scene.close()
        self.main_window.deleteLater()
        self.qt_application.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
        self._threads.close()
        _restore(self._replaced)

    # -- modules -------------------------------------------------------------------------------------------------------

    def load_module(self, path: Path) -> types.ModuleType:
        """Import a module file as the module factory does: its folder on the path, registered before it runs."""
        name = path.stem
        self._threads.folders.append(path.parent)
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        module_parent = scripted_module.ModuleParent(name, path)
        getattr(module, name)(module_parent)
        module.module_parent = module_parent
        return module

    def open_panel(self, path: Path, width: int = 420, height: int = 900) -> Any:
        """Load a module, show its panel in a window and enter it.  Returns the module's widget object."""
        module = self.load_module(path)
        parent = ModuleWidgetParent(path, self.main_window)
        widget = parent.called = getattr(module, f"{path.stem}Widget")(parent)
        widget.setup()
        setattr(slicer.modules, f"{path.stem}Widget", widget)
        parent.window.resize(width, height)
        parent.window.show()
        self.main_window.show()
        self.main_window.activateWindow()
        self._panels.append((widget, parent))
        representation = types.SimpleNamespace(self=lambda: widget)
        setattr(slicer.modules, path.stem.lower(), types.SimpleNamespace(widgetRepresentation=lambda: representation))
        self.enter(widget)
        return widget

    def enter(self, widget: Any) -> None:
        """What the application does when the person opens the module."""
        widget.parent.isEntered = True
        widget.parent.called.enter()
        self.process_events()

    def reload(self, widget: Any) -> Any:
        """What the Reload button does: a new widget object in the place of the old one.  Nobody enters it."""
        parent = widget.parent
        widget.cleanup()
        for child in parent.window.widget().findChildren(QtWidgets.QWidget, options=QtCore.Qt.FindDirectChildrenOnly):
            child.hide()
        module = self.load_module(Path(parent.modulePath))
        renewed = getattr(module, type(widget).__name__)(parent)
        self._panels = [(renewed if panel is widget else panel, its_parent) for panel, its_parent in self._panels]
        renewed.setup()
        setattr(slicer.modules, type(widget).__name__, renewed)
        self.process_events()
        return renewed

    def leave(self, widget: Any) -> None:
        """What the application does when the person goes to another module."""
        widget.parent.called.exit()
        widget.parent.isEntered = False
        self.process_events()

    # -- the person ----------------------------------------------------------------------------------------------------

    def answer(self, *buttons: QtWidgets.QMessageBox.StandardButton) -> None:
        """What the person will click in the next message boxes."""
        dialogs.QMessageBox.answers.extend(buttons)

    def answer_file(self, *paths: Path | str) -> None:
        """What the person will choose in the next file dialogs; '' cancels."""
        dialogs.QFileDialog.answers.extend(str(path) for path in paths)

    def answer_text(self, *answers: str | float) -> None:
        """What the person will type or choose in the next input dialogs; '' cancels."""
        dialogs.QInputDialog.answers.extend(answers)

    def answer_menu(self, *entries: str) -> None:
        """What the person will choose from the next menus that open."""
        dialogs.QMenu.answers.extend(entries)

    @property
    def messages(self) -> list[str]:
        """The texts of the message boxes so far."""
        return dialogs.QMessageBox.shown

    def process_events(self) -> None:
        self.qt_application.processEvents()
        self.qt_application.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the application run until ``condition``; fails when that takes unreasonably long."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for: {what}"
            self.qt_application.processEvents(QtCore.QEventLoop.WaitForMoreEvents | QtCore.QEventLoop.AllEvents, 50)

    def screenshot(self, widget: Any, path: Path) -> None:
        """Save a picture of the panel's window, tall enough to show it all."""
        window = widget.parent.window
        window.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        self.process_events()
        window.resize(window.width(), window.widget().layout().totalHeightForWidth(window.width()) + 2)
        self.process_events()
        if not window.grab().save(str(path)):
            raise OSError(f"the screenshot could not be written to {path}")


def _application_modules() -> dict[str, types.ModuleType]:
    """The Python modules that only the application has."""
    translation = types.ModuleType("slicer.i18n")
    translation.tr = lambda text: text
    translation.translate = lambda _context, text: text
    wrapper = types.ModuleType("slicer.parameterNodeWrapper")
    wrapper.parameterNodeWrapper = parameter_nodes.parameterNodeWrapper
    for name in ("Default", "WithinRange", "Minimum", "Maximum", "Choice", "Decimals", "SingleStep"):
        setattr(wrapper, name, getattr(parameter_types, name))
    scripted = types.ModuleType("slicer.ScriptedLoadableModule")
    for name in ("", "Widget", "Logic", "Test"):
        setattr(scripted, f"ScriptedLoadableModule{name}", getattr(scripted_module, f"ScriptedLoadableModule{name}"))
    return {
        "qt": _QtModule("qt", (dialogs, settings, QtCore, QtGui, QtWidgets)),
        "ctk": _QtModule("ctk", (widgets, ctk_inputs, dialogs), prefix="ctk"),
        "slicer.i18n": translation,
        "slicer.parameterNodeWrapper": wrapper,
        "slicer.ScriptedLoadableModule": scripted,
    }


class _QtModule(types.ModuleType):
    """``qt`` or ``ctk``: classes of PySide6 modules, wrapped when asked for."""

    def __init__(self, name: str, sources: tuple[types.ModuleType, ...], prefix: str = "Q") -> None:
        super().__init__(name)
        self._sources, self._prefix = sources, prefix

    def __getattr__(self, name: str) -> Any:
        for source in self._sources:
            found = getattr(source, name, None)
            if isinstance(found, type) and name.startswith(self._prefix):
                is_qt = issubclass(found, shiboken6.Shiboken.Object)
                return pythonqt.wrapper_class(found) if is_qt else found
        raise AttributeError(f"{self.__name__} has no attribute {name!r}")


def _install(python_modules: dict[str, types.ModuleType], application: Application) -> dict[str, Any]:
    """Put the modules and ``slicer.app`` in place; returns what was there before."""
    replaced: dict[str, Any] = {name: sys.modules.get(name) for name in python_modules}
    sys.modules.update(python_modules)
    for name in python_modules:
        if name.startswith("slicer."):
            setattr(slicer, name.removeprefix("slicer."), python_modules[name])
    slicer.app = SlicerApp(application)
    logics = {name.lower(): logic for name, logic in application.real_scene.logics.items()}
    modules = {name: types.SimpleNamespace(logic=lambda logic=logic: logic) for name, logic in logics.items()}
    slicer.modules = types.SimpleNamespace(**modules)
    slicer.util.loadUI = lambda path: pythonqt.wrap(load_ui(Path(path)))
    slicer.util.loadVolume = _load_volume
    return replaced


def _load_volume(filename: str, properties: dict[str, Any] | None = None) -> slicer.vtkMRMLScalarVolumeNode:
    """``slicer.util.loadVolume`` for one file, which is not shown.  Of the properties ``name`` and ``show`` are known."""
    unknown = set(properties or {}) - {"name", "show"}
    if unknown or not isinstance(filename, str):
        raise TypeError(f"loadVolume: {filename!r} with the properties {sorted(unknown)}")
    node = load_volume(slicer.mrmlScene, Path(filename))
    node.SetName((properties or {}).get("name", node.GetName()))
    return node


def _restore(replaced: dict[str, Any]) -> None:
    for name, module in replaced.items():
        if module is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = module
        if name.startswith("slicer."):
            delattr(slicer, name.removeprefix("slicer."))
    del slicer.app, slicer.modules
