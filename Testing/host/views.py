"""Slice and 3-D views of a scene, drawn off screen by Slicer's own view logics and displayable managers."""

from __future__ import annotations

import os

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")  # no display needed; read when VTK is loaded

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import vtk_to_numpy

from .interaction import Mouse
from .mrml import RealScene

_SLICE_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLColorLegendDisplayableManager",
)


class _View:
    """A render window and the displayable managers of one view node."""

    def __init__(
        self,
        factory: vtk.vtkObject,
        managers: tuple[str, ...],
        node: slicer.vtkMRMLAbstractViewNode,
        size: tuple[int, int],
        style: slicer.vtkMRMLViewInteractorStyle,
    ) -> None:
        self.size = size
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.ShowWindowOff()
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.Initialize()
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.SetRenderer(self.renderer)
        self._managers.Initialize(factory, self.renderer)
        self._managers.SetMRMLDisplayableNode(node)
        self.mouse = Mouse(self._interactor, style, self._managers)

    def close(self) -> None:
        """Let go of the scene and of the graphics memory."""
        self.mouse.close()
        self._managers.SetMRMLDisplayableNode(None)
        self.window.Finalize()

    def resize(self, size: tuple[int, int]) -> None:
        """Give the view another width and height in pixels."""
        self.size = size
        self.window.SetSize(*size)

    def display_position(self, ras: ArrayLike) -> tuple[float, float]:
        """Where a world position (RAS mm) is in the view: pixels (x, y) from the lower left corner."""
        raise NotImplementedError

    def drag(self, start: ArrayLike, end: ArrayLike, steps: int = 4, *modifiers: str) -> None:
        """Press the mouse where ``start`` (RAS mm) is seen, move to where ``end`` is, and let go."""
        self.draw()
        self.mouse.drag(self.display_position(start), self.display_position(end), steps, *modifiers)

    def click(self, ras: ArrayLike, button: str = "Left", *modifiers: str) -> None:
        """Click where a world position (RAS mm) is seen."""
        self.draw()
        self.mouse.click(self.display_position(ras), button, *modifiers)

    def draw(self) -> None:
        """Draw the view as it is now."""
        self.window.Render()

    def image(self) -> NDArray[np.uint8]:
        """The view as it looks now, shape (height, width, 3), first row on top."""
        self.draw()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self.window)
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        return pixels[::-1, :, :3].copy()


class SliceView(_View):
    """One slice view: its slice node, composite node and picture.

    Args:
        host: whose scene is shown.
        name: layout name of the view, unique in the scene.
        orientation: ``Axial``, ``Sagittal`` or ``Coronal``; None leaves a view that is there already as it is.
        size: width and height in pixels.
    """

    def __init__(
        self,
        host: RealScene,
        name: str = "Red",
        orientation: str | None = "Axial",
        size: tuple[int, int] = (400, 400),
    ) -> None:
        self.logic = slice_logic(host, name)
        self.slice_node = self.logic.GetSliceNode()
        if orientation is not None:
            self.slice_node.SetOrientation(orientation)
        self.composite_node = self.logic.GetSliceCompositeNode()
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        style = slicer.vtkMRMLSliceViewInteractorStyle()
        style.SetSliceLogic(self.logic)
        super().__init__(factory, _SLICE_MANAGERS, self.slice_node, size, style)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)
        self.logic.ResizeSliceNode(*size)

    def show(
        self,
        background: slicer.vtkMRMLVolumeNode | None,
        foreground: slicer.vtkMRMLVolumeNode | None = None,
        foreground_opacity: float = 0.5,
    ) -> None:
        """Choose the two scans of the view and fit the first one into it."""
        self.composite_node.SetBackgroundVolumeID(background.GetID() if background else None)
        self.composite_node.SetForegroundVolumeID(foreground.GetID() if foreground else None)
        self.composite_node.SetForegroundOpacity(foreground_opacity)
        self.fit()

    def fit(self) -> None:
        """Fit the background scan into the view."""
        self.logic.FitSliceToBackground()

    def zoom(self, field_of_view: float) -> None:
        """Show ``field_of_view`` mm across the view's width."""
        width, height = self.size
        self.slice_node.SetFieldOfView(field_of_view, field_of_view * height / width, 1.0)

    def jump(self, ras: ArrayLike) -> None:
        """Centre the view on a world position (RAS mm)."""
        self.slice_node.JumpSliceByCentering(*np.asarray(ras, dtype=float).tolist())

    def pixel(self, ras: ArrayLike) -> tuple[int, int]:
        """Row and column of a world position (RAS mm) in ``image()``."""
        to_ras = slicer.util.arrayFromVTKMatrix(self.slice_node.GetXYToRAS())
        x, y, *_ = np.linalg.solve(to_ras, np.append(np.asarray(ras, dtype=float), 1.0))
        return round(self.size[1] - 1 - y), round(x)

    def resize(self, size: tuple[int, int]) -> None:
        """Give the view another width and height in pixels."""
        super().resize(size)
        self.logic.ResizeSliceNode(*size)

    def display_position(self, ras: ArrayLike) -> tuple[float, float]:
        """Where a world position (RAS mm) is in the view: pixels (x, y) from the lower left corner."""
        row, column = self.pixel(ras)
        return column, self.size[1] - 1 - row

    def scroll(self, slices: int) -> None:
        """Turn the mouse wheel over the view: forward for positive ``slices``."""
        self.mouse.wheel((self.size[0] / 2, self.size[1] / 2), slices)

    def directions(self) -> dict[str, str]:
        """The patient direction (R, L, A, P, S or I) that each edge of the picture faces."""
        to_ras = slicer.util.arrayFromVTKMatrix(self.slice_node.GetSliceToRAS())[:3, :3]
        letters = {}
        for edge, direction in {"right": to_ras[:, 0], "top": to_ras[:, 1]}.items():
            axis = int(np.abs(direction).argmax())
            pair = ("RL", "AP", "SI")[axis]
            letters[edge] = pair if direction[axis] > 0 else pair[::-1]
        return {
            "right": letters["right"][0],
            "left": letters["right"][1],
            "top": letters["top"][0],
            "bottom": letters["top"][1],
        }

    def draw(self) -> None:
        """Draw the view as it is now."""
        self.logic.UpdatePipeline()
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        super().draw()


class ThreeDView(_View):
    """One 3-D view: its view node and picture.  It starts looking at the scene from the front (anterior)."""

    def __init__(self, host: RealScene, name: str = "1", size: tuple[int, int] = (400, 400)) -> None:
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(host.application_logic)
        host.application_logic.GetViewLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(host.scene)
        self.view_node = host.scene.GetSingletonNode(name, "vtkMRMLViewNode") or self.logic.AddViewNode(name)
        self.view_node.SetBoxVisible(False)
        self.view_node.SetAxisLabelsVisible(False)
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        style = slicer.vtkMRMLThreeDViewInteractorStyle()
        super().__init__(factory, _THREE_D_MANAGERS, self.view_node, size, style)

    def display_position(self, ras: ArrayLike) -> tuple[float, float]:
        """Where a world position (RAS mm) is in the view: pixels (x, y) from the lower left corner."""
        self.renderer.SetWorldPoint(*np.asarray(ras, dtype=float).tolist(), 1.0)
        self.renderer.WorldToDisplay()
        return self.renderer.GetDisplayPoint()[:2]

    def look_from(self, direction: ArrayLike, up: ArrayLike = (0, 0, 1)) -> None:
        """Look at everything shown, from a RAS direction."""
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(*np.asarray(direction, dtype=float).tolist())
        camera.SetViewUp(*np.asarray(up, dtype=float).tolist())
        self.reset()

    def zoom(self, factor: float) -> None:
        """Come nearer by a factor."""
        self.renderer.GetActiveCamera().Zoom(factor)
        self.renderer.ResetCameraClippingRange()

    def reset(self) -> None:
        """Show everything, from the direction that the view looks now."""
        self.renderer.ResetCamera()
        self.renderer.ResetCameraClippingRange()


def slice_logic(host: RealScene, name: str) -> slicer.vtkMRMLSliceLogic:
    """The slice logic of the view with that layout name; view node and logic are made where they are missing."""
    node = host.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
    logic = host.application_logic.GetSliceLogic(node) if node is not None else None
    if logic is not None:
        return logic
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(host.application_logic)
    host.application_logic.GetSliceLogics().AddItem(logic)
    logic.SetMRMLScene(host.scene)
    if node is None:
        logic.AddSliceNode(name)
    else:
        logic.SetSliceNode(node)
    return logic
