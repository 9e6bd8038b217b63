"""Keypoints as point lists: index k of the fixed and of the moving list is the same anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ...geometry.keypoints import Keypoints
from ...registration.correction import Correction
from ...registration.result import KeypointStatus, Registration
from ...registration.table import pair_distances, placed_by_person
from ..drawing.colours import Colour, ColourScale
from ..sides import Side

#: Labels of more points than this hide the anatomy and make drawing slow.
MOST_LABELLED_POINTS = 100


#: Of points that a person has left out, and of those that a person has moved or added: in either scan, and unlike both
#: scans' own colours for colour-blind eyes too, by lightness.
LEFT_OUT_COLOUR: Colour = (0.85, 0.15, 0.2)
PLACED_COLOUR: Colour = (1.0, 0.95, 0.35)

#: Of the keypoint that is looked at: unlike any grey of a scan.
CHOSEN_COLOUR: Colour = (0.3, 1.0, 0.3)


@dataclass(frozen=True)
class PointStyle:
    """How one list looks: RGB colours of points in and out of the fit, a marker, and whether it may carry labels."""

    used: Colour
    excluded: Colour
    glyph: str
    labels: bool


#: An aligned pair is a blue cross in an orange ring: colours that differ for colour-blind eyes too, and markers that leave
#: the anatomy visible.  Only one list has labels, because after alignment they would be printed over each other.
FIXED_STYLE = PointStyle(used=(0.25, 0.75, 1.0), excluded=(0.45, 0.5, 0.55), glyph="ThickCross2D", labels=True)
MOVING_STYLE = PointStyle(used=(1.0, 0.62, 0.1), excluded=(0.6, 0.5, 0.4), glyph="StarBurst2D", labels=False)

#: What is drawn around points has their colours: used and excluded of either scan, left out, placed, and chosen.
POINT_COLOURS = ColourScale(
    "KeypointRegistrationPoints",
    "Keypoint states",
    (
        FIXED_STYLE.used,
        FIXED_STYLE.excluded,
        MOVING_STYLE.used,
        MOVING_STYLE.excluded,
        LEFT_OUT_COLOUR,
        PLACED_COLOUR,
        CHOSEN_COLOUR,
    ),
    discrete=True,
)
_LEFT_OUT, _PLACED = 4, 5
CHOSEN_STATE = 6.5


def add_point_list(
    scene: slicer.vtkMRMLScene,
    name: str,
    keypoints: Keypoints,
    registration: Registration,
    style: PointStyle,
    world_to_local: NDArray,
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A locked point list of K points in the order of ``keypoints`` (world RAS mm), with measurements per point.

    Points of the fit are *selected*, excluded ones unselected; the description says why.  A keypoint that is not in this
    scan keeps its index and has position status *missing*.  The measurements are ``confidence`` (probability that the
    anatomy is in the scan), ``spread`` (root-mean-square radius of its probability map, mm) and ``residual`` (distance of
    the aligned pair, mm, NaN where there is no pair).

    Args:
        scene: where the list goes.
        name: of the new node.
        keypoints: of one scan.
        registration: the result they belong to.
        style: colours and marker.
        world_to_local: 4×4, world RAS to the coordinates of the node, which the caller puts under the inverse.
    """
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName(name))
    absent = missing_points(keypoints, registration)
    with slicer.util.NodeModify(node):
        local = np.nan_to_num(keypoints.moved(world_to_local).positions)
        for k, (label, position) in enumerate(zip(keypoints.labels, local, strict=True)):
            node.AddControlPoint(vtk.vtkVector3d(*position), label)
            node.SetNthControlPointDescription(k, registration.exclusion_reasons[k] or registration.status[k].value)
            node.SetNthControlPointSelected(k, registration.status[k] is KeypointStatus.USED)
            if absent[k]:
                node.SetNthControlPointPositionMissing(k)
        _add_measurement(node, "confidence", "", keypoints.presence)
        _add_measurement(node, "spread", "mm", keypoints.spread)
        _add_measurement(node, "residual", "mm", pair_distances(registration))
        set_points_locked(node, True)
        node.SetFixedNumberOfControlPoints(True)
    _add_displays(node, style, labels=style.labels and len(keypoints) <= MOST_LABELLED_POINTS)
    return node


def point_states(registration: Registration, correction: Correction, side: Side) -> NDArray[np.float64]:
    """Where on ``POINT_COLOURS`` every keypoint of a scan is, by what became of it, shape (K,).

    Used or excluded by the fit: as in the list of the scan.  What a person has done comes first: left out, or placed.
    """
    first = 0 if side is Side.FIXED else 2
    placed = placed_by_person(registration, correction)
    states = []
    for k, status in enumerate(registration.status):
        if status is KeypointStatus.LEFT_OUT:
            states.append(_LEFT_OUT)
        elif placed[k]:
            states.append(_PLACED)
        else:
            states.append(first if status is KeypointStatus.USED else first + 1)
    return np.array(states, dtype=float) + 0.5


def set_points_locked(node: slicer.vtkMRMLMarkupsNode, locked: bool) -> None:
    """Let the points of a list be dragged, or not.  They are locked one by one: a locked *list* would not hear clicks."""
    with slicer.util.NodeModify(node):
        node.SetLocked(False)
        for k in range(node.GetNumberOfControlPoints()):
            node.SetNthControlPointLocked(k, locked)


def points_locked(node: slicer.vtkMRMLMarkupsNode) -> bool:
    """Whether no point of a list can be dragged."""
    return bool(node.GetLocked()) or all(node.GetNthControlPointLocked(k) for k in range(node.GetNumberOfControlPoints()))


def show_labels(node: slicer.vtkMRMLMarkupsNode, wanted: bool) -> None:
    """Show the names of a list's points in slices, or not; never those of more than can be read and drawn quickly."""
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetPointLabelsVisibility(wanted and node.GetNumberOfControlPoints() <= MOST_LABELLED_POINTS)


def missing_points(keypoints: Keypoints, registration: Registration) -> NDArray[np.bool_]:
    """Which keypoints of one scan are not in it, or have no position that could be shown, shape (K,)."""
    return registration.absent(keypoints) | ~np.isfinite(keypoints.positions).all(axis=1)


def _add_measurement(node: slicer.vtkMRMLMarkupsNode, name: str, unit: str, values: NDArray[np.float64]) -> None:
    """Attach one number per point; the measurement's own value is their median."""
    numbers = vtk.vtkDoubleArray()
    numbers.SetName(name)
    for value in values:
        numbers.InsertNextValue(value)
    measurement = slicer.vtkMRMLStaticMeasurement()
    measurement.SetName(name)
    measurement.SetUnits(unit)
    measurement.SetPrintFormat("%-#4.2f %s")
    measurement.SetControlPointValues(numbers)
    measurement.SetValue(float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0)
    node.AddMeasurement(measurement)


def _add_displays(node: slicer.vtkMRMLMarkupsNode, style: PointStyle, *, labels: bool) -> None:
    """One display for all views or, where there are labels, one for slices and one without them for 3-D.

    In a slice few points are near enough to be drawn; in 3-D all names would be printed over each other.
    """
    node.CreateDefaultDisplayNodes()
    _write_style(node.GetDisplayNode(), style, labels=labels)
    if style.labels:
        node.GetDisplayNode().SetVisibility3D(False)
        in_space = node.GetScene().AddNewNodeByClass("vtkMRMLMarkupsFiducialDisplayNode")
        _write_style(in_space, style, labels=False)
        in_space.SetVisibility2D(False)
        node.AddAndObserveDisplayNodeID(in_space.GetID())


def _write_style(display: slicer.vtkMRMLMarkupsFiducialDisplayNode, style: PointStyle, *, labels: bool) -> None:
    with slicer.util.NodeModify(display):
        display.SetSelectedColor(*style.used)
        display.SetColor(*style.excluded)
        display.SetActiveColor(*style.used)
        display.SetGlyphTypeFromString(style.glyph)
        display.SetGlyphScale(3.0)
        display.SetTextScale(2.5)
        display.SetPointLabelsVisibility(labels)
        display.SetPropertiesLabelVisibility(False)
