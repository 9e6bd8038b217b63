"""The panel's state: one typed parameter node, saved with the scene."""

from enum import Enum
from typing import Annotated, Any

from slicer import vtkMRMLDisplayableNode, vtkMRMLScalarVolumeNode, vtkMRMLTransformNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from ..geometry.transforms import TransformType
from ..scene.drawing.inspection import HeatmapMode


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


class CompareChoice(Enum):
    """What the lower row of views shows.  Stored by name."""

    SIDE_BY_SIDE = "side by side"
    FADE = "fade"
    FLICKER = "flicker"
    CHECKERBOARD = "checkerboard"
    DIFFERENCE = "difference"

    def label(self) -> str:
        """What the list shows."""
        return {
            "SIDE_BY_SIDE": _("Moving scan"),
            "FADE": _("Fade"),
            "FLICKER": _("Flicker"),
            "CHECKERBOARD": _("Checkerboard"),
            "DIFFERENCE": _("Difference"),
        }[self.name]

    def explanation(self) -> str:
        """How to read it."""
        return {
            "SIDE_BY_SIDE": _("Above the fixed scan, below the moving scan at the same place."),
            "FADE": _("Below, the moving scan is laid over the fixed one."),
            "FLICKER": _("Below, the two scans take turns: what jumps is not aligned."),
            "CHECKERBOARD": _("Below, squares of both scans alternate: contours should run on across their edges."),
            "DIFFERENCE": _("Below, grey is where the scans agree. Only scans of the same contrast can be compared so."),
        }[self.name]


class HeatmapChoice(Enum):
    """Which heatmaps are shown.  Stored by name; the value is the scene's own word."""

    CHOSEN = HeatmapMode.CHOSEN
    HIGHEST = HeatmapMode.HIGHEST
    COLOURED = HeatmapMode.COLOURED

    def label(self) -> str:
        """What the list shows."""
        return {
            "CHOSEN": _("Selected keypoint"),
            "HIGHEST": _("All, highest value"),
            "COLOURED": _("All, one colour each"),
        }[self.name]


class ReferenceWish(Enum):
    """What the frames of a series are aligned to.  Stored by name."""

    FIRST = "first"
    SHOWN = "shown"
    MEAN = "mean"

    def label(self) -> str:
        """What the list shows."""
        return {
            "FIRST": _("First frame"),
            "SHOWN": _("Frame that is shown"),
            "MEAN": _("Mean of all frames"),
        }[self.name]


@parameterNodeWrapper
class PanelParameters:
    """What the person has chosen.

    Attributes:
        fixedVolume: the scan that stays.
        movingVolume: the scan that is aligned.
        fixedMask, movingMask: where to look in them, a volume or an ROI, or None for everywhere.
        initialTransform: a starting pose, moving → fixed in world RAS, or None.
        model: name of a model bundle.
        transformType: what the alignment may change.
        refine: whether to refine by voxel values.
        fewKeypoints: whether to align by as few keypoints as needed.
        device: where the network runs.
        showHeatmaps, heatmapChoice: whether heatmaps are shown, and which.
        heatmapContent: percent of a map's probability that is shown.
        heatmapOpacity: percent.
        showEllipsoids, ellipsoidMultiple: whether spreads are shown, with half axes of so many standard deviations.
        showArrows, arrowMagnification: whether residuals are shown, and so many times as long.
        showErrorMap: whether the predicted error is shown.
        showLabels: whether the names of keypoints are shown beside them.
        compareMode: what the lower row of the comparison shows.
        fade: from the fixed scan alone (0) to the moving one alone (1).
        flickerPeriod: seconds that each scan is shown.
        checkerboardSquare: side in mm.
        trackReference: what the frames of a series are aligned to.
        registerRows: whether a row of a worklist is registered as soon as the person goes to it.
        tidyRows: whether a row's scans are taken away when the person goes on.
    """

    fixedVolume: vtkMRMLScalarVolumeNode
    movingVolume: vtkMRMLScalarVolumeNode
    fixedMask: vtkMRMLDisplayableNode
    movingMask: vtkMRMLDisplayableNode
    initialTransform: vtkMRMLTransformNode
    model: str = "brain-affine"
    transformType: TransformChoice = TransformChoice.AFFINE
    refine: bool = True
    fewKeypoints: bool = False
    device: DeviceChoice = DeviceChoice.AUTO
    showHeatmaps: bool = False
    heatmapChoice: HeatmapChoice = HeatmapChoice.CHOSEN
    heatmapContent: Annotated[float, WithinRange(10, 99)] = 90.0
    heatmapOpacity: Annotated[float, WithinRange(5, 100)] = 60.0
    showEllipsoids: bool = False
    ellipsoidMultiple: Annotated[float, WithinRange(0.5, 3)] = 1.0
    showArrows: bool = False
    arrowMagnification: Annotated[float, WithinRange(1, 20)] = 5.0
    showErrorMap: bool = False
    showLabels: bool = True
    compareMode: CompareChoice = CompareChoice.SIDE_BY_SIDE
    fade: Annotated[float, WithinRange(0, 1)] = 0.5
    flickerPeriod: Annotated[float, WithinRange(0.2, 5)] = 0.6
    checkerboardSquare: Annotated[float, WithinRange(5, 100)] = 20.0
    trackReference: ReferenceWish = ReferenceWish.FIRST
    registerRows: bool = True
    tidyRows: bool = True


def bound_widgets(*uis: Any) -> dict[str, Any]:
    """The widgets that show a parameter, by its name: those with a ``SlicerParameterName`` in the .ui files.

    For ``connectParametersToGui``, whose tag disconnects them again.  ``connectGui`` would find them itself, but returns
    no tag: its connections cannot be undone, and would write into the parameters whenever the widgets are filled anew.
    """
    named = [(widget.property("SlicerParameterName"), widget) for ui in uis for widget in vars(ui).values()]
    return {name: widget for name, widget in named if name}
