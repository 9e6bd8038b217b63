"""Stepping through many pairs: those of a worklist file, loaded when their turn comes, or those of the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import slicer

from ..geometry.errors import InputError
from ..registration.annotation import AnnotatedRegistration, Rating
from ..registration.worklist import BrokenRow, Worklist, WorklistRow
from ..registration.worklist_state import RowState, RowStatus, WorklistState, from_text, to_text
from .annotations import annotated, annotated_registrations, pair_title
from .belongings import remember_as_loaded, remove_unless_used
from .handle import SceneRegistration, find_registrations
from .nodes import add_hidden_text

#: Attribute of the hidden text node of a worklist; its value is the worklist's file, or ``PAIRS_OF_SCENE``.
WORKLIST = "KeypointRegistration.Worklist"
PAIRS_OF_SCENE = "the registrations of the scene"

_ACTIVE = "KeypointRegistration.WorklistActive"
_FILE = "KeypointRegistration.WorklistFile"  # of a volume that a worklist has loaded: where from

#: Loads a scan from a file into the scene.  Raises InputError if it cannot.
Loader = Callable[[str], slicer.vtkMRMLScalarVolumeNode]


@dataclass(frozen=True)
class Line:
    """One row as the person sees it."""

    title: str
    status: RowStatus
    rating: Rating | None
    remark: str


@dataclass(frozen=True)
class Arrival:
    """What is there after stepping to a row: its scans, its masks, its latest registration; or why they are not."""

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

    def step(self, index: int, load: Loader, *, tidy: bool) -> Arrival:
        """Go to a row: load its scans, unless they are there.

        Args:
            index: of the row.
            load: how.
            tidy: whether to take away what was loaded for the row before, and its registration, where nothing else uses
                them and nobody has changed them.  Their annotations stay with the row.
        """
        if not self.source:
            result = find_registrations(self._scene)[index]
            self._state = replace(self._state, current=result.identifier)
            return Arrival(result.fixed_volume, result.moving_volume, result=result)
        self.note()
        row, position = self._state.worklist.rows[index], self._state.position
        if tidy and position is not None and position != index:
            self._leave(self._state.worklist.rows[position], kept=row.files)
        self._state = replace(self._state, current=row.key)
        try:
            scans = {file: self._volume(file, load) for file in row.files}
        except InputError as error:
            self.fail(str(error))
            return Arrival(problem=str(error))
        self.fail("")
        return self._arrival(row, scans)

    def fail(self, problem: str) -> None:
        """The current row could not be worked on: why, as a sentence; empty if it could after all."""
        position = self._state.position
        if position is not None:
            row = self._state.worklist.rows[position]
            self._keep(row, replace(self._state.of(row), problem=problem))

    def note(self) -> None:
        """Remember the registrations of the current row and what was said of them."""
        position = self._state.position
        if position is not None:
            row = self._state.worklist.rows[position]
            row_state = self._state.of(row)
            for result in self._results(row):
                try:
                    entry = annotated(result)
                except InputError:  # what cannot be read stays with the registration
                    continue
                row_state = row_state.having(replace(entry, fixed=row.fixed, moving=row.moving))
            self._keep(row, row_state)

    def reopen(self, worklist: Worklist) -> None:
        """The file was read again: go on with the rows that it has now."""
        self._state = self._state.reopened(worklist)

    def close(self) -> None:
        """Close the list.  What was done stays in the scene, and the list goes on from there when it is opened again."""
        self.note()
        self._node.RemoveAttribute(_ACTIVE)

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

    def _arrival(self, row: WorklistRow, scans: dict[str, slicer.vtkMRMLScalarVolumeNode]) -> Arrival:
        results = self._results(row)
        return Arrival(
            fixed=scans[row.fixed],
            moving=scans[row.moving],
            fixed_mask=scans.get(row.fixed_mask),
            moving_mask=scans.get(row.moving_mask),
            result=results[-1] if results else None,
        )

    def _volume(self, file: str, load: Loader) -> slicer.vtkMRMLScalarVolumeNode:
        loaded = self._loaded(file)
        if loaded is not None:
            return loaded
        if not Path(file).exists():
            raise InputError(f"There is no file {file}. Correct the worklist, or connect the drive that it is on.")
        node = load(file)
        try:
            remember_as_loaded(node)
        except InputError:
            remove_unless_used(self._scene, [node], [])
            raise
        node.SetAttribute(_FILE, file)
        return node

    def _loaded(self, file: str) -> slicer.vtkMRMLScalarVolumeNode | None:
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", self._scene)
        return next((node for node in nodes if node.GetAttribute(_FILE) == file), None)

    def _results(self, row: WorklistRow) -> list[SceneRegistration]:
        """Registrations of the row's scans, in the order they were made."""
        fixed, moving = self._loaded(row.fixed), self._loaded(row.moving)
        if fixed is None or moving is None:
            return []
        results = find_registrations(self._scene)
        return [result for result in results if result.fixed_volume is fixed and result.moving_volume is moving]

    def _leave(self, row: WorklistRow, kept: tuple[str, ...]) -> None:
        """Take away what is there because of a row, but no scan of the files in ``kept``."""
        scans = [self._loaded(file) for file in row.files if file not in kept]
        remove_unless_used(self._scene, [scan for scan in scans if scan is not None], self._results(row))


def open_worklist(scene: slicer.vtkMRMLScene, worklist: Worklist | None) -> SceneWorklist:
    """Work on a list from now on (None: on the registrations of the scene), where one left off if it was open before."""
    active = active_worklist(scene)
    if active is not None:
        active.close()
    name = PAIRS_OF_SCENE if worklist is None else worklist.source
    node = next((node for node in _nodes(scene) if node.GetAttribute(WORKLIST) == name), None)
    if node is None:
        node = add_hidden_text(scene, "Keypoint registration worklist")
        node.SetAttribute(WORKLIST, name)
        node.SetText(to_text(WorklistState(Worklist("", ()) if worklist is None else worklist)))
    node.SetAttribute(_ACTIVE, "1")
    opened = SceneWorklist(node)
    if worklist is not None:
        opened.reopen(worklist)
    return opened


def active_worklist(scene: slicer.vtkMRMLScene) -> SceneWorklist | None:
    """The list that is worked on in this scene, or None; also None while the scene is closed."""
    if scene.IsClosing():
        return None
    return next((SceneWorklist(node) for node in _nodes(scene) if node.GetAttribute(_ACTIVE)), None)


def everything_annotated(scene: slicer.vtkMRMLScene) -> tuple[AnnotatedRegistration, ...]:
    """All registrations of the scene and of all rows of its worklists, with everything that was said of them.

    Raises:
        InputError: if the annotations of a registration cannot be read.
    """
    found = {entry.identifier: entry for entry in annotated_registrations(scene)}
    for node in _nodes(scene):
        worklist = SceneWorklist(node)
        worklist.note()
        found |= {entry.identifier: entry for entry in worklist.remembered}
    return tuple(found.values())


def _nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLTextNode]:
    """Of all lists that were opened.  One that cannot be read is left alone."""
    texts = slicer.util.getNodesByClass("vtkMRMLTextNode", scene)
    return [node for node in texts if node.GetAttribute(WORKLIST) and _is_readable(node)]


def _is_readable(node: slicer.vtkMRMLTextNode) -> bool:
    try:
        from_text(node.GetText())
    except ValueError:
        return False
    return True


def _line_of_row(row: WorklistRow, state: RowState) -> Line:
    return Line(row.title, state.status, state.rating, state.problem or row.comment)


def _line_of_registration(result: SceneRegistration) -> Line:
    try:
        state = RowState(registrations=(annotated(result),))
    except InputError as error:
        state = RowState(problem=str(error))
    remark = state.problem or next((a.comment for a in reversed(state.registrations[0].history) if a.comment), "")
    return Line(pair_title(result), state.status, state.rating, remark)
