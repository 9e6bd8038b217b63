"""Folders of the subject hierarchy, in the application and without it."""

from __future__ import annotations

from collections.abc import Iterable

import slicer
import vtk

_UID = "KeypointRegistration"  # the kind of unique identifier that our folders carry


def add_folder(
    scene: slicer.vtkMRMLScene, name: str, identifier: str, beside: slicer.vtkMRMLNode, members: Iterable[slicer.vtkMRMLNode]
) -> None:
    """Put ``members`` into a new folder next to the node ``beside``; the folder carries ``identifier``."""
    hierarchy = _hierarchy(scene)
    item = hierarchy.GetItemByDataNode(beside)
    parent = hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID()
    folder = hierarchy.CreateFolderItem(parent, hierarchy.GenerateUniqueItemName(name))
    hierarchy.SetItemUID(folder, _UID, identifier)
    for member in members:
        _place(hierarchy, member, folder)


def add_member(scene: slicer.vtkMRMLScene, member: slicer.vtkMRMLNode, beside: slicer.vtkMRMLNode) -> None:
    """Put one more node into the folder that ``beside`` is in."""
    hierarchy = _hierarchy(scene)
    item = hierarchy.GetItemByDataNode(beside)
    _place(hierarchy, member, hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID())


def folder_item(scene: slicer.vtkMRMLScene, identifier: str, members: Iterable[slicer.vtkMRMLNode]) -> int:
    """The folder with this identifier that one of ``members`` is in, or 0.

    The search starts from the members because a scene into which the same file was read twice has two such folders.
    """
    hierarchy = _hierarchy(scene)
    for member in members:
        item = hierarchy.GetItemByDataNode(member)
        while item and hierarchy.GetItemUID(item, _UID) != identifier:
            item = hierarchy.GetItemParent(item)
        if item:
            return item
    return 0


def remove_item(scene: slicer.vtkMRMLScene, item: int) -> None:
    """Remove an item (0 for none) but no node; what the user has put below it moves up to the item's parent."""
    if not item:
        return
    hierarchy = _hierarchy(scene)
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(item, children)
    for position in range(children.GetNumberOfIds()):
        hierarchy.SetItemParent(children.GetId(position), hierarchy.GetItemParent(item))
    hierarchy.RemoveItem(item, False, False)


def remove_folder(scene: slicer.vtkMRMLScene, folder: int) -> None:
    """Remove a folder (0 for none), with the display node that Slicer gives to folders; its content moves up and stays."""
    if folder:
        display = _hierarchy(scene).GetItemDataNode(folder)
        remove_item(scene, folder)
        if display is not None:
            scene.RemoveNode(display)


def item_of(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode) -> int:
    """The item that stands for a node, or 0."""
    return _hierarchy(scene).GetItemByDataNode(node)


def _hierarchy(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLSubjectHierarchyNode:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _place(hierarchy: slicer.vtkMRMLSubjectHierarchyNode, node: slicer.vtkMRMLNode, parent: int) -> None:
    """Slicer makes an item for every node that is added; without the application there may be none yet."""
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)
