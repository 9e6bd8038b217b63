"""The table of keypoints: sorted by any column, brought up to date cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..registration.result import KeypointStatus
from ..registration.table import KeypointRow
from .keypoint_wording import columns, detail_text, sorted_rows

#: Pixels of the first columns at most: at the panel's least width, what tells good from bad pairs is beside the name.
_WIDEST = (152, 80, 60)


class KeypointTable:
    """Fills a QTableWidget with keypoints and tells what the person does with it.

    The rows are put in order here, not by Qt, which would compare numbers as text.  The order stays until the person sorts
    anew: rows do not move away under the mouse when a correction changes their numbers.
    """

    def __init__(self, table: Any, on_chosen: Callable[[int], None], on_ticked: Callable[[int, bool], None]) -> None:
        """``on_chosen`` is told the keypoint of a row that the person goes to, ``on_ticked`` one whose tick was changed."""
        self._table = table
        self._on_chosen, self._on_ticked = on_chosen, on_ticked
        self._columns = columns()
        self._rows: tuple[KeypointRow, ...] = ()
        self._order: list[int] = []  # keypoints from top to bottom
        self._shown: dict[tuple[int, int], str] = {}  # texts by (keypoint, column)
        self._sorted_by, self._descending = 0, False
        self._is_filling = False
        table.setColumnCount(len(self._columns))
        for index, column in enumerate(self._columns):
            item = qt.QTableWidgetItem(column.title)
            item.setToolTip(column.tip)
            table.setHorizontalHeaderItem(index, item)
        header = table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(0, qt.Qt.AscendingOrder)
        header.connect("sectionClicked(int)", self._on_title)
        table.connect("itemSelectionChanged()", self._on_selection)
        table.connect("itemChanged(QTableWidgetItem*)", self._on_item)

    def show(self, rows: tuple[KeypointRow, ...], live: bool = False) -> None:
        """Show these keypoints: anew where they are other ones, else only the cells that have changed.

        ``live``: a point is being dragged, and only rows in sight need to follow; all do once it is let go.
        """
        same = tuple(row.keypoint for row in rows) == tuple(row.keypoint for row in self._rows)
        self._rows = rows
        if same:
            self._fill(self._in_sight() if live else range(len(self._order)))
        else:
            self._build()

    def select(self, keypoint: int | None) -> None:
        """Go to the row of a keypoint, or to none."""
        self._is_filling = True
        if keypoint is None or keypoint not in self._order:
            self._table.clearSelection()
        else:
            row = self._order.index(keypoint)
            if self._table.currentRow() != row or not self._table.selectedItems():
                self._table.setCurrentCell(row, max(self._table.currentColumn(), 0))
                self._table.scrollToItem(self._table.item(row, 0))
        self._is_filling = False

    def row(self, keypoint: int) -> KeypointRow:
        """What is shown of a keypoint."""
        return self._rows[keypoint]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """All cells anew, in the order that the person has chosen."""
        table = self._table
        self._is_filling = True
        table.setUpdatesEnabled(False)
        column = self._columns[self._sorted_by]
        self._order = [row.keypoint for row in sorted_rows(self._rows, column, self._descending)]
        self._shown = {}
        table.setRowCount(len(self._rows))
        alignment = int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter)
        for position in range(len(self._order)):
            for index, column in enumerate(self._columns):
                item = qt.QTableWidgetItem("")
                if column.is_number:
                    item.setData(qt.Qt.TextAlignmentRole, alignment)
                table.setItem(position, index, item)
        self._fill(range(len(self._order)))
        table.resizeColumnsToContents()
        for index, widest in enumerate(_WIDEST):
            table.setColumnWidth(index, min(table.columnWidth(index), widest))
        table.setUpdatesEnabled(True)

    def _in_sight(self) -> range:
        """The positions of the rows that the person can see without scrolling."""
        first, last = self._table.rowAt(0), self._table.rowAt(self._table.viewport().height - 1)
        return range(max(first, 0), (last if last >= 0 else len(self._order) - 1) + 1)

    def _fill(self, positions: range) -> None:
        """Write what differs from what is shown in these rows."""
        self._is_filling = True
        for position in positions:
            keypoint = self._order[position]
            row = self._rows[keypoint]
            for index, column in enumerate(self._columns):
                self._write(position, index, keypoint, column.text(row))
            self._tick(position, row)
        self._is_filling = False

    def _write(self, position: int, index: int, keypoint: int, text: str) -> None:
        if self._shown.get((keypoint, index)) != text:
            self._shown[keypoint, index] = text
            self._table.item(position, index).setText(text)

    def _tick(self, position: int, row: KeypointRow) -> None:
        """Whether the pair is used; a pair that is missing in a scan cannot be."""
        word = f"{row.status.value} {row.why}"
        if self._shown.get((row.keypoint, -1)) == word:
            return
        self._shown[row.keypoint, -1] = word
        item = self._table.item(position, 0)
        used = row.status is KeypointStatus.USED
        item.setData(qt.Qt.CheckStateRole, None)
        if row.status is not KeypointStatus.MISSING:
            item.setCheckState(qt.Qt.Checked if used else qt.Qt.Unchecked)
        for index in range(len(self._columns)):
            self._table.item(position, index).setToolTip(detail_text(row))

    def _on_title(self, index: int) -> None:
        """Sort by a column; a second click turns the order round.  Numbers begin with the largest: it asks for a look."""
        if index == self._sorted_by:
            self._descending = not self._descending
        else:
            self._sorted_by, self._descending = index, self._columns[index].is_number
        order = qt.Qt.DescendingOrder if self._descending else qt.Qt.AscendingOrder
        self._table.horizontalHeader().setSortIndicator(index, order)
        selected = self._selected()
        self._build()
        self.select(selected)

    def _on_selection(self) -> None:
        keypoint = self._selected()
        if not self._is_filling and keypoint is not None:
            self._on_chosen(keypoint)

    def _on_item(self, item: Any) -> None:
        if self._is_filling or item.column() != 0:
            return
        keypoint = self._order[item.row()]
        used = self._rows[keypoint].status is KeypointStatus.USED
        ticked = item.checkState() == qt.Qt.Checked
        if ticked != used:
            self._shown.pop((keypoint, -1), None)  # the tick shows the wish until the alignment says what became of it
            self._on_ticked(keypoint, ticked)

    def _selected(self) -> int | None:
        row = self._table.currentRow()
        return self._order[row] if self._table.selectedItems() and 0 <= row < len(self._order) else None
