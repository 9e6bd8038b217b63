"""What a tracked series consists of in the scene: which nodes, in which roles, and how they go together."""

from __future__ import annotations

from collections.abc import Iterator

import slicer

from ..nodes import remove_node

#: Attribute of the hidden text node that stands for a track; its value is the identifier of its registration.
TRACK = "KeypointRegistration.Track"

# What that node refers to, by role: four sequences, which the volume's browser plays, and what is shown of them.
RECORDS = "records"
TRANSFORMS = "transforms"
FIXED_POINTS = "fixedKeypoints"
MOVING_POINTS = "movingKeypoints"
VOLUMES = "volumes"  # the sequence that was tracked, which is the user's
REFERENCE = "reference"
TABLE = "motionTable"
PLOT_SERIES = "plotSeries"
CHARTS = "charts"

SEQUENCES = (RECORDS, TRANSFORMS, FIXED_POINTS, MOVING_POINTS)
_MADE = (*SEQUENCES, CHARTS, PLOT_SERIES, TABLE, REFERENCE)


def track_nodes(scene: slicer.vtkMRMLScene) -> list[slicer.vtkMRMLTextNode]:
    """The nodes that stand for the tracks of a scene, in the order they were made."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLTextNode", scene) if node.GetAttribute(TRACK)]


def browser_with(sequence: slicer.vtkMRMLSequenceNode | None) -> slicer.vtkMRMLSequenceBrowserNode | None:
    """The browser that plays a sequence, or None."""
    if sequence is None or sequence.GetScene() is None:
        return None
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode", sequence.GetScene())
    return next((browser for browser in browsers if browser.IsSynchronizedSequenceNode(sequence, True)), None)


def synchronise(
    browser: slicer.vtkMRMLSequenceBrowserNode, node: slicer.vtkMRMLNode, sequence: slicer.vtkMRMLSequenceNode
) -> None:
    """Let ``node`` show the item of ``sequence`` that the browser is at, and what is changed of it be kept there."""
    browser.AddSynchronizedSequenceNode(sequence)
    superfluous = browser.GetProxyNode(sequence)  # which the browser has made by itself
    browser.AddProxyNode(node, sequence, False)
    browser.SetOverwriteProxyName(sequence, False)
    browser.SetSaveChanges(sequence, True)
    if superfluous is not None and superfluous is not node:
        remove_node(node.GetScene(), superfluous)


def release(record: slicer.vtkMRMLTextNode | None) -> None:
    """Before a registration is removed: if it is the track of a series, take its sequences, table and plots away.

    The nodes that showed them stay, with what they show at the moment: they are the registration's own.
    """
    if record is None:
        return
    for track in track_nodes(record.GetScene()):
        records = track.GetNodeReference(RECORDS)
        browser = browser_with(records)
        if browser is not None and browser.GetProxyNode(records) is record:
            remove_track(track)


def remove_track(track: slicer.vtkMRMLTextNode) -> None:
    """Remove the node that stands for a track and what was made with it."""
    scene = track.GetScene()
    for node in list(_made(track)):
        browser = browser_with(node) if node.IsA("vtkMRMLSequenceNode") else None
        if browser is not None:
            browser.RemoveSynchronizedSequenceNode(node.GetID())
        remove_node(scene, node)
    remove_node(scene, track)


def _made(track: slicer.vtkMRMLTextNode) -> Iterator[slicer.vtkMRMLNode]:
    for role in _MADE:
        for n in range(track.GetNumberOfNodeReferences(role)):
            node = track.GetNthNodeReference(role, n)
            if node is not None:
                yield node
