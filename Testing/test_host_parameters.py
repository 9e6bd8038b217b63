"""Parameter nodes in the host: typed, checked, stored in the scene, and bound to widgets as the application binds them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import slicer
from host.application import Application
from host.parameter_types import Choice, Decimals, Minimum, SingleStep, WithinRange


class Kind(Enum):
    ONE = 1
    TWO = 2

    def label(self) -> str:
        return self.name.title()


def parameters_class() -> type:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        count: int = 3
        flag: bool = True
        kind: Kind = Kind.TWO

    return parameterNodeWrapper(Parameters)


def test_parameters_are_typed_and_live_in_the_scene(application: Application) -> None:
    node = application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    cls = parameters_class()
    first, second = cls(node), cls(node)
    assert (first.volume, first.count, first.flag, first.kind) == (None, 3, True, Kind.TWO)
    volume = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    first.volume, first.kind, first.flag = volume, Kind.ONE, False
    assert second.volume is volume and second.kind is Kind.ONE and second.flag is False
    assert node.GetParameter("kind") == "ONE"
    with pytest.raises(TypeError):
        first.volume = application.scene
    with pytest.raises(TypeError):
        first.count = "many"


def test_parameters_and_widgets_follow_each_other_until_disconnected(application: Application, qt: Any) -> None:
    parameters = parameters_class()(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box, kinds = qt.QCheckBox("flag"), qt.QComboBox()
    tag = parameters.connectParametersToGui({"flag": box, "kind": kinds})
    assert box.checked and kinds.currentText == "Two"
    box.click()
    assert parameters.flag is False
    parameters.kind = Kind.ONE
    assert kinds.currentText == "One"
    parameters.disconnectGui(tag)
    box.checked = True
    assert parameters.flag is False


def test_connecting_a_whole_panel_gives_no_tag_and_cannot_be_undone(application: Application, qt: Any) -> None:
    parameters = parameters_class()(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box = qt.QCheckBox("flag")
    box.setProperty("SlicerParameterName", "flag")
    tag = parameters.connectGui(_gui(box=box))
    assert tag is None
    parameters.disconnectGui(tag)
    box.click()
    assert parameters.flag is False


def _gui(**widgets: Any) -> Any:
    """What ``childWidgetVariables`` returns: an object with the widgets as attributes."""
    gui = type("Ui", (), {})()
    for name, widget in widgets.items():
        setattr(gui, name, widget)
    return gui


def test_a_widget_bound_to_no_parameter_is_an_error(application: Application, qt: Any) -> None:
    parameters = parameters_class()(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    box = qt.QCheckBox("")
    box.setProperty("SlicerParameterName", "flgg")
    with pytest.raises(ValueError, match="flgg"):
        parameters.connectGui(_gui(box=box))


def test_numbers_texts_choices_and_paths_are_checked_and_stored(application: Application) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        opacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5
        count: Annotated[int, Minimum(1)] = 1
        unit: Annotated[str, Choice(["mm", "voxels"])] = "mm"
        folder: Path = Path("/results")
        table: slicer.vtkMRMLTableNode | None
        name: str = "first"

    node = application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = parameterNodeWrapper(Parameters)(node)
    parameters.opacity, parameters.name = 1, ""
    again = parameterNodeWrapper(Parameters)(node)
    assert (again.opacity, again.count, again.unit, again.folder, again.table) == (1.0, 1, "mm", Path("/results"), None)
    assert again.name == ""
    for name, value in (("opacity", 1.5), ("count", 0), ("unit", "inches")):
        with pytest.raises(ValueError):
            setattr(parameters, name, value)
    for name, value in (("opacity", "high"), ("folder", "/results"), ("count", 1.0), ("unit", None)):
        with pytest.raises(TypeError):
            setattr(parameters, name, value)


def test_what_the_application_cannot_store_is_refused(application: Application) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(ValueError, match="cannot hold"):
        parameterNodeWrapper(type("Parameters", (), {"__annotations__": {"matrix": np.ndarray}}))


def test_widgets_take_range_and_step_and_follow(application: Application, qt: Any) -> None:
    import ctk
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        opacity: Annotated[float, WithinRange(0.0, 1.0), SingleStep(0.1), Decimals(2)] = 0.5
        count: int = 3
        name: str = "head"
        folder: Path = Path("/results")

    parameters = parameterNodeWrapper(Parameters)(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    slider, box, line, path = ctk.ctkSliderWidget(), qt.QSpinBox(), qt.QLineEdit(), ctk.ctkPathLineEdit()
    parameters.connectParametersToGui({"opacity": slider, "count": box, "name": line, "folder": path})
    assert (slider.value, slider.maximum, slider.singleStep, slider.decimals) == (0.5, 1.0, 0.1, 2)
    slider.value, box.value, line.text, path.currentPath = 0.7, 5, "brain", "/other"
    assert (parameters.opacity, parameters.count, parameters.name) == (pytest.approx(0.7), 5, "brain")
    assert parameters.folder == Path("/other")
    parameters.count = 9
    assert box.value == 9


@pytest.mark.parametrize(
    ("name", "kind"), [("share", "ctkSliderWidget"), ("share", "ctkDoubleSpinBox"), ("unit", "QComboBox")]
)
def test_a_widget_that_the_application_has_no_connector_for_is_an_error(
    application: Application, qt: Any, name: str, kind: str
) -> None:
    import ctk
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    class Parameters:
        share: float = 0.5
        unit: str = "mm"

    parameters = parameterNodeWrapper(Parameters)(application.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    widget = getattr(ctk if kind.startswith("ctk") else qt, kind)()
    with pytest.raises(ValueError):
        parameters.connectParametersToGui({name: widget})
