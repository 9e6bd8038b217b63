"""The worklists of a scene: which one is open, and what was said in all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import slicer

from ...review.annotation import AnnotatedRegistration, merged
from ...review.worklist import Worklist
from ...review.worklist_state import WorklistState, from_text, to_text
from ..nodes import add_hidden_text
from .annotations import adopt_annotations, annotated_registrations, check_model
from .worklist import SceneWorklist

#: Attribute of the hidden text node of a worklist; its value is the worklist's file, or ``_PAIRS_OF_SCENE``.
WORKLIST = "KeypointRegistration.Worklist"

_PAIRS_OF_SCENE = "the registrations of the scene"
_ACTIVE = "KeypointRegistration.WorklistActive"


def open_worklist(scene: slicer.vtkMRMLScene, worklist: Worklist | None) -> SceneWorklist:
    """Work on a list from now on (None: on the registrations of the scene), where one left off if it was open before."""
    close_worklist(scene)
    name = _PAIRS_OF_SCENE if worklist is None else worklist.source
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


def close_worklist(scene: slicer.vtkMRMLScene) -> None:
    """Close the list, if one is open.  What was done stays in the scene, and opening the list again goes on from there."""
    for node in _nodes(scene):
        if node.GetAttribute(_ACTIVE):
            SceneWorklist(node).note()
            node.RemoveAttribute(_ACTIVE)


def active_worklist(scene: slicer.vtkMRMLScene) -> SceneWorklist | None:
    """The list that is worked on in this scene, or None."""
    return next((SceneWorklist(node) for node in _nodes(scene) if node.GetAttribute(_ACTIVE)), None)


def everything_annotated(scene: slicer.vtkMRMLScene) -> tuple[AnnotatedRegistration, ...]:
    """All registrations of the scene and of all rows of its worklists, with everything that was said of them.

    Raises:
        InputError: if the annotations of a registration cannot be read.
    """
    present = {entry.identifier: entry for entry in annotated_registrations(scene)}
    found = dict(present)
    for worklist in [SceneWorklist(node) for node in _nodes(scene)]:
        worklist.note()
        for entry in worklist.remembered:
            found[entry.identifier] = _latest(entry, present.get(entry.identifier), found.get(entry.identifier))
    return tuple(found.values())


def adopt_everywhere(scene: slicer.vtkMRMLScene, listed: Iterable[AnnotatedRegistration]) -> tuple[int, int]:
    """Add what a list says to the registrations of the scene and of all rows of its worklists.  Nothing is lost.

    Returns:
        How many registrations the list is about that are known here, and how many in all.

    Raises:
        InputError: if it is of another model or version than a registration that it is about.  Nothing is changed.
    """
    by_identifier = {entry.identifier: entry for entry in listed}
    worklists = [SceneWorklist(node) for node in _nodes(scene)]
    for entry in (entry for worklist in worklists for entry in worklist.remembered):
        if entry.identifier in by_identifier:
            check_model(by_identifier[entry.identifier], entry.model, f"{entry.moving} → {entry.fixed}")
    found = adopt_annotations(scene, by_identifier.values())
    for worklist in worklists:
        found |= worklist.adopt(by_identifier)
    return len(found), len(by_identifier)


def _latest(
    row: AnnotatedRegistration, present: AnnotatedRegistration | None, known: AnnotatedRegistration | None
) -> AnnotatedRegistration:
    """A registration that a row remembers, as it is now if it is ``present`` in the scene, called as in the row.

    If it is gone, what was said of it in another list, if it is ``known`` from there, is added.
    """
    if present is not None:
        return replace(present, fixed=row.fixed, moving=row.moving)
    return row if known is None else replace(row, history=merged(known.history, row.history))


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
