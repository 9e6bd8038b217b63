"""What the sections of the panel below the run have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import slicer.util

if TYPE_CHECKING:
    from ..scene.results.editor import RegistrationEditor
    from .workbench import Workbench

#: Loads a .ui file of the module by its name.
LoadUI = Callable[[str], Any]


class Section:
    """One collapsible part of the panel, with its own .ui file.  Follows the result on the workbench.

    Attributes:
        ui_file: name of the .ui file, whose root is a qMRMLWidget.
        bench: the workbench.
        widget: the root.
        ui: the widgets inside, by name.
    """

    ui_file: ClassVar[str]

    def __init__(self, bench: Workbench, load_ui: LoadUI) -> None:
        self.bench = bench
        self.widget = load_ui(self.ui_file)
        self.ui = slicer.util.childWidgetVariables(self.widget)

    def show(self, editor: RegistrationEditor | None) -> None:
        """Another result lies on the workbench, or none."""

    def update(self, live: bool) -> None:
        """The result has been corrected; ``live`` while a point is being dragged."""

    def select(self, keypoint: int | None) -> None:
        """Another keypoint is selected, or none."""

    def enter(self) -> None:
        """The panel was entered."""

    def exit(self) -> None:
        """The panel was left."""

    def close(self) -> None:
        """The panel is taken down."""
