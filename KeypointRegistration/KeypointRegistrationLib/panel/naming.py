"""The part of the annotate section that names keypoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..files.names import read_names, write_names
from ..scene.notes.names import NameObserver, names_of, rename, set_names, show_names
from ..scene.results.handle import SceneRegistration
from .file_choice import file_to_read, file_to_write
from .workbench import Workbench

#: Does something, and shows the sentence that comes of it or the InputError that it raises.
Attempt = Callable[[Callable[[], str]], None]


class KeypointNaming:
    """Names the selected keypoint, takes up labels edited elsewhere, and exchanges lists of names.

    A name counts when it is left, by Enter or by going on: nobody has to save it.
    """

    def __init__(self, ui: Any, bench: Workbench, attempt: Attempt) -> None:
        self._ui, self._bench, self._try = ui, bench, attempt
        self._result: SceneRegistration | None = None
        self._edited_labels: NameObserver | None = None
        self._named: tuple[SceneRegistration, int] | None = None  # the keypoint whose name is shown: one of the network's
        self._name = ""  # as it was shown
        ui.keypointNameEdit.connect("editingFinished()", self._on_name)
        ui.importNamesButton.connect("clicked()", lambda: self._try(self._import))
        ui.exportNamesButton.connect("clicked()", lambda: self._try(self._export))
        self._fill()

    def show(self, result: SceneRegistration | None) -> None:
        """Name the keypoints of this result from now on."""
        if result is not self._result:
            self.keep()
            if self._edited_labels is not None:
                self._edited_labels.close()
            self._edited_labels = None
            if result is not None:
                show_names(result)
                self._edited_labels = NameObserver(result, self._on_label_edited)
        self._result = result
        self._fill()

    def select(self) -> None:
        """Another keypoint is selected."""
        if self.keep():
            self._bench.refresh()
        self._fill()

    def keep(self) -> bool:
        """Give the keypoint that the line shows the name that was typed; returns whether there was anything new."""
        name = self._ui.keypointNameEdit.text
        if self._named is None or name == self._name:
            return False
        result, keypoint = self._named
        self._name = name
        self._try(lambda: _rename(result, keypoint, name))
        return True

    def _on_name(self) -> None:
        if self.keep():
            self._bench.refresh()

    def _on_label_edited(self, problem: str) -> None:
        self._try(lambda: problem)
        self._bench.refresh()

    def _import(self) -> str:
        path = file_to_read(self._ui.importNamesButton, _("Import names of keypoints"), "CSV (*.csv)")
        if path is None or self._result is None:
            return ""
        names, note = read_names(path, names_of(self._result))
        set_names(self._result.scene, names)
        self._bench.refresh()
        return _("The names were imported. {note}").format(note=note)

    def _export(self) -> str:
        if self._result is None:
            return ""
        names, button = names_of(self._result), self._ui.exportNamesButton
        path = file_to_write(button, _("Export names of keypoints"), f"{names.model} names.csv", (".csv",))
        if path is None:
            return ""
        write_names(path, names)
        return _("The names were written to {path}.").format(path=path)

    def _fill(self) -> None:
        """Show the name of the selected keypoint; what is being typed stays while it is about the same."""
        result, keypoint, edit = self._result, self._bench.selected, self._ui.keypointNameEdit
        named, name = None, ""
        if result is not None and keypoint is not None and keypoint < len(result.original.status):
            named, name = (result, keypoint), names_of(result).names[keypoint]
        edit.enabled = named is not None
        if (named, name) != (self._named, self._name):
            edit.text = name
        self._named, self._name = named, name
        for button in (self._ui.importNamesButton, self._ui.exportNamesButton):
            button.enabled = result is not None


def _rename(result: SceneRegistration, keypoint: int, name: str) -> str:
    rename(result, keypoint, name)
    return ""
