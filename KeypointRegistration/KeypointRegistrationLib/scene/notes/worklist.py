"""Stepping through many pairs: those of a worklist file, loaded when their turn comes, or those of the scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import slicer

from ...geometry.errors import InputError
from ...review.annotation import AnnotatedRegistration, Rating
from ...review.worklist import BrokenRow, Worklist, WorklistRow
from ...review.worklist_state import RowState, RowStatus, WorklistState, from_text, to_text
from ..results.handle import SceneRegistration, find_registrations
from .annotations import (
    annotated,
    pair_title,
    set_annotations,
)
from .belongings import remember_as_loaded, remove_unless_used
from .kept_results import bring_back, keep, record_text

_FILE = "KeypointRegistration.WorklistFile"  # of a volume that a worklist has loaded: where from

#: Loads a scan from a file into the scene and returns its node, or the nodes where there are several.  Raises InputError if
#: it cannot.
Loader = Callable[[str], Any]


@dataclass(frozen=True)
class Line:
    """One row as the person sees it."""

    title: str
    status: RowStatus
    rating: Rating | None
    remark: str


@dataclass(frozen=True)
class Arrival:
    """What is in the scene for a row: its scans, its masks, its latest registration; or why they are not."""

    fixed: slicer.vtkMRMLScalarVolumeNode | None = None
    moving: slicer.vtkMRMLScalarVolumeNode | None = None
    fixed_mask: slicer.vtkMRMLScalarVolumeNode | None = None
    moving_mask: slicer.vtkMRMLScalarVolumeNode | None = None
    result: SceneRegistration | None = None
    problem: str = ""


class SceneWorklist:
    """The worklist that is open in a scene.  All it knows is in the scene, so that work goes on from a saved one."""

    def __init__(self, node: slicer.vtkMRMLTextNode) -> None:
        self._node = node
        self._scene = node.GetScene()

    @property
    def source(self) -> str:
        """The worklist's file; empty where the rows are the registrations of the scene."""
        return self._state.worklist.source

    @property
    def broken(self) -> tuple[BrokenRow, ...]:
        """Lines of the file that cannot be used."""
        return self._state.worklist.broken

    @property
    def position(self) -> int | None:
        """Index of the row that was stepped to last, None before the first step."""
        if self.source:
            return self._state.position
        identifiers = [result.identifier for result in find_registrations(self._scene)]
        return identifiers.index(self._state.current) if self._state.current in identifiers else None

    @property
    def lines(self) -> tuple[Line, ...]:
        """All rows, as they are now."""
        if not self.source:
            return tuple(_line_of_registration(result) for result in find_registrations(self._scene))
        self.note()
        state = self._state
        return tuple(_line_of_row(row, state.of(row)) for row in state.worklist.rows)

    @property
    def here(self) -> Arrival:
        """What is in the scene for the current row.  Nothing is loaded."""
        position = self.position
        if position is None:
            return Arrival()
        if not self.source:
            result = find_registrations(self._scene)[position]
            return Arrival(result.fixed_volume, result.moving_volume, result=result)
        row = self._state.worklist.rows[position]
        results = self._results(row)
        return Arrival(
            fixed=self._loaded(row.fixed),
            moving=self._loaded(row.moving),
            fixed_mask=self._loaded(row.fixed_mask),
            moving_mask=self._loaded(row.moving_mask),
            result=results[-1] if results else None,
        )

    def step(self, index: int, load: Loader, *, tidy: bool) -> Arrival:
        """Go to a row: load its scans, unless they are there.

        Args:
            index: of the row.
            load: how.
            tidy: whether to take away what was loaded for the row before, and its registration, where nothing else uses
                them and nobody has changed them.  Their annotations stay with the row.
        """
        if not self.source:
            self._state = replace(self._state, current=find_registrations(self._scene)[index].identifier)
            return self.here
        self.note()
        row, position = self._state.worklist.rows[index], self._state.position
        if tidy and position is not None and position != index:
            self._leave(self._state.worklist.rows[position], kept=row.files)
        self._state = replace(self._state, current=row.key)
        try:
            for file in row.files:
                self._load(file, load)
        except InputError as error:
            self.fail(str(error))
            return Arrival(problem=str(error))
        self.fail("")
        if not self._results(row):
            self._bring_back(row)
        return self.here

    def fail(self, problem: str) -> None:
        """The current row could not be worked on: why, as a sentence; empty if it could after all."""
        position = self._state.position
        if position is not None:
            row = self._state.worklist.rows[position]
            self._keep(row, replace(self._state.of(row), problem=problem))

    def note(self) -> None:
        """Remember the registrations of all rows that are in the scene, and what was said of them."""
        by_row, before = self._results_by_row(), self._state
        state = before
        for row in [row for row in before.worklist.rows if row.key in by_row]:
            row_state = state.of(row)
            for result in by_row[row.key]:
                try:
                    entry = annotated(result)
                except InputError:  # what cannot be read stays with the registration
                    continue
                row_state = row_state.having(replace(entry, fixed=row.fixed, moving=row.moving))
            state = state.having(row, row_state)
        if state != before:
            self._state = state

    def reopen(self, worklist: Worklist) -> None:
        """The file was read again: go on with the rows that it has now."""
        self._state = self._state.reopened(worklist)

    def adopt(self, listed: Mapping[str, AnnotatedRegistration]) -> set[str]:
        """Add what a list (by identifier) says to the registrations of the rows; returns which it is about."""
        about = {entry.identifier for entry in self.remembered} & set(listed)
        states = {key: state.with_said(listed) for key, state in self._state.states.items()}
        self._state = replace(self._state, states=states)
        return about

    @property
    def remembered(self) -> tuple[AnnotatedRegistration, ...]:
        """All registrations of all rows, also of those that have left the scene."""
        return tuple(entry for row in self._state.states.values() for entry in row.registrations)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> WorklistState:
        return from_text(self._node.GetText())

    @_state.setter
    def _state(self, state: WorklistState) -> None:
        text = to_text(state)
        if text != self._node.GetText():
            self._node.SetText(text)

    def _keep(self, row: WorklistRow, state: RowState) -> None:
        if state != self._state.of(row):
            self._state = self._state.having(row, state)

    def _bring_back(self, row: WorklistRow) -> None:
        """Show the registration that was taken away when the row was left, with what was said of it."""
        fixed, moving = self._loaded(row.fixed), self._loaded(row.moving)
        for entry in self._state.of(row).registrations:
            result = bring_back(entry.identifier, fixed, moving)
            if result is not None:
                set_annotations(result, entry.history)

    def _load(self, file: str, load: Loader) -> None:
        if self._loaded(file) is not None:
            return
        if not Path(file).exists():
            raise InputError(f"There is no file {file}. Correct the worklist, or connect the drive that it is on.")
        loaded = load(file)
        nodes = loaded if isinstance(loaded, list | tuple) else [loaded]
        try:
            if len(nodes) != 1 or nodes[0] is None:
                raise InputError(f"{file} does not hold exactly one volume. Name a file with a single scan.")
            remember_as_loaded(nodes[0])
        except InputError:
            remove_unless_used(self._scene, [node for node in nodes if node is not None], [])
            raise
        nodes[0].SetAttribute(_FILE, file)

    def _loaded(self, file: str) -> slicer.vtkMRMLScalarVolumeNode | None:
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", self._scene)
        return next((node for node in nodes if file and node.GetAttribute(_FILE) == file), None)

    def _results(self, row: WorklistRow) -> list[SceneRegistration]:
        """Registrations of the row, in the order they were made."""
        return self._results_by_row().get(row.key, [])

    def _results_by_row(self) -> dict[str, list[SceneRegistration]]:
        """Registrations in the scene by the keys of their rows, in the order they were made.

        Where several rows name the same scans, as with different masks, a registration is of the row that remembers it, or
        else of the current row, or else of the first.
        """
        state = self._state
        rows = sorted(state.worklist.rows, key=lambda row: row.key != state.current)
        known = {(row.key, entry.identifier) for row in rows for entry in state.of(row).registrations}
        by_row: dict[str, list[SceneRegistration]] = {}
        for result in find_registrations(self._scene):
            scans = self._files(result)
            keys = [row.key for row in rows if (row.fixed, row.moving) == scans]
            owner = next((key for key in keys if (key, result.identifier) in known), keys[0] if keys else None)
            if owner is not None:
                by_row.setdefault(owner, []).append(result)
        return by_row

    def _files(self, result: SceneRegistration) -> tuple[str, str] | None:
        """Where a worklist has loaded the scans of a registration from (fixed, moving).  None if it has not."""
        scans = result.fixed_volume, result.moving_volume
        fixed, moving = ("" if scan is None else scan.GetAttribute(_FILE) or "" for scan in scans)
        are_ours = all(self._loaded(file) is scan for file, scan in zip((fixed, moving), scans, strict=True))
        return (fixed, moving) if fixed and moving and are_ours else None

    def _leave(self, row: WorklistRow, kept: tuple[str, ...]) -> None:
        """Take away what is there because of a row, but no scan of the files in ``kept``.

        Its registration can be brought back; where there are several, which may build on each other, all stay.
        """
        results = self._results(row)
        if len(results) > 1:
            return
        records = {result.identifier: record_text(result) for result in results}
        scans = [self._loaded(file) for file in row.files if file not in kept]
        if remove_unless_used(self._scene, [scan for scan in scans if scan is not None], results):
            for identifier, text in records.items():
                keep(self._scene, identifier, text)


def _line_of_row(row: WorklistRow, state: RowState) -> Line:
    return Line(row.title, state.status, state.rating, state.problem or row.comment)


def _line_of_registration(result: SceneRegistration) -> Line:
    try:
        state = RowState(registrations=(annotated(result),))
    except InputError as error:
        state = RowState(problem=str(error))
    remark = state.problem or next((a.comment for a in reversed(state.registrations[0].history) if a.comment), "")
    return Line(pair_title(result), state.status, state.rating, remark)
