"""The motion of a tracked series as a table node, which plots and other modules read."""

from __future__ import annotations

from collections.abc import Sequence

import slicer
import vtk

from ...registration.result import TrustLevel
from ...registration.tracking.motion_table import MotionColumn, MotionRow, motion_columns

#: Columns that mark frames in plots by what is thought of them (None: they have no alignment): 0 in these, NaN in others.
MARKS = {TrustLevel.CHECK: "Check", TrustLevel.DO_NOT_TRUST: "Do not trust", None: "Lost"}

#: Of the column with the frames' numbers.
FRAME = "Frame"
TIME = "Time"

Value = float | int | bool | str


def show_rows(node: slicer.vtkMRMLTableNode, rows: Sequence[MotionRow], smoothed: bool) -> None:
    """Let a table node show these frames, and if wanted their ``smoothed`` motion beside the raw one."""
    with slicer.util.NodeModify(node):
        node.RemoveAllColumns()
        for column in motion_columns(smoothed):
            node.AddColumn(_array(column.title, [column.value(row) for row in rows]))
            _describe(node, column)
        for level, title in MARKS.items():
            node.AddColumn(_marks(title, [row.trust is level for row in rows]))


def frame_in_row(node: slicer.vtkMRMLTableNode, row: int) -> int | None:
    """The frame that a row of the table is about."""
    column = node.GetTable().GetColumnByName(FRAME)
    if column is None or not 0 <= row < column.GetNumberOfTuples():
        return None
    return int(column.GetValue(row))


def _array(title: str, values: list[Value]) -> vtk.vtkAbstractArray:
    """Numbers as numbers, which plots need; a yes or no in words."""
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    array = vtk.vtkDoubleArray() if are_numbers else vtk.vtkStringArray()
    array.SetName(title)
    for value in values:
        if isinstance(value, bool):
            array.InsertNextValue("yes" if value else "")
        else:
            array.InsertNextValue(value)
    return array


def _marks(title: str, wanted: list[bool]) -> vtk.vtkDoubleArray:
    array = vtk.vtkDoubleArray()
    array.SetName(title)
    for is_marked in wanted:
        array.InsertNextValue(0.0 if is_marked else float("nan"))
    return array


def _describe(node: slicer.vtkMRMLTableNode, column: MotionColumn) -> None:
    if column.unit:
        node.SetColumnUnitLabel(column.title, column.unit)
