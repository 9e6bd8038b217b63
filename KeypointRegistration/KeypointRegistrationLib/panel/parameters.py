"""The panel's state: one typed parameter node, saved with the scene."""

from enum import Enum
from typing import Any

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTransformNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper

from ..geometry.transforms import TransformType


class TransformChoice(Enum):
    """What the alignment may change.  Stored by name; the value is the geometry's own type."""

    AFFINE = TransformType.AFFINE
    SIMILARITY = TransformType.SIMILARITY
    RIGID = TransformType.RIGID

    def label(self) -> str:
        """What the list shows."""
        return {
            "AFFINE": _("Affine (scale, shear)"),
            "SIMILARITY": _("Similarity (one scale)"),
            "RIGID": _("Rigid"),
        }[self.name]


class DeviceChoice(Enum):
    """Where the network runs.  Stored by name; the value is the device's name."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """What the list shows."""
        return {
            "AUTO": _("Automatic"),
            "CPU": _("Processor (CPU)"),
            "CUDA": _("NVIDIA graphics card (CUDA)"),
            "MPS": _("Apple graphics (Metal)"),
        }[self.name]


@parameterNodeWrapper
class PanelParameters:
    """What the person has chosen.

    Attributes:
        fixedVolume: the scan that stays.
        movingVolume: the scan that is aligned.
        fixedMask, movingMask: where to look in them, or None for everywhere.
        initialTransform: a starting pose, moving → fixed in world RAS, or None.
        model: name of a model bundle.
        transformType: what the alignment may change.
        refine: whether to refine by voxel values.
        device: where the network runs.
        registerRows: whether a row of a worklist is registered as soon as the person goes to it.
        tidyRows: whether a row's scans are taken away when the person goes on.
    """

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    fixedMask: vtkMRMLScalarVolumeNode
    movingMask: vtkMRMLScalarVolumeNode
    initialTransform: vtkMRMLTransformNode
    model: str = "brain-affine"
    transformType: TransformChoice = TransformChoice.AFFINE
    refine: bool = True
    device: DeviceChoice = DeviceChoice.AUTO
    registerRows: bool = True
    tidyRows: bool = True


def bound_widgets(*uis: Any) -> dict[str, Any]:
    """The widgets that show a parameter, by its name: those with a ``SlicerParameterName`` in the .ui files.

    For ``connectParametersToGui``, whose tag disconnects them again.  ``connectGui`` would find them itself, but returns
    no tag: its connections cannot be undone, and would write into the parameters whenever the widgets are filled anew.
    """
    named = [(widget.property("SlicerParameterName"), widget) for ui in uis for widget in vars(ui).values()]
    return {name: widget for name, widget in named if name}
