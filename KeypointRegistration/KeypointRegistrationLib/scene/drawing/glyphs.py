"""Many equal shapes as one model node, whose points are moved in place: nothing is built anew that did not change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy

from .. import hierarchy
from ..nodes import put_under
from ..results.handle import SceneRegistration
from .colours import ColourScale, colour_table

_ARROW_SIDES = 10


@dataclass(frozen=True, eq=False)
class Shape:
    """A closed surface: points (V, 3), outward normals (V, 3) of length 1, triangles (F, 3) of point indices."""

    points: NDArray[np.float64]
    normals: NDArray[np.float64]
    triangles: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Glyphs:
    """n copies of one shape's triangles.

    Attributes:
        triangles: (F, 3) point indices within one copy.
        points: (n, V, 3) mm, in the coordinates of the model node.
        normals: (n, V, 3).
        values: named point data, (n,), one number per copy.
    """

    triangles: NDArray[np.int64]
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    values: dict[str, NDArray]


@cache
def unit_ball() -> Shape:
    """The sphere of radius 1, by 162 points: an icosahedron whose faces were halved twice."""
    source = vtk.vtkPlatonicSolidSource()
    source.SetSolidTypeToIcosahedron()
    halved = vtk.vtkLinearSubdivisionFilter()
    halved.SetInputConnection(source.GetOutputPort())
    halved.SetNumberOfSubdivisions(2)
    halved.Update()
    surface = halved.GetOutput()
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    triangles = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    return Shape(points, points, triangles)


@cache
def unit_arrow() -> Shape:
    """An arrow along z from a disc in z = 0 to a tip in z = 1, of radius 1.

    The shaft has radius 0.4 up to z = 0.5, where the head begins: ``arrow_glyphs`` stretches its parts.
    """
    angles = np.arange(_ARROW_SIDES) * 2 * np.pi / _ARROW_SIDES
    around = np.stack([np.cos(angles), np.sin(angles), np.zeros(_ARROW_SIDES)], axis=1)
    up = np.array([0.0, 0.0, 1.0])
    rings = [  # points and normals, from the middle of the tail to the tip
        (0 * around, -up + 0 * around),
        (0.4 * around, -up + 0 * around),
        (0.4 * around, around),
        (0.4 * around + 0.5 * up, around),
        (0.4 * around + 0.5 * up, -up + 0 * around),
        (around + 0.5 * up, -up + 0 * around),
        (around + 0.5 * up, (around + 0.5 * up) / np.sqrt(1.25)),
        (0 * around + up, (around + 0.5 * up) / np.sqrt(1.25)),
    ]
    points, normals = (np.concatenate([ring[n] for ring in rings]) for n in (0, 1))
    here = np.arange(_ARROW_SIDES)
    after = (here + 1) % _ARROW_SIDES
    bands = []
    for ring in range(0, len(rings) - 1):
        low, high = ring * _ARROW_SIDES, (ring + 1) * _ARROW_SIDES
        bands.append(np.stack([low + here, low + after, high + after], axis=1))
        bands.append(np.stack([low + here, high + after, high + here], axis=1))
    return Shape(points, normals, np.concatenate(bands).astype(np.int64))


def ball_glyphs(centres: NDArray, roots: NDArray, values: dict[str, NDArray]) -> Glyphs:
    """Ellipsoids: the unit ball through ``roots`` (n, 3, 3), the symmetric square roots of covariances, at ``centres``."""
    ball = unit_ball()
    points = centres[:, None] + ball.points @ roots
    normals = ball.normals @ np.linalg.inv(roots)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    return Glyphs(ball.triangles, points.astype(np.float32), normals.astype(np.float32), values)


def arrow_glyphs(tails: NDArray, tips: NDArray, radius: float, values: dict[str, NDArray]) -> Glyphs:
    """Arrows from ``tails`` to ``tips`` (n, 3) mm, their heads of ``radius`` mm; short arrows are thinner."""
    arrow = unit_arrow()
    along = tips - tails
    lengths = np.maximum(np.linalg.norm(along, axis=1), 1e-6)
    radii = np.minimum(radius, lengths / 3)
    neck = 1 - 2 * radii / lengths  # where the head begins, as a part of the length
    heights = arrow.points[:, 2]
    stretched = np.where(heights <= 0.5, 2 * heights * neck[:, None], 1 - 2 * (1 - heights) * (1 - neck[:, None]))
    flat = arrow.points[None] * [1, 1, 0] * radii[:, None, None]
    upright = flat + stretched[..., None] * lengths[:, None, None] * [0, 0, 1]
    frames = _frames(along / lengths[:, None])
    points = tails[:, None] + upright @ frames
    return Glyphs(arrow.triangles, points.astype(np.float32), (arrow.normals @ frames).astype(np.float32), values)


def show_glyphs(
    added: SceneRegistration,
    role: str,
    name: str,
    beside: slicer.vtkMRMLNode,
    parent: slicer.vtkMRMLTransformNode | None,
    glyphs: Glyphs,
) -> slicer.vtkMRMLModelNode:
    """The model node in a role of a registration, made on first use, with these glyphs and under ``parent``.

    A model that is there already only gets what is different: its surface is built anew where the number of glyphs has
    changed, its points are moved where one of them has, and nothing happens where all is the same.  Not to be called in a
    batch: slice views do not see models that are added in one.
    """
    model = added.adopted(role)
    if model is None:
        model = added.scene.AddNewNodeByClass("vtkMRMLModelNode", name)
        model.CreateDefaultDisplayNodes()
        added.adopt(role, model)
        hierarchy.add_member(added.scene, model, beside)
    else:
        model.SetName(name)
    put_under(model, parent)
    if not _moved_in_place(model.GetPolyData(), glyphs):
        model.SetAndObservePolyData(_surface(glyphs))
    return model


def draw_in_colours(display: slicer.vtkMRMLModelDisplayNode, values: str, scale: ColourScale) -> None:
    """Draw a model by its point data ``values`` in the colours of a discrete scale, in 3-D and, as outlines, in slices."""
    with slicer.util.NodeModify(display):
        display.SetAndObserveColorNodeID(colour_table(display.GetScene(), scale).GetID())
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        display.SetScalarRange(0, len(scale.stops))
        display.SetActiveScalar(values, vtk.vtkAssignAttribute.POINT_DATA)
        display.SetScalarVisibility(True)
        display.SetVisibility2D(True)
        display.SetSliceIntersectionThickness(2)
        display.SetAmbient(0.3)  # else shading hides the colours


def _surface(glyphs: Glyphs) -> vtk.vtkPolyData:
    count, corners = glyphs.points.shape[:2]
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(glyphs.points.reshape(-1, 3), deep=True))
    triangles = (np.arange(count)[:, None, None] * corners + glyphs.triangles).reshape(-1)
    cells = vtk.vtkCellArray()
    offsets = np.arange(0, len(triangles) + 1, 3)
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(triangles, deep=True))
    surface = vtk.vtkPolyData()
    surface.SetPoints(points)
    surface.SetPolys(cells)
    normals = numpy_to_vtk(glyphs.normals.reshape(-1, 3), deep=True)
    normals.SetName("Normals")
    surface.GetPointData().SetNormals(normals)
    for name, rows in glyphs.values.items():
        array = numpy_to_vtk(np.repeat(rows, corners, axis=0), deep=True)
        array.SetName(name)
        surface.GetPointData().AddArray(array)
    return surface


def _moved_in_place(surface: vtk.vtkPolyData | None, glyphs: Glyphs) -> bool:
    """Bring a surface up to date; False where it is another one: more or fewer glyphs, or not made here."""
    count, corners = glyphs.points.shape[:2]
    if surface is None or surface.GetNumberOfPoints() != count * corners:
        return False
    if surface.GetNumberOfPolys() != count * len(glyphs.triangles):
        return False
    new = {name: np.repeat(rows, corners, axis=0) for name, rows in glyphs.values.items()}
    new["Normals"] = glyphs.normals.reshape(-1, 3)
    data = surface.GetPointData()
    arrays = {name: data.GetArray(name) for name in new}
    if any(array is None for array in arrays.values()):
        return False
    changed = _rewritten(surface.GetPoints().GetData(), glyphs.points.reshape(-1, 3))
    for name, array in arrays.items():
        changed |= _rewritten(array, new[name])
    if changed:
        surface.GetPoints().Modified()
        surface.Modified()
    return True


def _rewritten(array: vtk.vtkDataArray, values: NDArray) -> bool:
    """Whether the values of an array were other ones before."""
    numbers = vtk_to_numpy(array)
    if np.array_equal(numbers, values):
        return False
    numbers[:] = values
    array.Modified()
    return True


def _frames(directions: NDArray) -> NDArray[np.float64]:
    """Orthonormal frames (n, 3, 3) whose last row is the direction (n, 3)."""
    least = np.argmin(np.abs(directions), axis=1)
    first = np.cross(directions, np.eye(3)[least])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(directions, first), directions], axis=1)
