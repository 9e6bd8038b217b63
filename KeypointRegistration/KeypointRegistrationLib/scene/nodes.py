"""Small things done to nodes of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from . import hierarchy


@contextmanager
def batch(scene: slicer.vtkMRMLScene) -> Iterator[None]:
    """Views and widgets follow once, at the end."""
    scene.StartState(slicer.vtkMRMLScene.BatchProcessState)
    try:
        yield
    finally:
        scene.EndState(slicer.vtkMRMLScene.BatchProcessState)


def at_end_of_batch(scene: slicer.vtkMRMLScene, call: Callable[[], None]) -> None:
    """Call once, when the batch ends that the scene is in now."""

    def ended(*_event: object) -> None:
        scene.RemoveObserver(tag)
        call()

    tag = scene.AddObserver(slicer.vtkMRMLScene.EndBatchProcessEvent, ended)


def remove_node(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> None:
    """Remove a node with its display and storage nodes and its place in the subject hierarchy."""
    companions = []
    if node.IsA("vtkMRMLDisplayableNode"):
        companions += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLStorableNode"):
        companions += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
    hierarchy.remove_item(scene, hierarchy.item_of(scene, node))
    scene.RemoveNode(node)
    for companion in companions:
        if companion is not None and scene.IsNodePresent(companion):
            scene.RemoveNode(companion)


def put_under(node: slicer.vtkMRMLTransformableNode, parent: slicer.vtkMRMLTransformNode | None) -> None:
    """Make ``parent`` (None: the world) the node's parent transform."""
    node.SetAndObserveTransformNodeID(parent.GetID() if parent else None)


def own_matrix(transform: slicer.vtkMRMLTransformNode) -> NDArray[np.float64]:
    """4×4 matrix of a linear transform node to its parent."""
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToParent(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def hide_from_lists(node: slicer.vtkMRMLNode) -> None:
    """Let neither the subject hierarchy nor any list show a node.  To be called before it is added to a scene."""
    node.SetHideFromEditors(True)
    node.SetAttribute(slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyExcludeFromTreeAttributeName(), "1")


def add_hidden_text(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLTextNode:
    """A new text node that is saved with the scene, and that neither the subject hierarchy nor any list shows."""
    node = slicer.vtkMRMLTextNode()
    node.SetName(scene.GenerateUniqueName(name))
    hide_from_lists(node)
    node.SetForceCreateStorageNode(slicer.vtkMRMLTextNode.CreateStorageNodeAlways)
    return scene.AddNode(node)
