"""The table of frames: what was found of each, and which the person has chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import qt
from slicer.i18n import tr as _

from ..registration.result import TrustLevel
from ..registration.tracking.frames import FrameStatus
from ..registration.tracking.motion_table import MotionRow

_VERDICT = 5
_WIDTHS = (46, 48, 42, 38, 38)  # pixels of the columns before the verdict


class TrackTable:
    """Fills a QTableWidget with the frames of a series, and tells which row the person goes to."""

    def __init__(self, table: Any, on_chosen: Callable[[int], None]) -> None:
        """``on_chosen`` is told the frame of a row that the person goes to."""
        self._table = table
        self._on_chosen = on_chosen
        self._is_filling = False
        self._shown: dict[tuple[int, int], str] = {}
        titles = (
            (_("Frame"), _("Counted from 0.")),
            (_("s"), _("Time in seconds, where the sequence says it.")),
            (_("°"), _("By how much the head has turned since the reference.")),
            (_("mm"), _("How far the middle of the head has moved since the reference.")),
            (_("FD"), _("Framewise displacement: how far the head has moved since the frame before, in mm.")),
            (_("Verdict"), _("Whether the alignment of the frame can be trusted.")),
        )
        table.setColumnCount(len(titles))
        for column, (title, tip) in enumerate(titles):
            item = qt.QTableWidgetItem(title)
            item.setToolTip(tip)
            table.setHorizontalHeaderItem(column, item)
        for column, width in enumerate(_WIDTHS):
            table.setColumnWidth(column, width)
        table.horizontalHeader().setSectionResizeMode(_VERDICT, qt.QHeaderView.Stretch)
        table.verticalHeader().setDefaultSectionSize(22)
        table.connect("itemSelectionChanged()", self._on_selection)

    def show(self, times: tuple[float, ...], rows: Mapping[int, MotionRow]) -> None:
        """Show all frames by their ``times`` in seconds, and the ``rows`` of those that were tracked."""
        self._is_filling = True
        if self._table.rowCount != len(times):
            self._table.setRowCount(len(times))
            self._shown = {}
        for frame, time in enumerate(times):
            row = rows.get(frame)
            self._write(frame, 0, f"{frame}", row)
            self._write(frame, 1, f"{time:.1f}", row)
            for column, text in enumerate(_numbers(row), 2):
                self._write(frame, column, text, row)
            self._write(frame, _VERDICT, verdict_text(row), row)
        self._is_filling = False

    def go_to(self, frame: int) -> None:
        """Mark the row of the frame that is shown, unless the person has chosen several."""
        if len(self.chosen()) < 2 and self._table.currentRow() != frame:
            self._is_filling = True
            self._table.setCurrentCell(frame, 0)
            self._is_filling = False

    def chosen(self) -> tuple[int, ...]:
        """The frames whose rows are selected."""
        return tuple(sorted({item.row() for item in self._table.selectedItems()}))

    def _write(self, frame: int, column: int, text: str, row: MotionRow | None) -> None:
        tip = text if row is None else row.reasons
        if self._shown.get((frame, column)) == f"{text}\n{tip}":
            return
        self._shown[frame, column] = f"{text}\n{tip}"
        item = self._table.item(frame, column)
        if item is None:
            item = qt.QTableWidgetItem()
            self._table.setItem(frame, column, item)
        item.setText(text)
        item.setToolTip(tip)

    def _on_selection(self) -> None:
        chosen = self.chosen()
        if not self._is_filling and len(chosen) == 1:
            self._on_chosen(chosen[0])


def verdict_text(row: MotionRow | None) -> str:
    """Whether a frame can be trusted, in as few words as a table has room for."""
    if row is None:
        return _("not tracked")
    if row.status is FrameStatus.REFERENCE:
        return _("reference")
    if row.status is FrameStatus.UNUSABLE:
        return _("unusable")
    if row.trust is None:
        return _("lost")
    words = {
        TrustLevel.GOOD: _("good"),
        TrustLevel.CHECK: _("check"),
        TrustLevel.DO_NOT_TRUST: _("do not trust"),
    }[row.trust]
    return _("{verdict}, corrected").format(verdict=words) if row.corrected else words


def needs_a_look(row: MotionRow | None) -> bool:
    """Whether a person should look at a frame: it is not to be trusted, or has no alignment."""
    return row is not None and row.trust is not TrustLevel.GOOD


def _numbers(row: MotionRow | None) -> tuple[str, str, str]:
    if row is None:
        return "", "", ""
    values = (row.rotation_angle, row.translation_length, row.framewise_displacement)
    angle, length, step = (f"{value:.1f}" if np.isfinite(value) else "–" for value in values)
    return angle, length, step
